"""Starts Snakemake so that it takes up what a killed run left: ``python run_study.py [ARGUMENTS OF SNAKEMAKE]``.

The workflow itself does so, in `one_run.py`, when this says that it may: plain `snakemake` may have been called to
unlock or to report only, which the workflow cannot know before its plan is made.
"""

from __future__ import annotations

import os
import sys

from runs import RUN_VARIABLE, this_run


def main(arguments: list[str]) -> None:
    """Become Snakemake, and the run that the environment names."""
    os.environ[RUN_VARIABLE] = this_run().name
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
