"""Downloads from a server that truncates, stalls, misreports lengths, refuses, and changes files."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ilora.data.acquisition.download import PATIENT, Patience, download
from ilora.data.acquisition.errors import AcquisitionError

if TYPE_CHECKING:
    from tests.unit.data.acquisition.conftest import FaultyServer

CONTENT = bytes(range(256)) * 400
OTHER = bytes(reversed(CONTENT))
CUT = 30_000
QUICK = Patience(attempts=3, connecting=5.0, reading=5.0)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "data.zip.part"


@pytest.fixture
def fetch(server: FaultyServer, part: Path, logger: logging.Logger, pauses: list[float]) -> Callable[..., None]:
    def fetch_data(patience: Patience = QUICK, maximum_bytes: int = 10**6, name: str = "data.zip") -> None:
        download(
            server.address(name),
            part,
            maximum_bytes=maximum_bytes,
            logger=logger,
            patience=patience,
            sleep=pauses.append,
        )

    return fetch_data


def left_behind(part: Path) -> list[str]:
    return sorted(path.name for path in part.parent.iterdir())


def test_a_file_is_fetched_as_it_is_stored(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float]
) -> None:
    server.gives(CONTENT, etag='"one"', headers={"Content-Encoding": "gzip"})
    fetch()
    assert part.read_bytes() == CONTENT
    assert left_behind(part) == ["data.zip.part"]
    assert pauses == []
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert "Range" not in server.requests[0]


@pytest.mark.parametrize("stalls", [False, True], ids=["connection closed", "server stalls"])
def test_an_interrupted_download_is_resumed(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float], stalls: bool
) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT, stalls=stalls)
    server.gives(CONTENT, etag='"one"')
    fetch(Patience(attempts=2, connecting=5.0, reading=0.3))
    assert part.read_bytes() == CONTENT
    assert left_behind(part) == ["data.zip.part"]
    assert pauses == [1.0]
    assert server.requests[1]["Range"] == f"bytes={CUT}-"
    assert server.requests[1]["If-Range"] == '"one"'


def test_the_reason_of_each_interruption_is_logged(
    server: FaultyServer, fetch: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT)
    server.gives(CONTENT, etag='"one"', sent=CUT, stalls=True)
    server.gives(CONTENT, etag='"one"')
    fetch(Patience(attempts=3, connecting=5.0, reading=0.3))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"the connection was lost after {CUT:,} bytes" in warnings[0]
    assert f"the server stalled after {2 * CUT:,} bytes; attempt 3 of 3 in 2 s" in warnings[1]


def test_without_a_version_a_download_starts_anew(server: FaultyServer, fetch: Callable[..., None], part: Path) -> None:
    server.gives(CONTENT, sent=CUT)
    server.gives(CONTENT)
    fetch()
    assert part.read_bytes() == CONTENT
    assert "Range" not in server.requests[1]


def test_a_weak_etag_names_no_version_but_the_date_of_change_does(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    changed = "Tue, 04 Dec 2018 20:00:00 GMT"
    server.gives(CONTENT, etag='W/"one"', headers={"Last-Modified": changed}, sent=CUT)
    server.gives(CONTENT, etag='W/"one"', headers={"Last-Modified": changed})
    fetch()
    assert part.read_bytes() == CONTENT
    assert server.requests[1]["If-Range"] == changed


def test_an_answer_that_ignores_the_range_is_not_appended(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT)
    server.gives(CONTENT, etag='"one"', ranges=False)
    fetch()
    assert "Range" in server.requests[1]
    assert part.read_bytes() == CONTENT


def test_content_that_changed_is_fetched_anew(server: FaultyServer, fetch: Callable[..., None], part: Path) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT)
    server.gives(OTHER, etag='"two"')
    fetch()
    assert part.read_bytes() == OTHER


@pytest.mark.parametrize(
    ("etag", "start"), [('"two"', CUT), ('"one"', CUT - 1)], ids=["another version", "another offset"]
)
def test_a_partial_answer_that_does_not_fit_is_not_appended(
    server: FaultyServer,
    fetch: Callable[..., None],
    part: Path,
    caplog: pytest.LogCaptureFixture,
    etag: str,
    start: int,
) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT)
    given = {"Content-Range": f"bytes {start}-{len(OTHER) - 1}/{len(OTHER)}"}
    server.gives(OTHER[start:], etag=etag, status=206, headers=given, ranges=False)
    server.gives(OTHER, etag='"two"')
    fetch()
    assert part.read_bytes() == OTHER
    assert "the content has changed, or another part of it was sent" in caplog.text
    assert "Range" not in server.requests[2]


def test_a_part_as_long_as_the_content_is_fetched_anew(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    server.gives(CONTENT, etag='"one"', declares=len(CONTENT) + 10)
    server.gives(CONTENT, etag='"one"')
    fetch()
    assert part.read_bytes() == CONTENT
    assert server.requests[1]["Range"] == f"bytes={len(CONTENT)}-"
    assert "Range" not in server.requests[2]


def test_a_length_that_is_never_reached(server: FaultyServer, fetch: Callable[..., None], part: Path) -> None:
    server.gives(CONTENT, declares=len(CONTENT) + 10)
    with pytest.raises(AcquisitionError) as caught:
        fetch()
    message = str(caught.value)
    assert message.startswith(
        f"{server.address('data.zip')}: could not be downloaded. Attempts made: 3; the last one: "
    )
    assert f"the connection was lost after {len(CONTENT):,} bytes" in message
    assert "Nothing was kept. Check the network and run again." in message
    assert left_behind(part) == []


def test_errors_of_the_server_are_waited_out(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float]
) -> None:
    server.gives(status=500)
    server.gives(status=503)
    server.gives(CONTENT)
    fetch()
    assert part.read_bytes() == CONTENT
    assert pauses == [1.0, 2.0]


def test_pauses_double_up_to_a_limit() -> None:
    pauses = [PATIENT.pause(attempt) for attempt in range(1, 9)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_the_server_asks_for_is_kept(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float], status: int
) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    server.gives(status=status, headers={"Retry-After": "7"})
    server.gives(status=status, headers={"Retry-After": moment})
    server.gives(CONTENT)
    fetch()
    assert part.read_bytes() == CONTENT
    assert pauses[0] == 7.0
    assert 80.0 < pauses[1] <= 100.0


def test_an_unreadable_retry_after_is_ignored(
    server: FaultyServer, fetch: Callable[..., None], pauses: list[float]
) -> None:
    server.gives(status=429, headers={"Retry-After": "soon"})
    server.gives(CONTENT)
    fetch()
    assert pauses == [1.0]


def test_a_pause_beyond_reason_ends_the_download(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float]
) -> None:
    server.gives(status=429, headers={"Retry-After": "86400"})
    with pytest.raises(AcquisitionError, match="answers 429 .*The server requests a pause of 86400 s"):
        fetch()
    assert pauses == [] and len(server.requests) == 1
    assert left_behind(part) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_not_retried(
    server: FaultyServer, fetch: Callable[..., None], part: Path, pauses: list[float], status: int
) -> None:
    server.gives(status=status)
    with pytest.raises(AcquisitionError) as caught:
        fetch()
    assert f"the server answers {status}" in str(caught.value)
    assert "Or get the file by other means and set its folder as this data set's source." in str(caught.value)
    assert pauses == [] and len(server.requests) == 1
    assert left_behind(part) == []


def test_a_server_that_cannot_be_reached(
    part: Path, logger: logging.Logger, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Port 1 is reserved, and nothing listens there.
    with pytest.raises(AcquisitionError, match=r"no answer \(.*Connection refused\)\. Nothing was kept"):
        download("http://127.0.0.1:1/x.zip", part, maximum_bytes=1, logger=logger, patience=QUICK, sleep=pauses.append)
    assert pauses == [1.0, 2.0]
    assert left_behind(part) == []


def test_an_address_that_is_none(part: Path, logger: logging.Logger, pauses: list[float]) -> None:
    with pytest.raises(AcquisitionError, match="data.zip: cannot be requested .* Expected a web address"):
        download("data.zip", part, maximum_bytes=1, logger=logger, sleep=pauses.append)
    assert pauses == []
    assert left_behind(part) == []


def test_more_than_the_limit_is_refused_before_it_is_received(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    server.gives(CONTENT)
    with pytest.raises(AcquisitionError, match=f"declares {len(CONTENT):,} bytes, expected at most 1,000"):
        fetch(maximum_bytes=1000)
    assert left_behind(part) == []


def test_more_than_the_limit_is_refused_where_no_length_is_declared(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    server.gives(CONTENT, declares_nothing=True, etag='"one"')
    with pytest.raises(AcquisitionError, match="found more than 1,000 bytes, expected fewer"):
        fetch(maximum_bytes=1000)
    assert left_behind(part) == []


def test_a_full_disk(
    server: FaultyServer,
    fetch: Callable[..., None],
    part: Path,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class FullDisk(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    really_open = Path.open

    def open_for_appending_fails(path: Path, mode: str = "r", **options: Any) -> Any:
        return FullDisk(path, mode) if mode == "ab" else really_open(path, mode, **options)

    server.gives(CONTENT, etag='"one"')
    monkeypatch.setattr(Path, "open", open_for_appending_fails)
    with pytest.raises(AcquisitionError) as caught:
        fetch()
    assert str(caught.value).startswith(f"{part.parent}: writing failed ([Errno 28] No space left on device), with ")
    assert "Free some space, or set `results` to a folder on another disk" in str(caught.value)
    assert pauses == [] and len(server.requests) == 1
    assert left_behind(part) == []


def test_a_given_up_download_keeps_what_the_next_run_resumes(
    server: FaultyServer, fetch: Callable[..., None], part: Path
) -> None:
    server.gives(CONTENT, etag='"one"', sent=CUT)
    server.gives(status=503)
    with pytest.raises(AcquisitionError) as caught:
        fetch()
    assert f"The {CUT:,} bytes received are kept in {part}; another run downloads the rest." in str(caught.value)
    assert part.read_bytes() == CONTENT[:CUT]
    assert left_behind(part) == ["data.zip.part", "data.zip.part.json"]
    server.gives(CONTENT, etag='"one"')
    server.requests.clear()
    server.answers[:] = server.answers[-1:]
    fetch()
    assert [request.get("Range") for request in server.requests] == [f"bytes={CUT}-"]
    assert part.read_bytes() == CONTENT
    assert left_behind(part) == ["data.zip.part"]


@pytest.mark.parametrize(
    "note",
    [
        None,
        "{",
        "[]",
        '{"address": 1}',
        json.dumps({"address": "http://elsewhere/data.zip", "validator": '"one"', "length": len(CONTENT)}),
    ],
    ids=["none", "damaged", "no object", "other keys", "of another address"],
)
def test_a_part_without_its_note_is_not_resumed(
    server: FaultyServer, fetch: Callable[..., None], part: Path, note: str | None
) -> None:
    part.parent.mkdir()
    part.write_bytes(OTHER[:CUT])
    if note is not None:
        part.with_name("data.zip.part.json").write_text(note, encoding="utf-8")
    server.gives(CONTENT, etag='"one"')
    fetch()
    assert "Range" not in server.requests[0]
    assert part.read_bytes() == CONTENT
    assert left_behind(part) == ["data.zip.part"]
