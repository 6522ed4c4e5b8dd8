"""Folders of raw files that a user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilora.data.acquisition.raw_folder import check_raw_folder
from ilora.data.acquisition.source import DatasetSource
from ilora.datasets.register import DATASETS


def source_of(dataset: str) -> DatasetSource:
    source = DATASETS[dataset].source
    assert source is not None
    return source


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_a_folder_that_holds_the_files(tmp_path: Path, dataset: str) -> None:
    for name in source_of(dataset).file_names:
        (tmp_path / name).write_bytes(b"")
    check_raw_folder(dataset, source_of(dataset), tmp_path)


def test_a_folder_that_lacks_files(tmp_path: Path) -> None:
    (tmp_path / "artists.dat").write_bytes(b"")
    (tmp_path / "user_taggedartists.dat").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        check_raw_folder("lastfm", source_of("lastfm"), tmp_path)
    message = str(caught.value)
    assert f"The folder {tmp_path}, named as the source of 'lastfm', lacks user_taggedartists.dat, " in message
    assert "lacks artists.dat" not in message
    archive = "https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip"
    assert f"  user_taggedartists.dat from {archive}, there as user_taggedartists.dat\n" in message
    assert "Download them on a machine with network access and put them there. Unpack archives" in message


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        check_raw_folder("steam", source_of("steam"), tmp_path / "steam")
    assert f"The folder {tmp_path / 'steam'}, named as the source of 'steam', does not exist." in str(caught.value)
    assert "  steam_reviews.json.gz from https://cseweb.ucsd.edu/~wckang/steam_reviews.json.gz\n" in str(caught.value)


def test_the_files_are_one_folder_further_down(tmp_path: Path) -> None:
    below = tmp_path / "ml-100k"
    below.mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("u.data", "u.item"):
        (below / name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="not here but in .*ml-100k. Set that folder as the source"):
        check_raw_folder("movielens", source_of("movielens"), tmp_path)
