"""Download of one file over HTTP, with retries, resumption, a size limit, and no mixing of two versions.

The bytes received so far are in the part file. If the server identifies versions (by a strong ETag or Last-Modified),
`<part>.json` records the version that they belong to. A later attempt, in this process or another, then requests only
the rest of the same version; without the record, or if the version has changed, the download starts over. A download
that finally fails leaves the part and its record if it can be resumed, and nothing otherwise.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NoReturn

import requests
import urllib3

from ilora.artifacts.writing import atomic_path
from ilora.data.acquisition.errors import AcquisitionError, not_written
from ilora.progress import Progress

_CHUNK = 1 << 18
_BY_HAND = "Or get the file by other means and set its folder as this data set's source."


@dataclass(frozen=True)
class Patience:
    """Timeouts and retries with exponential backoff; times are in seconds.

    Attributes:
        attempts: maximum number of requests.
        connecting: timeout for a connection.
        reading: timeout for the next bytes.
        first_pause: pause before the second attempt; it doubles with each further attempt.
        longest_pause: upper bound on these pauses.
        longest_requested: longest pause that the server may request (Retry-After) before the download fails.
    """

    attempts: int = 6
    connecting: float = 15.0
    reading: float = 60.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    longest_requested: float = 300.0

    def pause(self, attempt: int) -> float:
        """Return the pause after the failed `attempt` (from 1)."""
        return min(self.first_pause * 2.0 ** (attempt - 1), self.longest_pause)


PATIENT = Patience()


@dataclass(frozen=True)
class _Version:
    """The version of the content in a part file; the validator is an ETag or the date of the last change."""

    address: str
    validator: str | None
    length: int | None


class _Interrupted(Exception):
    """An attempt failed in a way that may be temporary; `pause` is the pause requested by the server, in seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def download(
    address: str,
    part: Path,
    *,
    maximum_bytes: int,
    logger: logging.Logger,
    patience: Patience = PATIENT,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download `address` into the file `part`, up to the length that the server declares, without verification.

    Lost connections, stalls, and statuses 408, 429 and 5xx are retried, with exponential backoff or after the pause
    that the server requests.

    Args:
        address: an http or https address.
        part: destination file; its folder is created if it does not exist.
        maximum_bytes: size limit; if the server declares a larger size, nothing is downloaded.
        logger: logger for progress and warnings.
        patience: timeouts, number of attempts and pauses between them.
        sleep: function that waits for some seconds.

    Raises:
        AcquisitionError: the server refuses (4xx), the content is too large, writing fails, or the last attempt has
            failed.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, patience.attempts + 1):
        try:
            _attempt(address, part, maximum_bytes, patience, logger)
            _note(part).unlink(missing_ok=True)
            return
        except _Interrupted as problem:
            pause = problem.pause if problem.pause is not None else patience.pause(attempt)
            if attempt == patience.attempts or pause > patience.longest_requested:
                _give_up(address, part, problem, attempt)
            logger.warning("%s: %s; attempt %d of %d in %g s", address, problem, attempt + 1, patience.attempts, pause)
            sleep(pause)
        except AcquisitionError:
            discard(part)
            raise
        except OSError as error:
            discard(part)
            raise not_written(part.parent, error) from error


def discard(part: Path) -> None:
    """Remove a part file and its record, if they exist."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _give_up(address: str, part: Path, problem: _Interrupted, attempts: int) -> NoReturn:
    asked = f" The server requests a pause of {problem.pause:g} s." if problem.pause is not None else ""
    held = _held(part, address)
    if held is None:
        discard(part)
        rest = "Nothing was kept."
    else:
        rest = f"The {part.stat().st_size:,} bytes received are kept in {part}; another run downloads the rest."
    raise AcquisitionError(
        f"{address}: could not be downloaded. Attempts made: {attempts}; the last one: {problem}.{asked} {rest} "
        f"Check the network and run again. {_BY_HAND}"
    ) from problem


def _attempt(address: str, part: Path, maximum_bytes: int, patience: Patience, logger: logging.Logger) -> None:
    """Make one request, for the whole content or for the rest of a part, and receive the response."""
    held = _held(part, address)
    # Request the stored bytes: some servers label a .gz file as encoded, and it must not be decoded in transit.
    headers = {"Accept-Encoding": "identity"}
    if held is not None and held.validator is not None:
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": held.validator}
    with _answer(address, headers, patience) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            discard(part)
            raise _Interrupted("the server has no bytes beyond those already received; starting over")
        version = _Version(address, _validator(response), _whole_length(response))
        if version.length is not None and version.length > maximum_bytes:
            raise AcquisitionError(
                f"{address}: the server declares {version.length:,} bytes, expected at most {maximum_bytes:,}. "
                "Nothing was downloaded."
            )
        if response.status_code == requests.codes.partial_content:
            offset = _offset_of(response, part, version, held)
        else:
            offset = 0
            _begin(part, version)
        _receive(response, part, offset, version, maximum_bytes, logger)


@contextmanager
def _answer(address: str, headers: dict[str, str], patience: Patience) -> Iterator[requests.Response]:
    """Yield the server's response, if it has content; its body is not read yet."""
    try:
        response = requests.get(address, headers=headers, stream=True, timeout=(patience.connecting, patience.reading))
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted(f"no answer ({_reason(error)})") from error
    except requests.RequestException as error:
        raise AcquisitionError(
            f"{address}: cannot be requested ({error}). Expected a web address. {_BY_HAND}"
        ) from error
    with response:
        _check_status(response, address)
        yield response


def _reason(error: requests.RequestException) -> object:
    """Return the cause of an error, without urllib3's report of its own retries, which are disabled."""
    cause = error.args[0] if error.args else error
    return cause.reason if isinstance(cause, urllib3.exceptions.MaxRetryError) else cause


def _check_status(response: requests.Response, address: str) -> None:
    code = response.status_code
    if code in (
        requests.codes.ok,
        requests.codes.partial_content,
        requests.codes.requested_range_not_satisfiable,
    ):
        return
    status = f"the server answers {code} {response.reason}"
    if code in (requests.codes.request_timeout, requests.codes.too_many_requests) or code >= 500:
        raise _Interrupted(status, _requested_pause(response))
    raise AcquisitionError(
        f"{address}: {status}, expected the file. It may have moved or require a login: open the address in a "
        f"browser. {_BY_HAND}"
    )


def _requested_pause(response: requests.Response) -> float | None:
    """Return the seconds of the header Retry-After, a number or a date; None if it is missing or unreadable."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _validator(response: requests.Response) -> str | None:
    """Return the identifier of the exact bytes of the content, which a weak ETag is not."""
    tag = response.headers.get("ETag")
    if tag is not None and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def _whole_length(response: requests.Response) -> int | None:
    """Return the length of the whole content in bytes; None if the server does not declare it."""
    if response.status_code == requests.codes.partial_content:
        match = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return int(match[1]) if match else None
    declared = response.headers.get("Content-Length", "")
    return int(declared) if declared.isdecimal() else None


def _offset_of(response: requests.Response, part: Path, version: _Version, held: _Version | None) -> int:
    """Return the offset of a partial response, which must be where the part of the same version ends."""
    offset = part.stat().st_size if part.exists() else 0
    found = response.headers.get("Content-Range", "")
    if version != held or not found.startswith(f"bytes {offset}-"):
        discard(part)
        raise _Interrupted(
            f"the content has changed, or another part of it was sent (requested bytes from {offset:,} on, found "
            f"'{found}'); starting over"
        )
    return offset


def _begin(part: Path, version: _Version) -> None:
    """Start an empty part, and record its version if the server identifies one."""
    discard(part)
    part.touch()
    if version.validator is not None:
        with atomic_path(_note(part)) as temporary:
            temporary.write_text(json.dumps(asdict(version)), encoding="utf-8")


def _held(part: Path, address: str) -> _Version | None:
    """Return the version whose first bytes the part contains; None if there is nothing to resume."""
    if not (part.is_file() and part.stat().st_size and _note(part).is_file()):
        return None
    try:
        version = _Version(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None
    return version if version.address == address else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _receive(
    response: requests.Response,
    part: Path,
    offset: int,
    version: _Version,
    maximum_bytes: int,
    logger: logging.Logger,
) -> None:
    """Append the body of a response to the part."""
    size = offset
    description = f"downloading {version.address.rpartition('/')[2]} (bytes)"
    with Progress(version.length or 0, description, logger) as progress, part.open("ab") as file:
        progress.resume(offset)
        while chunk := _next_bytes(response, size):
            size += len(chunk)
            if size > maximum_bytes:
                raise AcquisitionError(f"{version.address}: found more than {maximum_bytes:,} bytes, expected fewer.")
            file.write(chunk)
            progress.update(len(chunk))
    if version.length is not None and size != version.length:
        raise _Interrupted(f"{size:,} of {version.length:,} bytes were received")


def _next_bytes(response: requests.Response, received: int) -> bytes:
    """Return the next bytes of the body as sent; empty at its end."""
    try:
        return response.raw.read1(_CHUNK, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise _Interrupted(f"the server stalled after {received:,} bytes") from error
    except urllib3.exceptions.HTTPError as error:
        raise _Interrupted(f"the connection was lost after {received:,} bytes ({error})") from error
