"""Check that a user's folder contains the raw files of a data set."""

import os
from pathlib import Path

from ilora.data.acquisition.source import DatasetSource


def check_raw_folder(dataset: str, source: DatasetSource, folder: str | os.PathLike[str]) -> None:
    """Check that `folder` contains the raw files of `dataset`, for example on a machine without network access.

    Args:
        dataset: name of the data set, for messages.
        source: where its files come from.
        folder: folder that the study names as its source.

    Raises:
        FileNotFoundError: files are missing; the message lists them, with the origin and destination of each.
    """
    folder = Path(folder)
    missing = [name for name in source.file_names if not (folder / name).is_file()]
    if not missing:
        return
    elsewhere = _sub_folder_with(missing, folder)
    if elsewhere is not None:
        raise FileNotFoundError(
            f"{folder}: the files of '{dataset}' are not here but in {elsewhere}. Set that folder as the source."
        )
    found = f"lacks {', '.join(missing)}" if folder.is_dir() else "does not exist"
    raise FileNotFoundError(
        f"The folder {folder}, named as the source of '{dataset}', {found}. Expected in it:\n{_instructions(source)}\n"
        "Download them on a machine with network access and put them there. Unpack archives, but leave files that end "
        "in .gz compressed."
    )


def _sub_folder_with(names: list[str], folder: Path) -> Path | None:
    """Return the sub-folder that contains all the files, as after unpacking an archive with its own folder."""
    if not folder.is_dir():
        return None
    folders = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return next((entry for entry in folders if all((entry / name).is_file() for name in names)), None)


def _instructions(source: DatasetSource) -> str:
    return "\n".join(
        f"  {file.name} from {download.address}" + (f", there as {file.member}" if file.member else "")
        for download in source.downloads
        for file in download.files
    )
