"""Start Snakemake so that it takes over from a killed run: ``python run_study.py [ARGUMENTS OF SNAKEMAKE]``.

The workflow itself does this, in `one_run.py`, but only if it was started here: plain `snakemake` may have been called
just to unlock or to report, which the workflow cannot know before planning.
"""

from __future__ import annotations

import os
import sys

from runs import RUN_VARIABLE, this_run


def main(arguments: list[str]) -> None:
    """Replace this process by Snakemake, with the name of the run in the environment."""
    os.environ[RUN_VARIABLE] = this_run().name
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
