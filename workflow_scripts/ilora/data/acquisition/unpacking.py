"""Safe extraction of the wanted files from a zip archive."""

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

#: Raw files of this kind compress to about a fifth. Deflate can reach a ratio of 1,032, but only for a zip bomb.
MAXIMUM_RATIO = 100

_SHOWN = 8


def unpack_zip(archive: Path, files: Sequence[RawFile], folder: Path, *, address: str) -> None:
    """Extract `files` from the zip archive into `folder`, all of them or none.

    The archive is refused as a whole if any entry, wanted or not, has a path that leads outside the folder. The size
    limit applies to the declared sizes; `zipfile` itself reads no more of a file than was declared, and checks its CRC.

    Args:
        archive: the zip archive.
        files: files to extract, each with its member, new name and size limit.
        folder: destination of the files; created if it does not exist.
        address: origin of the archive, for messages.

    Raises:
        AcquisitionError: the file is not a zip archive, or is damaged or encrypted; a member is missing, duplicated or
            too large; or an entry has an unsafe path or is a link. Nothing is left in `folder`.
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
        raise AcquisitionError(f"{address}: the zip archive is damaged ({error}). Expected an intact one.") from error


def _check_path(entry: zipfile.ZipInfo, address: str) -> None:
    """Refuse an entry that is a link, or whose path could lead outside the folder that it is unpacked into."""
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
            f"{address}: the archive contains the path '{name}', which leads outside its folder. Expected relative "
            "paths without '..'; nothing was unpacked."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise AcquisitionError(f"{address}: '{name}' in the archive is a link. Expected files; nothing was unpacked.")


def _wanted_entry(content: zipfile.ZipFile, file: RawFile, address: str) -> zipfile.ZipInfo:
    """Return the single entry for `file`, if it can be unpacked and its size is plausible."""
    entries = [entry for entry in content.infolist() if entry.filename == file.member]
    if len(entries) != 1:
        names = sorted(content.namelist())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise AcquisitionError(
            f"{address}: found {', '.join(names[:_SHOWN]) or 'nothing'}{more} in the archive, "
            f"expected '{file.member}' exactly once. It is not the expected archive."
        )
    entry = entries[0]
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise AcquisitionError(
            f"{address}: '{file.member}' in the archive is encrypted or has an unsupported compression method. "
            "Expected a file that is stored or deflated."
        )
    limit = min(file.maximum_bytes, MAXIMUM_RATIO * entry.compress_size)
    if entry.file_size > limit:
        raise AcquisitionError(
            f"{address}: '{file.member}' would unpack from {entry.compress_size:,} to {entry.file_size:,} bytes, "
            f"expected at most {limit:,}. Nothing was unpacked."
        )
    return entry
