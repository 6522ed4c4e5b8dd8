"""Run a study: what `make run` does, for any study."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ilora.cli import example

_STARTER = Path("workflow_scripts") / "run_study.py"

# Rules carry the version of all code that they use, so the age of a script's file does not matter.
_RERUN_TRIGGERS = ("--rerun-triggers", "mtime", "params", "input", "software-env")


def checkout_around(folder: Path) -> Path:
    """Return the folder itself or its nearest parent that holds the workflow.

    Raises:
        FileNotFoundError: if there is none.
    """
    for place in (folder, *folder.parents):
        if (place / "Snakefile").is_file() and (place / _STARTER).is_file():
            return place
    raise FileNotFoundError(
        f"{folder}: found no workflow here or in a parent folder, expected Snakefile and {_STARTER}: call "
        "this in a checkout, or plain snakemake with --snakefile"
    )


def command(checkout: Path, study: Path | None, others: Sequence[str]) -> list[str]:
    """Return the command that starts a study; later options override earlier ones."""
    chosen = [] if study is None else ["--configfile", str(study.resolve())]
    usual = ["--quiet", "host", "reason", "rules", "--cores", "all", "--rerun-incomplete"]
    return [sys.executable, str(checkout / _STARTER), *_RERUN_TRIGGERS, *usual, *chosen, *others]


def main(arguments: Sequence[str]) -> None:
    """Become the run of a study; on a mistake, exit with one line that says what to do."""
    parser = argparse.ArgumentParser(
        prog="ilora run",
        description="Run a study. All other arguments go to Snakemake: --cores, --dry-run, targets after --.",
        epilog=example("run"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("study", nargs="?", type=Path, metavar="STUDY.yaml", help="the default study if omitted")
    named, others = parser.parse_known_args(arguments[:1])
    others += arguments[1:]
    if named.study is not None and not named.study.is_file():
        parser.error(f"{named.study}: found no such file, expected a study such as studies/smoke.yaml")
    try:
        checkout = checkout_around(Path.cwd())
    except FileNotFoundError as error:
        sys.exit(f"ilora run: {error}")
    starter = command(checkout, named.study, others)
    os.chdir(checkout)
    os.execv(starter[0], starter)
