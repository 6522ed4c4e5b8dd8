"""Executes the step-by-step pages of docs/ in a copy of the workflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^```(python|diff|yaml)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITE_SCHEMA = ".venv/bin/ilora schema --write\n"


def follow(page: str, heading: str, folder: Path) -> str:
    """Follow a section of a page in a copy of the workflow, up to running the study; return the study's file."""
    (section,) = [part for part in page.split("\n## ")[1:] if part.startswith(heading)]
    written, study = False, ""
    for kind, content in BLOCK.findall(section):
        if kind == "diff":
            edit(folder, content)
        elif kind:
            study = write(folder, content)
        elif content == WRITE_SCHEMA:
            environment = {**os.environ, "PYTHONPATH": "workflow_scripts", "PYTHONDONTWRITEBYTECODE": "1"}
            subprocess.run(
                [sys.executable, "-m", "ilora.cli", *content.split()[1:]], cwd=folder, env=environment, check=True
            )
            written = True
        else:
            assert content == f"snakemake --cores 2 --configfile {study}\n"
    assert written and study.startswith("studies/")
    return study


def edit(folder: Path, block: str) -> None:
    """Replace the lines marked with - by those marked with +, in the file named in the first line."""
    name, *lines = block.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] == mark) for mark in "-+")
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has these lines {text.count(old)} times:\n{old}"
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def write(folder: Path, block: str) -> str:
    """Write a file that the page shows completely; its first line, a comment, has its name."""
    first, content = block.split("\n", 1)
    name = first.removeprefix("# ")
    assert not (folder / name).exists()
    (folder / name).write_text(content, encoding="utf-8")
    return name
