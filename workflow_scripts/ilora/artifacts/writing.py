"""Atomic writing: an artifact is either complete under its name or absent."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilora.artifacts.file_system import explained, remedy

_PARTIAL = ".partial"


def record_path(artifact: str | os.PathLike[str]) -> Path:
    """Return the path of the record beside an artifact, which is a file or a folder."""
    artifact = Path(artifact)
    return artifact.with_name(f"{artifact.name}.provenance.json")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which is renamed to `path` when the block ends.

    The block may write a file or create a folder. Its content is flushed to the disk before the rename. If the block
    raises or is interrupted, the temporary content is removed and `path` is left unchanged. Otherwise, the previous
    artifact is replaced and its record removed. The temporary name keeps the suffix, from which some writers infer the
    format, and is unique, so that two processes cannot mix their bytes.

    Args:
        path: path of the artifact; missing parent folders are created.

    Raises:
        FileNotFoundError: the block wrote nothing.
        OSError: the disk is full or the path is not writable; the message names `path` and what to do.
    """
    final = Path(path)
    try:
        with _temporary_path(final) as temporary:
            yield temporary
    except OSError as error:
        if remedy(error) is None:
            raise
        is_ours = error.filename is None or _PARTIAL in str(error.filename)
        raise explained(error, final if is_ours else error.filename) from error


@contextmanager
def _temporary_path(final: Path) -> Iterator[Path]:
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_sibling(final)
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"{final}: nothing was written, expected a file or folder.")
        _flush(temporary)
        record_path(final).unlink(missing_ok=True)
        _rename(temporary, final)
        _flush_folder(final.parent)
    finally:
        _remove(temporary)


def _temporary_sibling(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(8)}{_PARTIAL}{path.suffix}")


def _rename(temporary: Path, final: Path) -> None:
    """Rename `temporary` to `final`; an existing folder there is moved aside and then deleted."""
    if not final.is_dir():
        os.replace(temporary, final)
        return
    replaced = _temporary_sibling(final)
    os.replace(final, replaced)
    try:
        os.replace(temporary, final)
    except OSError:
        os.replace(replaced, final)
        raise
    _remove(replaced)


def _flush(path: Path) -> None:
    if not path.is_dir():
        _flush_file(path)
        return
    for folder, _, names in os.walk(path):
        for name in names:
            _flush_file(Path(folder, name))
        _flush_folder(Path(folder))


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
