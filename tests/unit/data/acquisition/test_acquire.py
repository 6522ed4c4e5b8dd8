"""A data set is fetched, verified and put in place, or refused without leaving files behind."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import logging
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ilora.data.acquisition.acquire import acquire_dataset
from ilora.data.acquisition.download import Patience
from ilora.data.acquisition.errors import AcquisitionError
from ilora.data.acquisition.lock import LockedDownload, read_lock, record
from ilora.data.acquisition.source import DatasetSource, Download, RawFile

if TYPE_CHECKING:
    from tests.unit.data.acquisition.conftest import FaultyServer

RATINGS = b"".join(b"%d\t%d\n" % (row % 97, row * row % 89) for row in range(500))
REVIEWS = gzip.compress(b"{u'username': u'me', u'product_id': u'7'}\n" * 50, mtime=0)
LATER_REVIEWS = gzip.compress(b"{u'username': u'you', u'product_id': u'8'}\n" * 50, mtime=0)
QUICK = Patience(attempts=2, connecting=5.0, reading=5.0)


def archive_of(name: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        # With a fixed date: that of now would be in the messages, quoted differently at some times of the day.
        archive.writestr(zipfile.ZipInfo(name), RATINGS, zipfile.ZIP_DEFLATED)
    return memory.getvalue()


ARCHIVE = archive_of("set/u.data")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "set"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "data.lock.json"


@pytest.fixture
def zipped(server: FaultyServer) -> DatasetSource:
    """A data set in an archive whose checksum is published."""
    files = (RawFile("u.data", 10**5, "set/u.data"),)
    wanted = Download(server.address("set.zip"), 10**5, files, sha256=sha256(ARCHIVE))
    return DatasetSource("The Set", "https://example.org", (wanted,), ("Only on Sundays.",), ("Nobody. 2020.",))


@pytest.fixture
def reviews(server: FaultyServer) -> DatasetSource:
    """A data set in a gzip file without a published checksum."""
    files = (RawFile("reviews.json.gz", 10**6),)
    wanted = Download(server.address("reviews.json.gz"), 10**5, files, first_line_holds=(b"username",))
    return DatasetSource("Reviews", "https://example.org", (wanted,), ("None.",), ("Nobody. 2021.",))


@pytest.fixture
def acquire(folder: Path, lock: Path, logger: logging.Logger, pauses: list[float]) -> Callable[..., list[Path]]:
    def acquire_source(source: DatasetSource) -> list[Path]:
        return acquire_dataset(source, folder, lock=lock, logger=logger, patience=QUICK, sleep=pauses.append)

    return acquire_source


def refusal_of(acquire: Callable[..., list[Path]], source: DatasetSource, folder: Path) -> str:
    """Return the error message of a refused download, after checking that no files were left."""
    with pytest.raises(AcquisitionError) as caught:
        acquire(source)
    assert list(folder.iterdir()) == []
    return str(caught.value)


def test_an_archive_is_fetched_verified_and_unpacked(
    server: FaultyServer,
    acquire: Callable[..., list[Path]],
    zipped: DatasetSource,
    folder: Path,
    lock: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.gives(ARCHIVE, etag='"one"')
    with caplog.at_level(logging.INFO):
        assert acquire(zipped) == [folder / "u.data"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"u.data": RATINGS}
    assert not lock.exists()
    assert "Only on Sundays." in caplog.text and "Nobody. 2020." in caplog.text
    assert f"{len(ARCHIVE)} bytes, sha256 {sha256(ARCHIVE)}" in caplog.text


def test_a_cut_off_archive_is_resumed_and_then_verified(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    server.gives(ARCHIVE, etag='"one"', sent=200)
    server.gives(ARCHIVE, etag='"one"')
    acquire(zipped)
    assert server.requests[1]["Range"] == "bytes=200-"
    assert (folder / "u.data").read_bytes() == RATINGS


def test_wrong_bytes(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    wrong = archive_of("set/other")
    server.gives(wrong, etag='"one"')
    message = refusal_of(acquire, zipped, folder)
    assert message.startswith(f"{server.address('set.zip')}: the downloaded content is not the expected one.")
    assert f"Found sha256 {sha256(wrong)} " in message and f"expected {sha256(ARCHIVE)} (the published file)" in message
    assert "change the checksum in the data set's declaration. The downloaded file has been deleted." in message


def test_bytes_that_changed_between_two_versions_of_one_name(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    """If a server changes content without changing its ETag, the result is a mixture, which the checksum detects."""
    server.gives(bytes(len(ARCHIVE)), etag='"one"', sent=200)
    server.gives(ARCHIVE, etag='"one"')
    mixture = bytes(200) + ARCHIVE[200:]
    assert f"Found sha256 {sha256(mixture)} " in refusal_of(acquire, zipped, folder)


def test_a_server_that_declares_too_little(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    server.gives(ARCHIVE, declares=300)
    message = refusal_of(acquire, zipped, folder)
    assert f"Found sha256 {sha256(ARCHIVE[:300])} (300 bytes that begin with b'PK" in message


def test_a_web_page_in_place_of_an_archive(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    server.gives(b"<!DOCTYPE html><title>Log in</title>")
    assert "begin with b'<!DOCTYPE html><title>Lo', which looks like a web page" in refusal_of(acquire, zipped, folder)


def test_another_archive_than_the_catalogue_describes(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, folder: Path
) -> None:
    other = archive_of("set/other")
    wanted = Download(server.address("set.zip"), 10**5, zipped.downloads[0].files, sha256=sha256(other))
    source = DatasetSource(zipped.title, zipped.page, (wanted,), zipped.terms, zipped.citations)
    server.gives(other)
    message = refusal_of(acquire, source, folder)
    assert "found set/other in the archive, expected 'set/u.data' exactly once." in message
    assert message.endswith("The downloaded file has been deleted.")


def test_a_disk_that_is_full_when_unpacking(
    server: FaultyServer,
    acquire: Callable[..., list[Path]],
    zipped: DatasetSource,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(source: Any, target: Any) -> None:
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    server.gives(ARCHIVE)
    monkeypatch.setattr(shutil, "copyfileobj", fail)
    message = refusal_of(acquire, zipped, folder)
    assert message.startswith(f"{folder}: writing failed ([Errno 28] No space left on device")


def test_the_first_use_is_recorded_and_then_enforced(
    server: FaultyServer,
    acquire: Callable[..., list[Path]],
    reviews: DatasetSource,
    folder: Path,
    lock: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.gives(REVIEWS)
    server.gives(REVIEWS)
    server.gives(LATER_REVIEWS)
    acquire(reviews)
    expected = LockedDownload(server.address("reviews.json.gz"), len(REVIEWS), sha256(REVIEWS))
    assert read_lock(lock) == {"reviews.json.gz": expected}
    assert f"the checksum of this download is now recorded in {lock}. Commit that file" in caplog.text
    caplog.clear()
    acquire(reviews)
    assert "recorded" not in caplog.text
    (folder / "reviews.json.gz").unlink()
    recorded = lock.read_bytes()
    message = refusal_of(acquire, reviews, folder)
    assert f"Found sha256 {sha256(LATER_REVIEWS)} " in message
    assert f"expected {sha256(REVIEWS)} (recorded in {lock})" in message
    assert f"to accept it, remove the entry 'reviews.json.gz' from {lock}, run again and commit that file." in message
    assert lock.read_bytes() == recorded


def test_what_is_refused_later_leaves_the_earlier_file(
    server: FaultyServer, acquire: Callable[..., list[Path]], reviews: DatasetSource, folder: Path
) -> None:
    server.gives(REVIEWS)
    server.gives(LATER_REVIEWS)
    acquire(reviews)
    with pytest.raises(AcquisitionError, match="is not the expected one"):
        acquire(reviews)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"reviews.json.gz": REVIEWS}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (REVIEWS[:-5], "the gzip file is truncated"),
        (b"<html>moved</html>", "which looks like a web page, expected an intact gzip file"),
        (gzip.compress(b"userId,movieId\n"), "contains no username. It is not the published file."),
        (gzip.compress(b"{u'username': 1}\n" + bytes(2 * 10**6)), "unpacks to more than 1,000,000 bytes"),
    ],
    ids=["truncated", "web page", "another file", "bomb"],
)
def test_what_is_no_sound_download_is_not_recorded(
    server: FaultyServer,
    acquire: Callable[..., list[Path]],
    reviews: DatasetSource,
    folder: Path,
    lock: Path,
    content: bytes,
    reason: str,
) -> None:
    server.gives(content)
    message = refusal_of(acquire, reviews, folder)
    assert reason in message and message.endswith("The downloaded file has been deleted.")
    assert not lock.exists()


def test_a_damaged_lock_file_stops_before_anything_is_fetched(
    server: FaultyServer, acquire: Callable[..., list[Path]], reviews: DatasetSource, folder: Path, lock: Path
) -> None:
    lock.write_text("{", encoding="utf-8")
    server.gives(REVIEWS)
    with pytest.raises(AcquisitionError, match="is not a readable file of recorded checksums"):
        acquire(reviews)
    assert server.requests == [] and not folder.exists()


def test_a_published_checksum_needs_no_record(
    server: FaultyServer, acquire: Callable[..., list[Path]], zipped: DatasetSource, lock: Path
) -> None:
    record(lock, "other.zip", LockedDownload("https://example.org/other.zip", 1, "c" * 64))
    before = lock.read_bytes()
    server.gives(ARCHIVE)
    acquire(zipped)
    assert lock.read_bytes() == before
