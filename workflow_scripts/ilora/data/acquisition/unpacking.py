"""Taking the wanted files out of a zip archive, and nothing else."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath, PureWindowsPath

from ilora.artifacts.writing import atomic_path
from ilora.data.acquisition.errors import AcquisitionError
from ilora.data.acquisition.source import RawFile
from ilora.data.acquisition.verification import beginning_of

#: Raw files of this kind shrink to a fifth. Deflate can reach 1,032, which only a decompression bomb needs.
MAXIMUM_RATIO = 100

_SHOWN = 8


def unpack_zip(archive: Path, files: Sequence[RawFile], folder: Path, *, address: str) -> None:
    """Take `files` out of the zip archive and put them into `folder`, all of them or none.

    The archive is refused as a whole if any entry of it, wanted or not, would lead outside a folder, since then it
    is not what it should be. Sizes are limited by what the archive declares; `zipfile` itself reads no more of a
    file than was declared, and checks its CRC.

    Args:
        archive: the zip archive.
        files: what is wanted: the member, the name that it gets and the bytes that it may have.
        folder: where the files go. It is made if there is none.
        address: where the archive came from, for messages.

    Raises:
        AcquisitionError: it is no zip archive, is damaged or encrypted, lacks a member, has one twice, has an entry
            with an unsafe path or a link, or a member is larger than it may be. Nothing is left in `folder`.
    """
    if not zipfile.is_zipfile(archive):
        raise AcquisitionError(
            f"{address}: found {archive.stat().st_size:,} bytes{beginning_of(archive)}, expected a whole zip archive."
        )
    try:
        with zipfile.ZipFile(archive) as content, ExitStack() as writing:
            for entry in content.infolist():
                _check_path(entry, address)
            for file in files:
                entry = _wanted_entry(content, file, address)
                with (
                    content.open(entry) as packed,
                    writing.enter_context(atomic_path(folder / file.name)).open("wb") as out,
                ):
                    shutil.copyfileobj(packed, out)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise AcquisitionError(f"{address}: the zip archive is damaged ({error}). Expected a sound one.") from error


def _check_path(entry: zipfile.ZipInfo, address: str) -> None:
    """Refuse an entry that is a link, or whose path could lead out of the folder it is unpacked into."""
    name = entry.filename
    windows = PureWindowsPath(name)
    if (
        windows.is_absolute()
        or windows.drive
        or windows.root
        or PurePosixPath(name).is_absolute()
        or ".." in windows.parts
    ):
        raise AcquisitionError(
            f"{address}: the archive holds the path '{name}', which leads outside its folder. Expected relative "
            "paths without '..'; nothing was unpacked."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise AcquisitionError(f"{address}: '{name}' in the archive is a link. Expected files; nothing was unpacked.")


def _wanted_entry(content: zipfile.ZipFile, file: RawFile, address: str) -> zipfile.ZipInfo:
    """Return the one entry that holds `file`, if it can be unpacked and its size is credible."""
    entries = [entry for entry in content.infolist() if entry.filename == file.member]
    if len(entries) != 1:
        names = sorted(content.namelist())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise AcquisitionError(
            f"{address}: found {', '.join(names[:_SHOWN]) or 'nothing'}{more} in the archive, "
            f"expected '{file.member}' exactly once. It is another archive."
        )
    entry = entries[0]
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise AcquisitionError(
            f"{address}: '{file.member}' in the archive is encrypted or packed in an unusual way. Expected a file "
            "that is stored or deflated."
        )
    limit = min(file.maximum_bytes, MAXIMUM_RATIO * entry.compress_size)
    if entry.file_size > limit:
        raise AcquisitionError(
            f"{address}: '{file.member}' would unpack from {entry.compress_size:,} to {entry.file_size:,} bytes, "
            f"expected at most {limit:,}. Nothing was unpacked."
        )
    return entry
