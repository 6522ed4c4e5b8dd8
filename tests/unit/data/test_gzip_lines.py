"""A gzip file is read in chunks of whole lines; an unreadable one is refused."""

import gzip
from pathlib import Path

import pytest

from ilora.data import gzip_lines
from ilora.data.gzip_lines import read_line_chunks
from ilora.data.raw import RawDataError

LINES = b"".join(b"line %d %s\n" % (number, b"x" * (number % 97)) for number in range(20_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lines.gz"


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_lines, "_BYTES_PER_CHUNK", 1000)
    monkeypatch.setattr(gzip_lines, "_COMPRESSED_BYTES_PER_READ", 300)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_hold_whole_lines_and_nothing_is_lost(path: Path) -> None:
    path.write_bytes(gzip.compress(LINES))
    chunks = list(read_line_chunks(path))
    assert b"".join(chunks) == LINES
    assert len(chunks) > 100
    assert all(chunk.endswith(b"\n") and len(chunk) <= 2000 for chunk in chunks)


@pytest.mark.usefixtures("small_chunks")
def test_streams_one_after_the_other_are_one_file(path: Path) -> None:
    middle = len(LINES) // 2
    path.write_bytes(gzip.compress(LINES[:middle]) + gzip.compress(b"") + gzip.compress(LINES[middle:]))
    assert b"".join(read_line_chunks(path)) == LINES


def test_a_last_line_without_an_end_gets_one(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a\nb"))
    assert list(read_line_chunks(path)) == [b"a\n", b"b\n"]


def test_no_lines(path: Path) -> None:
    path.write_bytes(gzip.compress(b""))
    assert list(read_line_chunks(path)) == []


def test_a_caller_may_stop_early(path: Path) -> None:
    path.write_bytes(gzip.compress(LINES))
    chunks = read_line_chunks(path)
    assert LINES.startswith(next(chunks))
    chunks.close()  # type: ignore[attr-defined]
    path.unlink()


def test_a_file_that_is_cut_off_is_refused_wherever_the_cut_is(path: Path) -> None:
    whole = gzip.compress(LINES)
    for end in (0, 5, 1000, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(RawDataError, match=r"lines\.gz: the gzip stream is incomplete.*download it again"):
            list(read_line_chunks(path))


def test_a_changed_byte_is_noticed(path: Path) -> None:
    content = bytearray(gzip.compress(LINES))
    content[-6] ^= 1  # of the checksum
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=r"lines\.gz: is not a gzip file, or is damaged \(.*data check\)"):
        list(read_line_chunks(path))


@pytest.mark.parametrize("content", [b"<html>Not found</html>", b"PK\x03\x04", LINES])
def test_another_kind_of_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=r"lines\.gz: is not a gzip file.*Delete it and download it again"):
        list(read_line_chunks(path))


def test_a_line_without_an_end_in_sight_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_lines, "_LONGEST_LINE", 1 << 22)
    path.write_bytes(gzip.compress(bytes(1 << 24)))
    with pytest.raises(RawDataError, match=r"lines\.gz: contains a line of more than 4 MiB"):
        list(read_line_chunks(path))


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lines\.gz: no such file"):
        list(read_line_chunks(path))
