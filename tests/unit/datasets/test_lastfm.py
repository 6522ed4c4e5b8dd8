"""HetRec's LastFM yields distinct (user, artist) pairs with the time of the earliest tag, equally from both files."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawDataError
from ilora.datasets.lastfm import ARTISTS_FILE, DATES_FILE, TIMESTAMPS_FILE, read_lastfm

WriteFolder = Callable[[Sequence[str], Sequence[str]], str]

ARTISTS = ["1\tMALICE MIZER\thttp://a\thttp://b", "52\tSigur Rós \u2028\u00ad♥\t\t", "7\t岡村孝子\thttp://c\t"]
#: User, artist, tag, year, month, day.
TAGS = [
    (2, 52, 13, 2009, 4, 1),
    (2, 52, 15, 2008, 12, 1),
    (2, 52, 13, 2010, 7, 1),
    (2, 1, 13, 2009, 4, 1),
    (3, 99, 13, 2009, 4, 1),
    (3, 52, 13, 1956, 6, 1),
    (3, 52, 14, 2010, 11, 1),
    (4, 7, 1, 1957, 3, 1),
    (4, 7, 2, 9999, 3, 1),
]


def seconds(year: int, month: int, day: int, zone: str = "Europe/Madrid") -> int:
    return int(datetime(year, month, day, tzinfo=ZoneInfo(zone)).timestamp())


def with_timestamps() -> list[str]:
    return [
        f"{user}\t{artist}\t{tag}\t{1000 * seconds(year, month, day)}" for user, artist, tag, year, month, day in TAGS
    ]


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    def write(artists: Sequence[str], tags: Sequence[str]) -> str:
        (tmp_path / ARTISTS_FILE).write_text("\n".join(["id\tname\turl\tpictureURL", *artists, ""]), encoding="utf-8")
        header = "userID\tartistID\ttagID\ttimestamp"
        (tmp_path / TIMESTAMPS_FILE).write_text("\r\n".join([header, *tags, ""]), newline="")
        return str(tmp_path)

    return write


def test_pairs_with_their_earliest_tag(write_folder: WriteFolder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ilora")
    raw = read_lastfm(write_folder(ARTISTS, with_timestamps()))
    assert raw.interactions.schema == RAW_INTERACTIONS
    assert raw.interactions.to_pylist() == [
        {"raw_user_id": user, "raw_item_id": artist, "rating": None, "timestamp": timestamp}
        for user, artist, timestamp in [
            ("2", "52", seconds(2008, 12, 1)),
            ("2", "1", seconds(2009, 4, 1)),
            ("3", "52", seconds(2010, 11, 1)),
            ("4", "7", seconds(2002, 1, 1, "UTC")),
        ]
    ]
    assert caplog.messages == [
        "distinct (user, artist) pairs: 9 tags in, 5 pairs out",
        "artists that artists.dat describes: 5 pairs in, 4 out",
        "dates outside 2002 to 2099: 3 tags ignored, 1 pairs dated to 2002-01-01",
    ]


def test_names_stand_as_in_the_file(write_folder: WriteFolder) -> None:
    items = read_lastfm(write_folder(ARTISTS, with_timestamps())).items
    assert items.schema == RAW_ITEMS
    assert items["raw_id"].to_pylist() == ["1", "52", "7"]
    assert items["title"].to_pylist() == ["MALICE MIZER", "Sigur Rós \u2028\u00ad♥", "岡村孝子"]


def test_the_file_of_dates_gives_the_same(write_folder: WriteFolder) -> None:
    folder = write_folder(ARTISTS, with_timestamps())
    expected = read_lastfm(folder)
    Path(folder, TIMESTAMPS_FILE).unlink()
    write_dates(folder, [(user, artist, tag, day, month, year) for user, artist, tag, year, month, day in TAGS])
    found = read_lastfm(folder)
    assert found.interactions.equals(expected.interactions)
    assert found.items.equals(expected.items)


def write_dates(folder: str, tags: Sequence[tuple[int, ...]]) -> None:
    lines = ["userID\tartistID\ttagID\tday\tmonth\tyear", *("\t".join(map(str, tag)) for tag in tags)]
    Path(folder, DATES_FILE).write_text("".join(f"{line}\r\n" for line in lines), newline="")


def test_an_impossible_date_is_named(write_folder: WriteFolder) -> None:
    folder = write_folder(ARTISTS, [])
    Path(folder, TIMESTAMPS_FILE).unlink()
    write_dates(folder, [(2, 52, 13, 1, 4, 2009), (2, 52, 13, 31, 2, 2009)])
    with pytest.raises(
        RawDataError, match=r"user_taggedartists\.dat, line 3: day 31, month 2, year 2009 is not a date"
    ):
        read_lastfm(folder)


@pytest.mark.parametrize(
    ("artists", "tags", "problem"),
    [
        (ARTISTS, ["2\t52\t13"], r"timestamps\.dat, line 2: found 3 columns, expected 4"),
        (ARTISTS, ["2\t52\t13\tnoon"], r"timestamps\.dat, line 2: the timestamp is 'noon', expected an integer"),
        (ARTISTS, ["2\t52\t13\t1.5"], r"timestamps\.dat, line 2: the timestamp is '1\.5'"),
        (ARTISTS, ["-2\t52\t13\t5"], r"timestamps\.dat, line 2: the user id is '-2'"),
        (ARTISTS, ["2\tBjörk\t13\t5"], r"timestamps\.dat: is not ascii text"),
        (ARTISTS, ["2\tnan\t13\t5"], r"timestamps\.dat, line 2: the artist id is 'nan'"),
        (ARTISTS, [], r"none of the 0 tags is of an artist that artists\.dat describes"),
        (ARTISTS, ["2\t99\t13\t5"], r"none of the 1 tags is of an artist that artists\.dat describes"),
        ([*ARTISTS, ARTISTS[0]], with_timestamps(), r"artists\.dat, line 5: artist 1 is described twice"),
        ([*ARTISTS, "8\tBjörk"], with_timestamps(), r"artists\.dat, line 5: found 2 columns, expected 4"),
    ],
)
def test_bad_lines_are_named(write_folder: WriteFolder, artists: list[str], tags: list[str], problem: str) -> None:
    with pytest.raises(RawDataError, match=problem):
        read_lastfm(write_folder(artists, tags))


def test_another_encoding_and_other_columns_are_refused(write_folder: WriteFolder) -> None:
    folder = write_folder(ARTISTS, with_timestamps())
    Path(folder, ARTISTS_FILE).write_bytes("id\tname\turl\tpictureURL\n1\tBjörk\t\t\n".encode("latin-1"))
    with pytest.raises(RawDataError, match=r"artists\.dat: is not utf-8 text"):
        read_lastfm(folder)
    Path(folder, ARTISTS_FILE).write_text("a\tb\tc\td\n")
    with pytest.raises(RawDataError, match=r"artists\.dat: found the columns \['a', 'b', 'c', 'd'\], expected a first"):
        read_lastfm(folder)
    Path(folder, ARTISTS_FILE).write_text("")
    with pytest.raises(RawDataError, match=r"artists\.dat: found an empty file"):
        read_lastfm(folder)


def test_missing_files_are_named(write_folder: WriteFolder) -> None:
    folder = write_folder(ARTISTS, with_timestamps())
    Path(folder, TIMESTAMPS_FILE).unlink()
    with pytest.raises(
        FileNotFoundError, match=r"neither user_taggedartists-timestamps\.dat nor user_taggedartists\.dat"
    ):
        read_lastfm(folder)
    Path(folder, ARTISTS_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"artists\.dat: no such file"):
        read_lastfm(folder)
