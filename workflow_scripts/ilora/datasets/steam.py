"""The Steam data set: gzipped reviews and games, one Python dict literal per line."""

import html
import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.acquisition.source import GIGABYTE, MEGABYTE, DatasetSource, Download, RawFile
from ilora.data.filters import keep_distinct_pairs, keep_items, keep_users_with_items, sample_items, sample_users
from ilora.data.interactions import number_in_catalogue_order
from ilora.data.protocol_names import CHRONOLOGICAL, RANDOM_USERS, RELEASED
from ilora.data.python_literals import read_dicts, read_string_fields
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData, RawDataError
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step
from ilora.datasets.declaration import Dataset, Departure, PaperRow, Published, Release
from ilora.datasets.released_facts import released_items
from ilora.datasets.wording import word_prompt

logger = logging.getLogger(__name__)

REVIEWS_FILE, GAMES_FILE = "steam_reviews.json.gz", "steam_games.json.gz"

#: Filters of the paper.
REVIEWS_PER_USER, SHARE = 20, 1 / 3

_RELEASED_GAMES = "steam_games.csv"

#: Fields of a review that are read, in their order in the file.
REVIEW_FIELDS = ("username", "product_id", "date")

_DATE = re.compile(r"(?P<year>[0-9]{4})-[0-9]{2}-[0-9]{2}")
_YEARS = range(2003, 2100)  # Steam opened in 2003


def read_steam(source: str) -> RawData:
    """Return the reviews and the games, both in the order of their files.

    Users are identified by user name, as in the paper's data, although two people may share one. The timestamp is the
    review's date at midnight, UTC; ratings are null. A game's title is its `title` or, if it has none, its `app_name`,
    with HTML character references resolved. `metadata` is `{"genres": [...], "year": ...}`; an unknown year is null.

    Each of these is counted and logged:

    - dropped games without an id, and dropped lines that describe a game again;
    - titles taken from `app_name`, and missing titles, which are left empty;
    - dropped reviews without a user name, product id or usable date (YYYY-MM-DD, from 2003 to 2099), and dropped
      reviews of games that are not described.

    All of a user's reviews of a game are kept; the recipe decides how they count.

    Args:
        source: a folder with `steam_reviews.json.gz` and `steam_games.json.gz`.

    Raises:
        FileNotFoundError: a file is missing.
        RawDataError: a file is not a gzip file, or is truncated or damaged; a line is not a dict literal or contains a
            value of an unexpected type; or nothing is left.
    """
    items = _read_games(Path(source, GAMES_FILE))
    return RawData(_read_reviews(Path(source, REVIEWS_FILE), items["raw_id"].combine_chunks()), items)


def _read_games(path: Path) -> pa.Table:
    rows: dict[str, dict[str, str]] = {}
    lines = without_id = again = from_app_name = untitled = 0
    for lines, game in read_dicts(path):
        raw_id = _text(game, "id", path, lines)
        if not raw_id:
            without_id += 1
        elif raw_id in rows:
            again += 1
        else:
            title, app_name = (_text(game, key, path, lines) for key in ("title", "app_name"))
            from_app_name += bool(app_name and not title)
            untitled += not (title or app_name)
            rows[raw_id] = {
                "raw_id": raw_id,
                "title": html.unescape(title or app_name),
                "metadata": _metadata(game, path, lines),
            }
    logger.info("games with an id: %d lines in, %d out", lines, lines - without_id)
    logger.info("distinct games: %d lines in, %d games out", len(rows) + again, len(rows))
    logger.info("titles: %d taken from app_name, %d missing", from_app_name, untitled)
    if not rows:
        raise RawDataError(f"{path}: none of the {lines} lines describes a game with an id.")
    return pa.Table.from_pylist(list(rows.values()), schema=RAW_ITEMS)


def _text(game: dict[object, object], key: str, path: Path, number: int) -> str:
    """Return the string under `key`, or "" if there is none; invalid Unicode becomes "?"."""
    text = game.get(key) or ""
    if not isinstance(text, str):
        raise RawDataError(f"{path}, line {number}: '{key}' is {text!r:.50}, expected a string.")
    return text.encode(errors="replace").decode()


def _metadata(game: dict[object, object], path: Path, number: int) -> str:
    genres = game.get("genres") or []
    if not isinstance(genres, list) or not all(isinstance(genre, str) for genre in genres):
        raise RawDataError(f"{path}, line {number}: 'genres' is {genres!r:.50}, expected a list of strings.")
    release = _DATE.fullmatch(_text(game, "release_date", path, number))
    return json.dumps({"genres": genres, "year": int(release["year"]) if release else None})


def _read_reviews(path: Path, games: pa.Array) -> pa.Table:
    """Return the table of schema `RAW_INTERACTIONS`; filters run batch by batch and are counted over all batches."""
    keeps: dict[str, Callable[[pa.RecordBatch], pa.Array]] = {
        "with a user name": lambda batch: _is_given(batch["raw_user_id"]),
        "with a product id": lambda batch: _is_given(batch["raw_item_id"]),
        "with a usable date": lambda batch: pc.is_valid(batch["timestamp"]),
        "of games that are described": lambda batch: pc.is_in(batch["raw_item_id"], value_set=games),
    }
    lines, rows_out, kept = 0, dict.fromkeys(keeps, 0), []
    for read in read_string_fields(path, REVIEW_FIELDS):
        batch = _as_interactions(read)
        lines += batch.num_rows
        for name, keep in keeps.items():
            batch = batch.filter(keep(batch))
            rows_out[name] += batch.num_rows
        kept.append(batch)
    rows_in = lines
    for name, rows in rows_out.items():
        logger.info("reviews %s: %d in, %d out", name, rows_in, rows)
        rows_in = rows
    if not rows_in:
        raise RawDataError(f"{path}: none of the {lines} reviews has a user name, a described game and a usable date.")
    return pa.Table.from_batches(kept).cast(RAW_INTERACTIONS)


def _as_interactions(reviews: pa.RecordBatch) -> pa.RecordBatch:
    columns = {
        "raw_user_id": reviews["username"],
        "raw_item_id": reviews["product_id"],
        "rating": pa.nulls(reviews.num_rows, pa.float64()),
        "timestamp": _timestamps(reviews["date"]),
    }
    return pa.record_batch(columns)


def _timestamps(dates: pa.Array) -> pa.Array:
    different = dates.dictionary_encode()
    seconds = [_midnight(date) for date in different.dictionary.to_pylist()]
    return pa.array(seconds, pa.int64()).take(different.indices)


@cache
def _midnight(date: str) -> int | None:
    """Return the seconds from 1970 to a date's midnight, UTC; None if it is not a date since Steam opened."""
    match = _DATE.fullmatch(date)
    if match is None or int(match["year"]) not in _YEARS:
        return None
    try:
        return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _is_given(texts: pa.Array) -> pa.Array:
    return pc.fill_null(pc.not_equal(texts, ""), False)


def _filters(settings: FilterSettings) -> list[Step]:
    """Return the filters: users with enough distinct games, then a random third of the users and of the games.

    The paper's users are unknown, so its counts (11,938 users, 3,581 games) are matched only approximately.
    """
    return [*_filters_of_users(settings), sample_items(SHARE, settings.sample_seed)]


def _released_filters(settings: FilterSettings) -> list[Step]:
    """Return the same filters with the released games; the users remain a random third."""
    return [*_filters_of_users(settings), keep_items(released_items(_RELEASED_GAMES), "released games")]


def _filters_of_users(settings: FilterSettings) -> list[Step]:
    return [
        keep_distinct_pairs(),
        keep_users_with_items(REVIEWS_PER_USER),
        sample_users(SHARE, settings.sample_seed),
    ]


def _released_games(games: pa.Table) -> pa.Table:
    """Return the released games, in the order of the file of games, which is also the released order.

    Raises:
        ValueError: one is not described.
    """
    released = pa.array(released_items(_RELEASED_GAMES), pa.string())
    missing = released.filter(pc.invert(pc.is_in(released, value_set=games["raw_id"].combine_chunks())))
    if len(missing):
        raise ValueError(
            f"{GAMES_FILE} does not describe {len(missing)} of the {len(released)} released games, such as game "
            f"{missing[0]}: this is not the file that the released data were made from."
        )
    return games.filter(pc.is_in(games["raw_id"], value_set=released))


_SOURCE = DatasetSource(
    title="Steam Video Game and Bundle Data, version 2 (McAuley Lab, UC San Diego)",
    page="https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data",
    downloads=(
        # The small file first, so that a failure shows before the large one is downloaded.
        Download(
            address="https://cseweb.ucsd.edu/~wckang/steam_games.json.gz",
            sha256="717f4653a26585fec8f463f59311a654127c2ed66b07b9f78b4c0ce64961c740",
            maximum_bytes=100 * MEGABYTE,
            files=(RawFile("steam_games.json.gz", maximum_bytes=GIGABYTE),),
        ),
        Download(
            address="https://cseweb.ucsd.edu/~wckang/steam_reviews.json.gz",
            maximum_bytes=4 * GIGABYTE,
            files=(RawFile("steam_reviews.json.gz", maximum_bytes=16 * GIGABYTE),),
            first_line_holds=(b"username", b"product_id"),
        ),
    ),
    terms=(
        "Its page states no licence; it asks those who use the data to cite the publications below.",
        "The reviews belong to their authors, and Steam's terms apply to them: do not redistribute the data.",
    ),
    citations=(
        "Wang-Cheng Kang and Julian McAuley. 2018. Self-Attentive Sequential Recommendation. In IEEE International "
        "Conference on Data Mining (ICDM 2018), 197-206. https://doi.org/10.1109/ICDM.2018.00035",
        "Mengting Wan and Julian McAuley. 2018. Item Recommendation on Monotonic Behavior Chains. In Proceedings of "
        "the 12th ACM Conference on Recommender Systems (RecSys 2018), 86-94. "
        "https://doi.org/10.1145/3240323.3240369",
        "Apurva Pathak, Kshitiz Gupta and Julian McAuley. 2017. Generating and Personalizing Bundle Recommendations "
        "on Steam. In Proceedings of the 40th International ACM SIGIR Conference (SIGIR 2017), 1073-1076. "
        "https://doi.org/10.1145/3077136.3080724",
    ),
)

_PUBLISHED = Published(
    statistics={
        "users": 11_938,
        "items": 3_581,
        "interactions": 274_726,
        # Of 1,194 test users: the released loader leaves out those with too short a history.
        "sequences_test": 1_186,
    },
    table1={
        "gru4rec": PaperRow(1.0000, 0.4168, 26.30),
        "caser": PaperRow(1.0000, 0.4368, 20.51),
        "sasrec": PaperRow(1.0000, 0.4010, 31.27),
        "zero_shot": PaperRow(0.1653, 0.0135, 3799.26),
        "chatrec": PaperRow(0.9798, 0.3626, 45.17),
        "morec": PaperRow(1.0000, 0.3911, 34.59),
        "tallrec": PaperRow(0.9840, 0.4637, 13.52),
        "llara": PaperRow(0.9975, 0.4949, 6.36),
        "ilora": PaperRow(0.9981, 0.5264, None),
    },
    learning_rates={"paper": 1e-4, "released": 5e-4},
    four_experts_over_two=2.2,
    departures=(
        Departure(
            "users and games",
            paper="A random third of the users and of the games: 11,938 users, who are not named, and 3,581 games, "
            "which are named.",
            here="A random third of both, drawn with seed {sample_seed}.",
            effect="The users and games are not the paper's; the table of data sets compares the counts.",
            protocols=(RANDOM_USERS, CHRONOLOGICAL),
        ),
        Departure(
            "users",
            paper="A random third, 11,938 users, who are not named.",
            here="A random third of them, drawn with seed {sample_seed} and split at random with seed {split_seed}; "
            "the games are the paper's.",
            effect="The users are not the paper's; the table of data sets compares the counts.",
            protocols=(RELEASED,),
        ),
        Departure(
            "test sequences",
            paper="One per test user, of whom there are 1,194; the released loader leaves out those with a history of "
            "fewer than three: the printed values fit 1,186.",
            here="One per test user with a history of at least {minimum_history}.",
            effect="The paper's values are interpreted as ratios over 1,186 answers.",
            protocols=(RANDOM_USERS, RELEASED),
        ),
        Departure(
            "titles",
            paper="37 of the 3,581 released titles contain `&amp;`.",
            here="HTML character references are resolved: `&`.",
            effect="These titles are spelled differently, with fewer tokens.",
        ),
    ),
)

DATASET = Dataset(
    "steam",
    "Steam",
    wording=word_prompt("games", "played", "play"),
    read=read_steam,
    recipe=Recipe(_filters, numbering=number_in_catalogue_order),
    options=("sample_seed",),
    source=_SOURCE,
    published=_PUBLISHED,
    # The released split of the users is unknown: the files name no users, and we did not have the raw dump to match.
    release=Release(Recipe(_released_filters, catalogue=_released_games), facts=(_RELEASED_GAMES,)),
)
