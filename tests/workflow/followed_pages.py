"""Pages of docs/ that tests follow: what stands in their blocks is done in a copy of the workflow."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_BLOCK = re.compile(r"^```(python|diff|yaml)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str]]:
    """Return kind and content of each block of a page: "python" and "yaml" are files, "" is a command."""
    return _BLOCK.findall(text)


def edit(folder: Path, block: str) -> None:
    """Replace the lines marked with - by those marked with +, in the file named in the first line."""
    name, *lines = block.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] == mark) for mark in "-+")
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has these lines {text.count(old)} times:\n{old}"
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def write(folder: Path, block: str) -> str:
    """Write a file that the page shows whole; its first line, a comment, names it."""
    first, content = block.split("\n", 1)
    name = first.removeprefix("# ")
    assert not (folder / name).exists()
    (folder / name).write_text(content, encoding="utf-8")
    return name


def sources(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below a folder, by its path from there; what was made is left out."""
    made = {"results", ".snakemake", "__pycache__"}
    paths = [path for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in paths if not made.intersection(path.relative_to(folder).parts)]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def touched(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the files that differ, from what `sources` returned twice."""
    return {name for name in before.keys() | after if before.get(name) != after.get(name)}
