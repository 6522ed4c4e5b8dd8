"""Whether a downloaded file is the published one: its checksum, and the soundness of a gzip file."""

import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from ilora.artifacts.provenance import sha256_of
from ilora.data.acquisition.errors import AcquisitionError

_CHUNK = 1 << 20
_SHOWN = 24


def check_sha256(path: Path, expected: str, *, address: str, known_from: str, remedy: str) -> None:
    """Check the sha256 of the file at `path`.

    Args:
        path: the downloaded file.
        expected: its sha256 in hexadecimal.
        address: from which it came.
        known_from: where the expected checksum stands.
        remedy: what to do if the server's content was changed on purpose.

    Raises:
        AcquisitionError: it is another.
    """
    found = sha256_of(path)
    if found != expected:
        raise AcquisitionError(
            f"{address}: the downloaded content is not the expected one. Found sha256 {found} "
            f"({path.stat().st_size:,} bytes{beginning_of(path)}), expected {expected} ({known_from}). "
            "Run again, in case it was damaged on its way; if the same checksum is found, the server's content "
            f"is another one: {remedy}"
        )


def check_gzip(path: Path, *, address: str, maximum_bytes: int, first_line_holds: Sequence[bytes] = ()) -> None:
    """Read the gzip file at `path` to its end, without keeping what is in it.

    Args:
        path: the downloaded file.
        address: from which it came.
        maximum_bytes: how long its content may be, unpacked.
        first_line_holds: what its first line has to contain.

    Raises:
        AcquisitionError: it is no gzip file, is damaged or cut off, is too long, or begins with another line.
    """
    unpacked = 0
    try:
        with gzip.open(path, "rb") as file:
            first_line = file.readline(_CHUNK)
            _check_first_line(first_line, first_line_holds, address)
            unpacked = len(first_line)
            while chunk := file.read(_CHUNK):
                unpacked += len(chunk)
                if unpacked > maximum_bytes:
                    raise AcquisitionError(
                        f"{address}: found a gzip file that unpacks to more than {maximum_bytes:,} bytes, which the "
                        "published one does not."
                    )
    except EOFError as error:
        raise AcquisitionError(
            f"{address}: the gzip file is cut off: found {os.path.getsize(path):,} bytes that unpack to at least "
            f"{unpacked:,} and then end, expected an end marker. Run again to fetch it whole."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise AcquisitionError(
            f"{address}: found {os.path.getsize(path):,} bytes{beginning_of(path)}, expected a sound gzip file "
            f"({error}). Open the address in a browser to see what the server gives."
        ) from error


def beginning_of(path: Path) -> str:
    """Return how a file begins, to go into a message; a web page in its place is named as such."""
    with path.open("rb") as file:
        beginning = file.read(_SHOWN)
    note = ", which looks like a web page" if beginning.lstrip().startswith(b"<") else ""
    return f" that begin with {beginning!r}{note}"


def _check_first_line(line: bytes, expected: Sequence[bytes], address: str) -> None:
    missing = [text.decode() for text in expected if text not in line]
    if missing:
        raise AcquisitionError(
            f"{address}: the first line begins with {line[:_SHOWN]!r} and holds no {' and no '.join(missing)}. "
            "It is not the published file."
        )
