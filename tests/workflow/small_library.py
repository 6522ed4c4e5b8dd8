"""Generates the raw files of the data set of docs/adding_a_dataset.md."""

from __future__ import annotations

import random
from pathlib import Path

READERS, BOOKS = 60, 90


def write_library(folder: Path) -> None:
    """Write `loans.tsv` and `books.tsv`: each reader borrows books near a favourite; one of them only three."""
    folder.mkdir(parents=True)
    numbers = random.Random(0)
    loans = []
    for reader in range(1, READERS + 1):
        favourite, count = numbers.randrange(BOOKS), 3 if reader == READERS else numbers.randint(6, 14)
        for place, offset in enumerate(numbers.sample(range(30), k=count)):
            loans.append(f"r{reader}\t{(favourite + offset) % BOOKS}\t{1_500_000_000 + 1000 * reader + 10 * place}")
    books = ["book\ttitle", *(f"{book}\tVolume {book}" for book in range(BOOKS))]
    for name, lines in {"loans.tsv": loans, "books.tsv": books}.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
