"""The declared source of each downloadable data set."""

from __future__ import annotations

import re

import pytest

from ilora.data.acquisition.source import DatasetSource, terms_of_use
from ilora.datasets.register import DATASETS


def sources() -> dict[str, DatasetSource]:
    """Return where each built-in data set comes from."""
    return {name: dataset.source for name, dataset in DATASETS.items() if dataset.source is not None}


def test_every_built_in_data_set_can_be_fetched() -> None:
    assert set(sources()) == set(DATASETS)


def test_the_names_that_the_readers_know() -> None:
    assert {dataset: set(source.file_names) for dataset, source in sources().items()} == {
        "movielens": {"u.data", "u.item"},
        "lastfm": {"artists.dat", "user_taggedartists.dat", "user_taggedartists-timestamps.dat"},
        "steam": {"steam_reviews.json.gz", "steam_games.json.gz"},
        "movielens_1m": {"ratings.dat", "movies.dat"},
        "amazon_beauty": {"reviews_Beauty_5.json.gz", "meta_Beauty.json.gz"},
        "amazon_sports": {"reviews_Sports_and_Outdoors_5.json.gz", "meta_Sports_and_Outdoors.json.gz"},
        "amazon_toys": {"reviews_Toys_and_Games_5.json.gz", "meta_Toys_and_Games.json.gz"},
    }


@pytest.mark.parametrize("dataset", sorted(sources()))
def test_an_entry_is_complete(dataset: str) -> None:
    source = sources()[dataset]
    assert source.terms and source.citations
    assert len(set(source.file_names)) == len(source.file_names)
    for download in source.downloads:
        assert download.address.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{64}|", download.sha256)
        assert all(bool(file.member) == download.is_archive for file in download.files)
        assert download.is_archive or [file.name for file in download.files] == [download.name]
        # A file without a published checksum must at least resemble the published file before it is recorded.
        assert download.sha256 or (download.first_line_holds and not download.is_archive)


def test_names_are_unique_in_the_lock_file() -> None:
    names = [download.name for source in sources().values() for download in source.downloads]
    assert len(set(names)) == len(names)


def test_terms_are_told_with_what_to_cite() -> None:
    text = terms_of_use(sources()["movielens"])
    assert "https://grouplens.org/datasets/movielens/100k/" in text
    assert "The data may not be passed on without separate permission." in text
    assert "Harper and Joseph A. Konstan. 2015" in text
