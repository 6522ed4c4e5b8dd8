"""Acquisition of a data set: its files get their final names only after verification."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.writing import atomic_path
from ilora.data.acquisition.download import PATIENT, Patience, discard, download
from ilora.data.acquisition.errors import AcquisitionError, not_written
from ilora.data.acquisition.lock import LockedDownload, read_lock, record
from ilora.data.acquisition.source import DatasetSource, Download, terms_of_use
from ilora.data.acquisition.unpacking import unpack_zip
from ilora.data.acquisition.verification import check_gzip, check_sha256


def acquire_dataset(
    source: DatasetSource,
    folder: str | os.PathLike[str],
    *,
    lock: str | os.PathLike[str],
    logger: logging.Logger,
    patience: Patience = PATIENT,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Download the raw files of a data set into `folder`, replacing existing ones, and log its terms of use.

    A file gets its name only after its download has been verified. Besides raw files, only a resumable partial download
    can remain there (`<name>.part` and `<name>.part.json`, see `ilora.data.acquisition.download`).

    Args:
        source: the data set, for example `built_in_dataset("lastfm").source`.
        folder: destination of the files; created if it does not exist.
        lock: the lock file. Downloads without a published checksum are recorded there at first use, and must match
            the record from then on.
        logger: logger for terms, progress and warnings.
        patience: timeouts, number of attempts and pauses between them.
        sleep: function that waits for some seconds.

    Returns:
        The paths of the raw files, in the order of `source.file_names`.

    Raises:
        AcquisitionError: a download failed or its content is wrong.
    """
    folder, lock = Path(folder), Path(lock)
    logger.info("%s", terms_of_use(source))
    recorded = read_lock(lock)
    for wanted in source.downloads:
        part = folder / f"{wanted.name}.part"
        download(
            wanted.address,
            part,
            maximum_bytes=wanted.maximum_bytes,
            logger=logger,
            patience=patience,
            sleep=sleep,
        )
        logger.info("%s: received, verifying", wanted.address)
        try:
            _verify_checksum(wanted, part, recorded.get(wanted.name), lock)
            entry = LockedDownload(wanted.address, part.stat().st_size, sha256_of(part))
            _put_in_place(wanted, part, folder)
            logger.info("%s: %d bytes, sha256 %s", entry.address, entry.bytes, entry.sha256)
            if not wanted.sha256 and wanted.name not in recorded:
                _record_first_use(wanted, entry, lock, logger)
        except AcquisitionError as error:
            raise AcquisitionError(f"{error} The downloaded file has been deleted.") from error
        except OSError as error:
            raise not_written(folder, error) from error
        finally:
            discard(part)
    return [folder / name for name in source.file_names]


def _verify_checksum(wanted: Download, part: Path, locked: LockedDownload | None, lock: Path) -> None:
    """Check a complete download against its published checksum or, without one, against the recorded one, if any."""
    if wanted.sha256:
        remedy = "if its publishers announce a new version, change the checksum in the data set's declaration."
        check_sha256(part, wanted.sha256, address=wanted.address, known_from="the published file", remedy=remedy)
    elif locked is not None:
        remedy = f"to accept it, remove the entry '{wanted.name}' from {lock}, run again and commit that file."
        check_sha256(part, locked.sha256, address=wanted.address, known_from=f"recorded in {lock}", remedy=remedy)


def _put_in_place(wanted: Download, part: Path, folder: Path) -> None:
    """Check the content of a verified download, and put its raw files into `folder`."""
    if wanted.is_archive:
        unpack_zip(part, wanted.files, folder, address=wanted.address)
        return
    (file,) = wanted.files
    check_gzip(
        part,
        address=wanted.address,
        maximum_bytes=file.maximum_bytes,
        first_line_holds=wanted.first_line_holds,
    )
    with atomic_path(folder / file.name) as temporary:
        os.replace(part, temporary)


def _record_first_use(wanted: Download, entry: LockedDownload, lock: Path, logger: logging.Logger) -> None:
    record(lock, wanted.name, entry)
    logger.warning(
        "No published checksum of %s is known, so the checksum of this download is now recorded in %s. Commit that "
        "file; from now on any other content is refused.",
        wanted.name,
        lock,
    )
