"""Checksums, and gzip files that are truncated, damaged, too long or of another format."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from ilora.data.acquisition.errors import AcquisitionError
from ilora.data.acquisition.verification import check_gzip, check_sha256

ADDRESS = "https://example.org/reviews.json.gz"
LINES = b"".join(b"{u'username': u'%d', u'product_id': u'%d'}\n" % (row % 301, row**2 % 977) for row in range(5000))
PACKED = gzip.compress(LINES, mtime=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.json.gz.part"


def check(path: Path, content: bytes, maximum_bytes: int = 10**6, holds: tuple[bytes, ...] = ()) -> None:
    path.write_bytes(content)
    check_gzip(path, address=ADDRESS, maximum_bytes=maximum_bytes, first_line_holds=holds)


def refusal_of(path: Path, content: bytes, maximum_bytes: int = 10**6, holds: tuple[bytes, ...] = ()) -> str:
    with pytest.raises(AcquisitionError) as caught:
        check(path, content, maximum_bytes, holds)
    assert str(caught.value).startswith(f"{ADDRESS}: ")
    return str(caught.value)


def test_a_sound_gzip_file(path: Path) -> None:
    check(path, PACKED, maximum_bytes=len(LINES), holds=(b"username", b"product_id"))
    assert path.read_bytes() == PACKED


@pytest.mark.parametrize("kept", [len(PACKED) - 1, len(PACKED) // 2, 12], ids=["last byte", "half", "nearly all"])
def test_a_truncated_gzip_file(path: Path, kept: int) -> None:
    message = refusal_of(path, PACKED[:kept])
    assert f"the gzip file is truncated: found {kept:,} bytes that unpack to at least " in message
    assert "expected an end marker. Run again to download the whole file." in message


def test_a_damaged_gzip_file(path: Path) -> None:
    damaged = bytearray(PACKED)
    damaged[len(PACKED) - 6] ^= 0xFF
    assert "expected an intact gzip file (CRC check failed" in refusal_of(path, bytes(damaged))


def test_damage_inside_a_gzip_file(path: Path) -> None:
    damaged = bytearray(PACKED)
    damaged[2000:2040] = b"\xff" * 40
    assert "expected an intact gzip file (" in refusal_of(path, bytes(damaged))


def test_a_web_page_in_place_of_a_gzip_file(path: Path) -> None:
    message = refusal_of(path, b"<html><body>404</body></html>")
    assert "found 29 bytes that begin with b'<html><body>404</body></', which looks like a web page" in message
    assert "Open the address in a browser to see what the server sends." in message


def test_an_empty_file(path: Path) -> None:
    assert "the first line begins with b'' and contains no username" in refusal_of(path, b"", holds=(b"username",))


def test_a_gzip_file_that_unpacks_to_too_much(path: Path) -> None:
    bomb = gzip.compress(bytes(10**7))
    message = refusal_of(path, bomb, maximum_bytes=2 * 10**6)
    assert "found a gzip file that unpacks to more than 2,000,000 bytes, expected at most that many" in message


def test_another_gzip_file(path: Path) -> None:
    message = refusal_of(path, gzip.compress(b"userId,movieId\n1,2\n"), holds=(b"username", b"product_id"))
    assert "the first line begins with b'userId,movieId\\n' and contains no username and no product_id." in message
    assert "It is not the published file." in message


def test_a_checksum(path: Path) -> None:
    path.write_bytes(LINES)
    right, wrong = hashlib.sha256(LINES).hexdigest(), "0" * 64
    check_sha256(path, right, address=ADDRESS, known_from="the published file", remedy="ask.")
    with pytest.raises(AcquisitionError) as caught:
        check_sha256(path, wrong, address=ADDRESS, known_from="the published file", remedy="ask.")
    message = str(caught.value)
    assert message.startswith(f"{ADDRESS}: the downloaded content is not the expected one.")
    assert f"Found sha256 {right} ({len(LINES):,} bytes" in message
    assert f"expected {wrong} (the published file)" in message
    assert message.endswith("has changed: ask.")
