"""Writes the invented data set of `studies/smoke.yaml`, in the layout of MovieLens-100K: u.data and u.item.

To rewrite the files, run: python tests/workflow/small_movielens.py
"""

from __future__ import annotations

import random
from pathlib import Path

FOLDER = Path(__file__).with_name("small_movielens")
USERS = 60
FILMS = 90
GENRES = 19
SEED = 0

_FIRST = ("Silver", "Lost", "Quiet", "Burning", "Northern", "Paper", "Second", "Winter", "Hidden", "Electric")
_SECOND = ("River", "Garden", "Letter", "Harbour", "Machine", "Orchard", "Signal", "Parade", "Mountain")


def item_lines() -> list[str]:
    """Return `u.item`: a leading article moved behind a comma, a repeated title, a title inside another."""
    titles = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    titles = [f"{title}, The" if number % 3 == 0 else title for number, title in enumerate(titles)]
    titles[1], titles[2] = titles[0], "River"
    lines = []
    for film, title in enumerate(titles, start=1):
        flags = "|".join("1" if genre == film % GENRES else "0" for genre in range(GENRES))
        lines.append(f"{film}|{title} ({1950 + film % 48})|01-Jan-1996|||{flags}")
    return lines


def data_lines() -> list[str]:
    """Return `u.data`: each user rates films near a favourite, most of them well."""
    random_numbers = random.Random(SEED)
    lines = []
    for user in range(1, USERS + 1):
        favourite = random_numbers.randrange(FILMS)
        films = random_numbers.sample(range(30), k=random_numbers.randint(8, 20))
        for position, offset in enumerate(films):
            film = 1 + (favourite + offset) % FILMS
            rating = random_numbers.choice((2, 3, 4, 4, 5, 5))
            lines.append(f"{user}\t{film}\t{rating}\t{880_000_000 + 1000 * user + 10 * position}")
    random_numbers.shuffle(lines)
    return lines


def contents() -> dict[str, bytes]:
    """Return the files by name, encoded as MovieLens is."""
    files = {"u.data": data_lines(), "u.item": item_lines()}
    return {name: ("\n".join(lines) + "\n").encode("latin-1") for name, lines in files.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in contents().items():
        (FOLDER / name).write_bytes(content)
