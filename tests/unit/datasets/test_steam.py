"""Steam's reviews and games are read completely, and every skipped line is counted."""

import ast
import gzip
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ilora.benchmarks.synthetic_steam import write_dump
from ilora.data.python_literals import read_dicts
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawDataError
from ilora.datasets.steam import GAMES_FILE, REVIEWS_FILE, read_steam

WriteFolder = Callable[[Sequence[str], Sequence[str]], str]

GAMES = [
    "{u'id': u'70', u'title': u'Half-Life', u'genres': [u'Action'], u'release_date': u'1998-11-08'}",
    "{u'id': u'10', u'app_name': u'Sam &amp; Max', u'release_date': u'Jun 2009'}",
    "{u'url': u'http://store.steampowered.com/', u'price': 19.99, u'early_access': False}",
    "{u'id': u'70', u'title': u'Half-Life again'}",
    "{u'id': u'220', u'title': u'\\u5f39 \\ud83d', u'app_name': u'other'}",
    "{u'id': u'5'}",
]
REVIEWS = [
    "{u'username': u'Ana', u'product_id': u'10', u'date': u'2017-12-17', u'text': u', \\'product_id\\': u\\'70\\''}",
    "{u'username': u'bob', u'product_id': u'220', u'date': u'2015-03-01', u'early_access': False}",
    "{u'user_id': u'7', u'username': u'Ana', u'product_id': u'10', u'date': u'2017-12-18'}",
]


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    def write(reviews: Sequence[str], games: Sequence[str]) -> str:
        for name, lines in ((REVIEWS_FILE, reviews), (GAMES_FILE, games)):
            (tmp_path / name).write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
        return str(tmp_path)

    return write


def test_reviews_keep_their_order_and_repetitions(write_folder: WriteFolder) -> None:
    interactions = read_steam(write_folder(REVIEWS, GAMES)).interactions
    assert interactions.schema == RAW_INTERACTIONS
    assert interactions.to_pylist() == [
        {"raw_user_id": user, "raw_item_id": game, "rating": None, "timestamp": int(day.timestamp())}
        for user, game, day in [
            ("Ana", "10", datetime(2017, 12, 17, tzinfo=UTC)),
            ("bob", "220", datetime(2015, 3, 1, tzinfo=UTC)),
            ("Ana", "10", datetime(2017, 12, 18, tzinfo=UTC)),
        ]
    ]


def test_games_keep_their_order_and_drops_are_counted(
    write_folder: WriteFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ilora")
    items = read_steam(write_folder(REVIEWS, GAMES)).items
    assert items.schema == RAW_ITEMS
    described = [(row["raw_id"], row["title"], json.loads(row["metadata"])) for row in items.to_pylist()]
    assert described == [
        ("70", "Half-Life", {"genres": ["Action"], "year": 1998}),
        ("10", "Sam & Max", {"genres": [], "year": None}),
        ("220", "弹 ?", {"genres": [], "year": None}),
        ("5", "", {"genres": [], "year": None}),
    ]
    assert caplog.messages[:3] == [
        "games with an id: 6 lines in, 5 out",
        "distinct games: 5 lines in, 4 games out",
        "titles: 1 taken from app_name, 1 missing",
    ]


@pytest.mark.parametrize(
    ("review", "step"),
    [
        ("{'product_id': '10', 'date': '2017-12-17'}", "with a user name"),
        ("{'username': '', 'product_id': '10', 'date': '2017-12-17'}", "with a user name"),
        ("{'username': '\\ud83d', 'product_id': '10', 'date': '2017-12-17'}", "with a user name"),
        ("{'username': 'a', 'date': '2017-12-17'}", "with a product id"),
        ("{'username': 'a', 'product_id': '10'}", "with a usable date"),
        ("{'username': 'a', 'product_id': '10', 'date': ''}", "with a usable date"),
        ("{'username': 'a', 'product_id': '10', 'date': '2017-02-29'}", "with a usable date"),
        ("{'username': 'a', 'product_id': '10', 'date': '20171217'}", "with a usable date"),
        ("{'username': 'a', 'product_id': '10', 'date': '1956-01-01'}", "with a usable date"),
        ("{'username': 'a', 'product_id': '10', 'date': '9999-01-01'}", "with a usable date"),
        ("{'username': 'a', 'product_id': '11', 'date': '2017-12-17'}", "of games that are described"),
    ],
)
def test_an_unusable_review_is_dropped_and_counted(
    write_folder: WriteFolder, caplog: pytest.LogCaptureFixture, review: str, step: str
) -> None:
    caplog.set_level(logging.INFO, logger="ilora")
    raw = read_steam(write_folder([*REVIEWS, review], GAMES))
    assert raw.interactions.equals(read_steam(write_folder(REVIEWS, GAMES)).interactions)
    assert f"reviews {step}: 4 in, 3 out" in caplog.messages


def test_a_synthetic_dump_is_read_as_by_hand(tmp_path: Path) -> None:
    write_dump(tmp_path, reviews=5000, users=1500, games=2100)
    raw = read_steam(str(tmp_path))
    games = [game["id"] for _, game in read_dicts(tmp_path / GAMES_FILE) if "id" in game]
    assert raw.items["raw_id"].to_pylist() == list(dict.fromkeys(games))
    assert len(games) > raw.items.num_rows == 2100
    expected = []
    for line in gzip.decompress((tmp_path / REVIEWS_FILE).read_bytes()).decode().split("\n")[:-1]:
        review = ast.literal_eval(line)
        if review.get("username") and review.get("product_id") in games:
            seconds = int(datetime.fromisoformat(f"{review['date']}T00:00+00:00").timestamp())
            expected.append((review["username"], review["product_id"], seconds))
    columns = (raw.interactions[name].to_pylist() for name in ("raw_user_id", "raw_item_id", "timestamp"))
    assert list(zip(*columns, strict=True)) == expected
    assert 4900 < len(expected) < 5000


def test_a_dump_is_a_function_of_its_seed_and_sizes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        write_dump(tmp_path / name, reviews=2000, users=700, games=50, seed=seed)
    for file in (REVIEWS_FILE, GAMES_FILE):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b != c


@pytest.mark.parametrize(
    ("reviews", "games", "problem"),
    [
        ([*REVIEWS, "{'username'"], GAMES, r"steam_reviews\.json\.gz, line 4: is not a Python literal"),
        (
            [*REVIEWS, "{'product_id': 10}"],
            GAMES,
            r"steam_reviews\.json\.gz, line 4: 'product_id' is 10, expected a st",
        ),
        ([], GAMES, r"steam_reviews\.json\.gz: none of the 0 reviews has a user name"),
        (["{}"], GAMES, r"steam_reviews\.json\.gz: none of the 1 reviews has a user name"),
        (REVIEWS, [*GAMES, '{"id": null}'], r"steam_games\.json\.gz, line 7: is not a Python literal"),
        (REVIEWS, [*GAMES, "{'id': 70}"], r"steam_games\.json\.gz, line 7: 'id' is 70, expected a string"),
        (REVIEWS, [*GAMES, "{'id': '9', 'genres': 'RPG'}"], r"steam_games\.json\.gz, line 7: 'genres' is 'RPG'"),
        (REVIEWS, ["{}"], r"steam_games\.json\.gz: none of the 1 lines describes a game with an id"),
    ],
)
def test_what_cannot_be_read_is_named(
    write_folder: WriteFolder, reviews: list[str], games: list[str], problem: str
) -> None:
    with pytest.raises(RawDataError, match=problem):
        read_steam(write_folder(reviews, games))


@pytest.mark.parametrize("missing", [REVIEWS_FILE, GAMES_FILE])
@pytest.mark.parametrize("cut", [True, False])
def test_a_file_cut_off_or_missing_is_named(write_folder: WriteFolder, cut: bool, missing: str) -> None:
    path = Path(write_folder(REVIEWS, GAMES), missing)
    content = path.read_bytes()
    path.unlink()
    if cut:
        path.write_bytes(content[:-4])
        with pytest.raises(RawDataError, match=f"{missing}: the gzip stream is incomplete"):
            read_steam(str(path.parent))
    else:
        with pytest.raises(FileNotFoundError, match=f"{missing}: no such file"):
            read_steam(str(path.parent))
