"""Whether a folder that a user names holds the raw files of a data set."""

import os
from pathlib import Path

from ilora.data.acquisition.source import DatasetSource


def check_raw_folder(dataset: str, source: DatasetSource, folder: str | os.PathLike[str]) -> None:
    """Check that `folder` holds the raw files of `dataset`, as it has to on a machine without network.

    Args:
        dataset: its name, for messages.
        source: where its files come from.
        folder: that a study names as its source.

    Raises:
        FileNotFoundError: files are missing; the message names them, where each comes from and where it goes.
    """
    folder = Path(folder)
    missing = [name for name in source.file_names if not (folder / name).is_file()]
    if not missing:
        return
    elsewhere = _sub_folder_with(missing, folder)
    if elsewhere is not None:
        raise FileNotFoundError(
            f"{folder}: the files of '{dataset}' are not here but in {elsewhere}. Name that folder as the source."
        )
    found = f"lacks {', '.join(missing)}" if folder.is_dir() else "does not exist"
    raise FileNotFoundError(
        f"The folder {folder}, named as the source of '{dataset}', {found}. Expected in it:\n{_instructions(source)}\n"
        "Fetch them on a machine with network and put them there, unpacked from archives; files that end in .gz "
        "stay as they are."
    )


def _sub_folder_with(names: list[str], folder: Path) -> Path | None:
    """Return the sub-folder that holds all the files, as when an archive was unpacked together with its own folder."""
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
