"""Valid archives, and all kinds of archives that are refused without leaving files behind."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ilora.data.acquisition.errors import AcquisitionError
from ilora.data.acquisition.source import RawFile
from ilora.data.acquisition.unpacking import unpack_zip

ADDRESS = "https://example.org/set.zip"
RATINGS = b"".join(b"%d\t%d\t%d\n" % (row % 97, row * row % 89, row % 5) for row in range(2000))
TITLES = b"1|Toy Story\n2|GoldenEye\n"
FILES = (RawFile("u.data", 10**6, "set/u.data"), RawFile("u.item", 10**6, "set/u.item"))


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive of these entries."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as archive:
        for entry, content in entries:
            # With a fixed date: that of now would be in the messages, quoted differently at some times of the day.
            named = zipfile.ZipInfo(entry) if isinstance(entry, str) else entry
            archive.writestr(named, content, compress_type=method)
    return memory.getvalue()


WHOLE = packed(("set/", b""), ("set/u.data", RATINGS), ("set/README", b"read me"), ("set/u.item", TITLES))


def unpack(content: bytes, folder: Path, files: tuple[RawFile, ...] = FILES) -> None:
    archive = folder.parent / "set.zip"
    archive.write_bytes(content)
    unpack_zip(archive, files, folder, address=ADDRESS)


def refusal_of(content: bytes, tmp_path: Path, files: tuple[RawFile, ...] = FILES) -> str:
    """Return the error message of the refused archive, after checking that nothing was written."""
    folder = tmp_path / "raw"
    folder.mkdir()
    with pytest.raises(AcquisitionError) as caught:
        unpack(content, folder, files)
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "set.zip"]
    assert str(caught.value).startswith(f"{ADDRESS}: ")
    return str(caught.value)


def test_the_wanted_files_and_no_others_are_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    unpack(WHOLE, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"u.data": RATINGS, "u.item": TITLES}


@pytest.mark.parametrize(
    "path", ["../outside", "set/../../outside", "/outside", "..\\outside", "C:\\outside", "\\\\server\\outside"]
)
def test_a_path_out_of_the_folder(tmp_path: Path, path: str) -> None:
    archive = packed(("set/u.data", RATINGS), ("set/u.item", TITLES), (path, b"outside"))
    message = refusal_of(archive, tmp_path)
    assert f"the archive contains the path '{path}', which leads outside its folder" in message
    assert "Expected relative paths without '..'; nothing was unpacked." in message


def test_a_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("set/u.data")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    message = refusal_of(packed((link, b"/etc/hostname"), ("set/u.item", TITLES)), tmp_path)
    assert "'set/u.data' in the archive is a link. Expected files; nothing was unpacked." in message


def test_another_archive(tmp_path: Path) -> None:
    archive = packed(*((f"other/{number}.csv", b"x") for number in range(20)))
    message = refusal_of(archive, tmp_path)
    assert "found other/0.csv, other/1.csv, " in message and "and 12 more in the archive" in message
    assert "expected 'set/u.data' exactly once. It is not the expected archive." in message


def test_an_empty_archive(tmp_path: Path) -> None:
    assert "found nothing in the archive, expected 'set/u.data'" in refusal_of(packed(), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(tmp_path: Path) -> None:
    archive = packed(("set/u.data", RATINGS), ("set/u.data", TITLES), ("set/u.item", TITLES))
    assert "expected 'set/u.data' exactly once" in refusal_of(archive, tmp_path)


def test_a_member_beyond_its_size(tmp_path: Path) -> None:
    files = (FILES[0], RawFile("u.item", 10, "set/u.item"))
    message = refusal_of(WHOLE, tmp_path, files)
    assert f"to {len(TITLES):,} bytes, expected at most 10. Nothing was unpacked." in message


def test_a_decompression_bomb(tmp_path: Path) -> None:
    archive = packed(("set/u.data", bytes(900_000)), ("set/u.item", TITLES))
    message = refusal_of(archive, tmp_path)
    assert "'set/u.data' would unpack from " in message and "to 900,000 bytes, expected at most " in message


def test_a_member_that_is_larger_than_it_declares(tmp_path: Path) -> None:
    """The archive's directory declares 100 bytes for a longer file, like a bomb that pretends to be small."""
    honest = packed(("set/u.data", RATINGS), ("set/u.item", TITLES))
    size = struct.pack("<L", len(RATINGS))
    assert honest.count(size) == 2
    message = refusal_of(honest.replace(size, struct.pack("<L", 100)), tmp_path)
    assert "the zip archive is damaged (Bad CRC-32 for file 'set/u.data'). Expected an intact one." in message


def test_an_encrypted_member(tmp_path: Path) -> None:
    content = bytearray(packed(("set/u.data", RATINGS), ("set/u.item", TITLES)))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    assert "'set/u.data' in the archive is encrypted" in refusal_of(bytes(content), tmp_path)


def test_an_unusual_compression(tmp_path: Path) -> None:
    archive = packed(("set/u.data", RATINGS), ("set/u.item", TITLES), method=zipfile.ZIP_LZMA)
    assert "has an unsupported compression method. Expected a file that is stored or deflated." in refusal_of(
        archive, tmp_path
    )


@pytest.mark.parametrize("offset", [60, 400], ids=["at its beginning", "further on"])
def test_a_damaged_member(tmp_path: Path, offset: int) -> None:
    content = bytearray(packed(("set/u.item", TITLES), ("set/u.data", RATINGS)))
    start = content.index(b"set/u.data") + len("set/u.data") + offset
    content[start : start + 8] = b"\xff" * 8
    assert "the zip archive is damaged (" in refusal_of(bytes(content), tmp_path)


def test_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    message = refusal_of(WHOLE[: len(WHOLE) // 2], tmp_path)
    assert f"found {len(WHOLE) // 2:,} bytes that begin with b'PK" in message
    assert "expected a whole zip archive." in message


def test_a_web_page_in_place_of_an_archive(tmp_path: Path) -> None:
    message = refusal_of(b"\n<!DOCTYPE html><html>Please log in</html>", tmp_path)
    assert "that begin with b'\\n<!DOCTYPE html>" in message and "which looks like a web page" in message


def test_a_failure_at_the_last_file_leaves_the_earlier_ones_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk is full at the second file, neither a complete nor a partial file remains."""
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "u.data").write_bytes(b"of an earlier run")
    really_copy = shutil.copyfileobj
    copied: list[Any] = []

    def copy_until_the_disk_is_full(source: Any, target: Any) -> None:
        copied.append(source)
        if len(copied) == 2:
            target.write(source.read(5))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        really_copy(source, target)

    monkeypatch.setattr(shutil, "copyfileobj", copy_until_the_disk_is_full)
    with pytest.raises(OSError, match="No space left on device"):
        unpack(WHOLE, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"u.data": b"of an earlier run"}
