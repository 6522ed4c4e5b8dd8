"""LastFM as distributed by HetRec 2011: which user tagged which artist, and when.

The listening counts that come with it are not used: the paper's data set is built from the tags.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from ilora.data.acquisition.source import MEGABYTE, DatasetSource, Download, RawFile
from ilora.data.filters import keep_distinct_pairs, keep_items_of_users, keep_users_with_items
from ilora.data.interactions import order_by_item_id
from ilora.data.protocol_names import RANDOM_USERS, RELEASED
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, Line, RawData, RawDataError, read_lines_below_header
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step
from ilora.datasets.declaration import Dataset, Departure, PaperRow, Published, Release
from ilora.datasets.released_facts import released_split
from ilora.datasets.wording import PromptWording

logger = logging.getLogger(__name__)

ARTISTS_FILE = "artists.dat"
TIMESTAMPS_FILE = "user_taggedartists-timestamps.dat"
DATES_FILE = "user_taggedartists.dat"

#: Filters of the released split files, found by rebuilding these from the raw data.
USERS_PER_ARTIST, ARTISTS_PER_USER = 4, 4

_ARTIST_COLUMNS = ["id", "name", "url", "pictureURL"]
_TIMESTAMP_COLUMNS = ["userID", "artistID", "tagID", "timestamp"]
_DATE_COLUMNS = ["userID", "artistID", "tagID", "day", "month", "year"]
# The timestamps are midnights of this time zone, so dates are interpreted in the same zone.
_ZONE = ZoneInfo("Europe/Madrid")
_LASTFM_OPENED = int(datetime(2002, 1, 1, tzinfo=UTC).timestamp())
_END_OF_TIME = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class _Tag:
    user: str
    artist: str
    seconds: int


def read_lastfm(source: str) -> RawData:
    """Return the distinct (user, artist) pairs of the tags, each with the time of its earliest tag, and the artists.

    - Pairs of an artist that `artists.dat` does not describe are dropped. (There are 390 such artists.)
    - A time before Last.fm opened (2002) or after 2099 is an error in the data (five tags date from 1956 to 1979). It
      is ignored if the pair has another tag; otherwise the pair is dated to the opening of Last.fm.

    Both are counted and logged. Times are exact to the month at best. Ratings are null.

    Args:
        source: a folder with `artists.dat` and `user_taggedartists-timestamps.dat` or, instead of the latter,
            `user_taggedartists.dat`, which yields the same table.

    Raises:
        FileNotFoundError: a file is missing.
        RawDataError: a line is malformed, an artist is described twice, or no pair is left.
    """
    folder = Path(source)
    items = _artists(folder / ARTISTS_FILE)
    return RawData(_distinct_pairs(_tags(folder), set(items["raw_id"].to_pylist())), items)


def _artists(path: Path) -> pa.Table:
    rows: dict[str, dict[str, str]] = {}
    for line in read_lines_below_header(path, _ARTIST_COLUMNS, separator="\t", encoding="utf-8"):
        raw_id = str(line.whole_number(0, "artist id"))
        if raw_id in rows:
            raise line.error(f"artist {raw_id} is described twice")
        rows[raw_id] = {"raw_id": raw_id, "title": line.fields[1], "metadata": "{}"}
    return pa.Table.from_pylist(list(rows.values()), schema=RAW_ITEMS)


def _tags(folder: Path) -> Iterator[_Tag]:
    if (folder / TIMESTAMPS_FILE).is_file():
        return _tags_with_timestamps(folder / TIMESTAMPS_FILE)
    if (folder / DATES_FILE).is_file():
        return _tags_with_dates(folder / DATES_FILE)
    raise FileNotFoundError(
        f"{folder}: contains neither {TIMESTAMPS_FILE} nor {DATES_FILE}. Check the folder given as this data set's "
        "source."
    )


def _tags_with_timestamps(path: Path) -> Iterator[_Tag]:
    for line in read_lines_below_header(path, _TIMESTAMP_COLUMNS, separator="\t", encoding="ascii"):
        yield _tag(line, line.integer(3, "timestamp") // 1000)


def _tags_with_dates(path: Path) -> Iterator[_Tag]:
    for line in read_lines_below_header(path, _DATE_COLUMNS, separator="\t", encoding="ascii"):
        day, month, year = (line.whole_number(column, _DATE_COLUMNS[column]) for column in (3, 4, 5))
        try:
            midnight = datetime(year, month, day, tzinfo=_ZONE)
        except ValueError as error:
            raise line.error(f"day {day}, month {month}, year {year} is not a date") from error
        yield _tag(line, int(midnight.timestamp()))


def _tag(line: Line, seconds: int) -> _Tag:
    return _Tag(str(line.whole_number(0, "user id")), str(line.whole_number(1, "artist id")), seconds)


def _distinct_pairs(tags: Iterator[_Tag], described: set[str]) -> pa.Table:
    """Return the table of schema `RAW_INTERACTIONS`, in the order of the pairs' first tags."""
    earliest: dict[tuple[str, str], int | None] = {}
    read = absurd = 0
    for tag in tags:
        read += 1
        pair = tag.user, tag.artist
        before = earliest.setdefault(pair, None)
        if not _LASTFM_OPENED <= tag.seconds < _END_OF_TIME:
            absurd += 1
        elif before is None or tag.seconds < before:
            earliest[pair] = tag.seconds
    logger.info("distinct (user, artist) pairs: %d tags in, %d pairs out", read, len(earliest))
    kept = {pair: seconds for pair, seconds in earliest.items() if pair[1] in described}
    logger.info("artists that %s describes: %d pairs in, %d out", ARTISTS_FILE, len(earliest), len(kept))
    if not kept:
        raise RawDataError(f"LastFM: none of the {read} tags is of an artist that {ARTISTS_FILE} describes.")
    undated = sum(seconds is None for seconds in kept.values())
    logger.info("dates outside 2002 to 2099: %d tags ignored, %d pairs dated to 2002-01-01", absurd, undated)
    rows = [
        {"raw_user_id": user, "raw_item_id": artist, "timestamp": _LASTFM_OPENED if seconds is None else seconds}
        for (user, artist), seconds in kept.items()
    ]
    return pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS)


def _filters(settings: FilterSettings) -> list[Step]:
    """Return the filters of pairs, then artists, then users, each applied once: 1,220 users, 4,606 artists."""
    return [keep_distinct_pairs(), keep_items_of_users(USERS_PER_ARTIST), keep_users_with_items(ARTISTS_PER_USER)]


_SOURCE = DatasetSource(
    title="HetRec 2011 Last.FM 2K (Information Retrieval Group, Universidad Autónoma de Madrid; hosted by GroupLens)",
    page="https://grouplens.org/datasets/hetrec-2011/",
    downloads=(
        Download(
            address="https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
            # Its md5 is 296d61afe4e8632b173fc2dd3be20ce2.
            sha256="6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
            maximum_bytes=50 * MEGABYTE,
            files=tuple(
                RawFile(name, maximum_bytes=50 * MEGABYTE, member=name)
                for name in ("artists.dat", "user_taggedartists.dat", "user_taggedartists-timestamps.dat")
            ),
        ),
    ),
    terms=(
        "For non-commercial use; commercial use needs permission from Last.fm, whose terms of service apply.",
        "Publications that use the data must name Last.fm (https://www.last.fm) as its source.",
    ),
    citations=(
        "Iván Cantador, Peter Brusilovsky and Tsvi Kuflik. 2011. Second Workshop on Information Heterogeneity and "
        "Fusion in Recommender Systems (HetRec 2011). In Proceedings of the 5th ACM Conference on Recommender "
        "Systems (RecSys 2011), 387-388. https://doi.org/10.1145/2043932.2044016",
    ),
)

_PUBLISHED = Published(
    statistics={
        "users": 1_220,
        "items": 4_606,
        "interactions": 73_510,
        "users_train": 976,
        "users_val": 122,
        "users_test": 122,
        "sequences_val": 122,
        "sequences_test": 122,
    },
    table1={
        "gru4rec": PaperRow(1.0000, 0.2616, 91.13),
        "caser": PaperRow(1.0000, 0.2233, 123.91),
        "sasrec": PaperRow(1.0000, 0.2233, 123.91),
        "zero_shot": PaperRow(0.3443, 0.0246, 1932.52),
        "chatrec": PaperRow(1.0000, 0.3770, 32.63),
        "morec": PaperRow(1.0000, 0.1652, 202.66),
        "tallrec": PaperRow(0.9836, 0.4180, 19.62),
        "llara": PaperRow(1.0000, 0.4508, 8.51),
        "ilora": PaperRow(1.0000, 0.5000, None),
    },
    learning_rates={"paper": 2e-4, "released": 7e-4},
    four_experts_over_two=5.2,
    departures=(
        Departure(
            "order of the sequences",
            paper="Described as sequences in time order; the released ones are all in ascending order of artist id.",
            here="In ascending order of artist id, like the released ones.",
            effect="No number on LastFM, neither the paper's nor ours, measures anything about time: the next artist "
            "always has a larger id than all before it.",
            protocols=(RANDOM_USERS, RELEASED),
        ),
        Departure(
            "users of the splits",
            paper="The held-out users of the released files have 24.6 artists on average, the training users 52.0. "
            "None of 20,000 random splits is as uneven.",
            here="Drawn at random, so that held-out users have about as many artists as the others.",
            effect="The draw alone changes numbers: a Markov chain has a HitRatio@1 of 0.136 on the released test "
            "users, but 0.097 on average over 20 random splits, with a standard deviation of 0.016.",
            protocols=(RANDOM_USERS,),
        ),
        Departure(
            "the target among the candidates",
            paper="The released code, in its latest version, draws LastFM's candidates without the target.",
            here="The target is one of the candidates.",
            effect="With that code no answer could be right, so the printed 0.5000 was measured with another version, "
            "which is unknown.",
            protocols=(RANDOM_USERS, RELEASED),
        ),
        Departure(
            "titles",
            paper='The released title of "Weird Al" Yankovic (artist 1686) differs from the raw file\'s.',
            here="All titles are the raw file's.",
            effect="One artist of 4,606 is spelled differently.",
        ),
    ),
)

# All 1,220 released sequences are in ascending order of artist id. This recipe yields their rows, user by user.
_RECIPE = Recipe(_filters, order=order_by_item_id)
_RELEASED_USERS = "lastfm_users.csv"

DATASET = Dataset(
    "lastfm",
    "LastFM",
    wording=PromptWording(
        # No mention of order: except in the protocol `chronological`, histories are ordered by artist id.
        history="The user has listened to these artists before:\n",
        candidates="Candidates:\n",
        question="Which candidate does the user listen to next?\n",
        open_question="Which of all artists does the user listen to next?\n",
    ),
    read=read_lastfm,
    recipe=_RECIPE,
    source=_SOURCE,
    published=_PUBLISHED,
    release=Release(_RECIPE, released_split(_RELEASED_USERS), (_RELEASED_USERS,)),
)
