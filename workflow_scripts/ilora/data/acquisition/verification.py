"""Verification of downloaded files: checksums, and the integrity of gzip files."""

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
    """Check the SHA-256 of the file at `path`.

    Args:
        path: the downloaded file.
        expected: expected SHA-256 in hexadecimal.
        address: origin of the file, for messages.
        known_from: origin of the expected checksum, for messages.
        remedy: what to do if the server's content was changed on purpose.

    Raises:
        AcquisitionError: the checksum differs.
    """
    found = sha256_of(path)
    if found != expected:
        raise AcquisitionError(
            f"{address}: the downloaded content is not the expected one. Found sha256 {found} "
            f"({path.stat().st_size:,} bytes{beginning_of(path)}), expected {expected} ({known_from}). "
            "Run again, in case it was damaged in transit; if the checksum is the same then, the server's content has "
            f"changed: {remedy}"
        )


def check_gzip(path: Path, *, address: str, maximum_bytes: int, first_line_holds: Sequence[bytes] = ()) -> None:
    """Check the gzip file at `path` by reading it to its end.

    Args:
        path: the downloaded file.
        address: origin of the file, for messages.
        maximum_bytes: upper bound on the size of its uncompressed content.
        first_line_holds: strings that its first line must contain.

    Raises:
        AcquisitionError: it is not a gzip file, is damaged, truncated or too large, or has an unexpected first line.
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
                        f"{address}: found a gzip file that unpacks to more than {maximum_bytes:,} bytes, expected at "
                        "most that many."
                    )
    except EOFError as error:
        raise AcquisitionError(
            f"{address}: the gzip file is truncated: found {os.path.getsize(path):,} bytes that unpack to at least "
            f"{unpacked:,} and then end, expected an end marker. Run again to download the whole file."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise AcquisitionError(
            f"{address}: found {os.path.getsize(path):,} bytes{beginning_of(path)}, expected an intact gzip file "
            f"({error}). Open the address in a browser to see what the server sends."
        ) from error


def beginning_of(path: Path) -> str:
    """Return a description of a file's first bytes for a message; it points out a web page."""
    with path.open("rb") as file:
        beginning = file.read(_SHOWN)
    note = ", which looks like a web page" if beginning.lstrip().startswith(b"<") else ""
    return f" that begin with {beginning!r}{note}"


def _check_first_line(line: bytes, expected: Sequence[bytes], address: str) -> None:
    missing = [text.decode() for text in expected if text not in line]
    if missing:
        raise AcquisitionError(
            f"{address}: the first line begins with {line[:_SHOWN]!r} and contains no {' and no '.join(missing)}. "
            "It is not the published file."
        )
