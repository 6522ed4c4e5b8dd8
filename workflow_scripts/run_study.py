"""Start Snakemake so that it recovers from a killed run: ``python run_study.py [ARGUMENTS OF SNAKEMAKE]``.

The recovery itself is in `one_run.py`, if the environment marks the process as a run: plain `snakemake` may have been
called only to unlock or to report, which the workflow cannot know before it has planned.

In a terminal, `run_display.py` shows the run instead of Snakemake's messages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from runs import RUN_VARIABLE, this_run

_SNAKEMAKE = (sys.executable, "-m", "snakemake")
#: Options with which Snakemake does not run jobs, or reports in its own way.
_NOT_A_RUN = frozenset(
    ("-n", "--dry-run", "--dryrun", "-t", "--touch", "--unlock", "--report", "--lint", "--logger", "--verbose")
)


def main(arguments: list[str]) -> None:
    """Replace this process by Snakemake, with the name of the run in the environment."""
    os.environ[RUN_VARIABLE] = this_run().name
    if has_display(arguments):
        # In this process, since its path contains the logger plugin.
        from snakemake.cli import main as snakemake

        sys.argv = [*_SNAKEMAKE[2:], *arguments, "--logger", "ilora"]
        snakemake(sys.argv[1:])
    os.execv(sys.executable, [*_SNAKEMAKE, *arguments])


def has_display(arguments: Sequence[str]) -> bool:
    """Return whether the run is shown in a terminal."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return is_terminal and _NOT_A_RUN.isdisjoint(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
