"""MovieLens-1M is read as GroupLens distributes it."""

import json
from pathlib import Path

import pytest

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawDataError
from ilora.datasets.movielens_1m import MOVIES_FILE, RATINGS_FILE, read_movielens_1m

# As in the files: fields separated by "::", Latin-1.
MOVIES = [
    "1::Toy Story (1995)::Animation|Children's|Comedy",
    "11::American President, The (1995)::Comedy|Drama|Romance",
    "73::Misérables, Les (1995)::Drama|Musical",
    "1411::Hamlet: The Play (1996)::Drama",
]
RATINGS = ["1::1411::5::978300760", "1::1::3::978302109", "6040::11::1::956703954"]


def write(folder: Path, ratings: list[str]) -> str:
    for name, lines in ((MOVIES_FILE, MOVIES), (RATINGS_FILE, ratings)):
        (folder / name).write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
    return str(folder)


def test_ratings_and_films(tmp_path: Path) -> None:
    raw = read_movielens_1m(write(tmp_path, RATINGS))
    assert raw.interactions.schema == RAW_INTERACTIONS and raw.items.schema == RAW_ITEMS
    assert [tuple(row.values()) for row in raw.interactions.to_pylist()] == [
        ("1", "1411", 5.0, 978300760),
        ("1", "1", 3.0, 978302109),
        ("6040", "11", 1.0, 956703954),
    ]
    described = [(row["raw_id"], row["title"], json.loads(row["metadata"])) for row in raw.items.to_pylist()]
    assert described == [
        ("1", "Toy Story", {"genres": ["Animation", "Children's", "Comedy"], "year": 1995}),
        ("11", "The American President", {"genres": ["Comedy", "Drama", "Romance"], "year": 1995}),
        ("73", "Misérables, Les", {"genres": ["Drama", "Musical"], "year": 1995}),
        ("1411", "Hamlet: The Play", {"genres": ["Drama"], "year": 1996}),
    ]


@pytest.mark.parametrize(
    ("rating", "problem"),
    [
        ("1::2::5::978300760", "line 4: item 2 is rated, but the file of items does not describe it"),
        ("1::1::4::978300760", "line 4: user 1 rates item 1 twice"),
        ("1,11,4,978300760", "line 4: found 1 columns, expected 4"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path: Path, rating: str, problem: str) -> None:
    with pytest.raises(RawDataError, match=problem):
        read_movielens_1m(write(tmp_path, [*RATINGS, rating]))
