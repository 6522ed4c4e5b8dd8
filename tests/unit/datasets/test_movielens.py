"""MovieLens-100K is read equally from both of its layouts, and bad input is refused with its location."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ilora.data.raw import RawData, RawDataError
from ilora.datasets.movielens import GENRES, read_movielens

FLAGS = "|".join("0" for _ in GENRES)
ITEMS = [f"1|Toy Story (1995)|01-Jan-1995||address|{FLAGS}", f"2|Usual Suspects, The (1995)||||{FLAGS}"]
RATINGS = ["196\t1\t3\t881250949", "186\t2\t4\t891717742"]


@pytest.fixture(scope="module")
def recbole() -> RawData:
    return read_movielens("recbole")


@pytest.fixture
def write_folder(tmp_path: Path) -> Callable[[list[str], list[str]], str]:
    def write(ratings: list[str], items: list[str]) -> str:
        (tmp_path / "u.data").write_text("".join(f"{line}\n" for line in ratings), encoding="latin-1")
        (tmp_path / "u.item").write_text("".join(f"{line}\n" for line in items), encoding="latin-1")
        return str(tmp_path)

    return write


def films_of(raw: RawData) -> dict[str, tuple[str, dict[str, object]]]:
    return {row["raw_id"]: (row["title"], json.loads(row["metadata"])) for row in raw.items.to_pylist()}


def test_the_copy_in_recbole_is_whole(recbole: RawData) -> None:
    assert recbole.interactions.num_rows == 100_000
    assert recbole.items.num_rows == 1_682
    first = {"raw_user_id": "196", "raw_item_id": "242", "rating": 3.0, "timestamp": 881250949}
    assert recbole.interactions.slice(0, 1).to_pylist() == [first]


def test_titles_stand_as_in_a_prompt(recbole: RawData) -> None:
    films = films_of(recbole)
    assert films["1"] == (
        "Toy Story",
        {"genres": ["Animation", "Children's", "Comedy"], "year": 1995},
    )
    assert films["12"][0] == "The Usual Suspects"
    assert films["179"][0] == "A Clockwork Orange"
    assert films["436"][0] == "An American Werewolf in London"
    assert films["543"][0] == "Misérables, Les"  # only English articles are moved
    assert films["617"][0] == "The Blue Angel (Blaue Engel, Der)"
    assert films["177"][0] == "The Good, The Bad and The Ugly"
    assert films["1019"][0] == "Die xue shuang xiong (The Killer)"
    assert films["267"] == ("unknown", {"genres": [], "year": None})
    assert films["1412"] == (
        "Land Before Time III: The Time of the Great Giving",
        {"genres": ["Animation", "Children's"], "year": 1995},
    )


def test_both_layouts_give_the_same_tables(
    recbole: RawData, write_folder: Callable[[list[str], list[str]], str]
) -> None:
    ratings = [
        f"{row['raw_user_id']}\t{row['raw_item_id']}\t{row['rating']:g}\t{row['timestamp']}"
        for row in recbole.interactions.to_pylist()
    ]
    source = write_folder(ratings, [grouplens_line(*film) for film in films_of(recbole).items()])
    grouplens = read_movielens(source)
    assert grouplens.interactions.equals(recbole.interactions)
    assert grouplens.items.equals(recbole.items)


def grouplens_line(raw_id: str, film: tuple[str, dict[str, object]]) -> str:
    """Return a line of `u.item`, with the two special titles spelt as by GroupLens."""
    title, metadata = film
    genres, year = metadata["genres"], metadata["year"]
    assert isinstance(genres, list)
    if title.startswith("The ") and "(" not in title:
        title = f"{title.removeprefix('The ')}, The"
    if year is not None:
        title = f"{title} ({year})"
    if raw_id == "1412":
        title = f"{title} (V)"
    flags = "|".join(str(int(genre in genres)) for genre in GENRES)
    return f"{raw_id}|{title}|01-Jan-{year}||address|{flags}"


def test_latin_1_is_read(write_folder: Callable[[list[str], list[str]], str]) -> None:
    raw = read_movielens(write_folder(RATINGS, [*ITEMS, f"3|Misérables, Les (1995) ||||{FLAGS}"]))
    assert films_of(raw)["3"][0] == "Misérables, Les"
    assert films_of(raw)["2"][0] == "The Usual Suspects"


@pytest.mark.parametrize(
    ("ratings", "items", "problem"),
    [
        ([*RATINGS, "1\t2\t3"], ITEMS, r"u\.data, line 3: found 3 columns, expected 4"),
        ([*RATINGS, "1\t1\tgood\t5"], ITEMS, r"u\.data, line 3: the rating is 'good', expected a number"),
        ([*RATINGS, "1\t1\tnan\t5"], ITEMS, r"u\.data, line 3: the rating is 'nan'"),
        ([*RATINGS, "1\t1\t3\tnoon"], ITEMS, r"u\.data, line 3: the timestamp is 'noon', expected a whole"),
        ([*RATINGS, "1\t1\t3\t-5"], ITEMS, r"u\.data, line 3: the timestamp is '-5'"),
        ([*RATINGS, "x\t1\t3\t5"], ITEMS, r"u\.data, line 3: the user id is 'x'"),
        ([*RATINGS, "1\t99\t3\t5"], ITEMS, r"u\.data, line 3: item 99 is rated, but"),
        ([*RATINGS, "196\t1\t5\t9"], ITEMS, r"u\.data, line 3: user 196 rates item 1 twice"),
        ([*RATINGS, "1\t1\té\t5"], ITEMS, r"u\.data: is not ascii text"),
        (RATINGS, [*ITEMS, "3|Four Rooms (1995)"], r"u\.item, line 3: found 2 columns, expected 24"),
        (RATINGS, [*ITEMS, ITEMS[0]], r"u\.item, line 3: item 1 is described twice"),
        (RATINGS, [*ITEMS, f"3|A||||{FLAGS[:-1]}2"], r"u\.item, line 3: the genre flags are"),
    ],
)
def test_bad_lines_are_named(
    write_folder: Callable[[list[str], list[str]], str], ratings: list[str], items: list[str], problem: str
) -> None:
    with pytest.raises(RawDataError, match=problem):
        read_movielens(write_folder(ratings, items))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"u\.item: no such file.*source"):
        read_movielens(str(tmp_path))


def test_a_file_of_recbole_with_other_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilora.datasets.movielens._recbole_folder", lambda: tmp_path)
    (tmp_path / "ml-100k.item").write_text("a\tb\tc\td\n")
    with pytest.raises(RawDataError, match=r"ml-100k\.item: found the columns \['a', 'b', 'c', 'd'\]"):
        read_movielens("recbole")
    (tmp_path / "ml-100k.item").write_text("")
    with pytest.raises(RawDataError, match=r"ml-100k\.item: found an empty file"):
        read_movielens("recbole")


def test_a_missing_recbole_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilora.datasets.movielens.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="RecBole package, which is not installed"):
        read_movielens("recbole")


def test_recbole_is_not_imported() -> None:
    program = (
        "import sys; from ilora.datasets.movielens import read_movielens; read_movielens('recbole');"
        " sys.exit('recbole' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
