"""Inputs of the data rules from a study, for built-in and user data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ilora.study.data import DataFiles
from ilora.study.study import Study

OWN = {
    "interactions": "loans.csv",
    "items": "books.csv",
    "minimum_items_per_user": 3,
    "words": {"items": "books", "participle": "read", "verb": "read"},
}
BASELINE = {"methods": ["popularity"]}


@pytest.fixture
def files() -> DataFiles:
    config: dict[str, Any] = {
        "results": "made",
        "datasets": ["books"],
        "methods": ["popularity"],
        "data": {"own": {"books": OWN}, "minimum_rating": 4.0, "sources": {"movielens": "ml", "lastfm": "download"}},
    }
    return DataFiles(Study.load(config, {}))


@pytest.mark.parametrize(
    ("dataset", "source", "filters", "modules", "verb"),
    [
        ("books", "loans.csv", {}, (), "read"),
        ("movielens", "ml", {"minimum_rating": 4.0}, ("ilora.datasets.movielens",), "watch"),
        ("lastfm", "made/raw/lastfm", {}, ("ilora.datasets.lastfm",), "listen to"),
        ("steam", "made/raw/steam", {"sample_seed": 0}, ("ilora.datasets.steam",), "play"),
    ],
)
def test_what_a_data_set_hands_to_its_scripts(
    files: DataFiles, dataset: str, source: str, filters: dict[str, Any], modules: tuple[str, ...], verb: str
) -> None:
    wildcards = {"dataset": dataset}
    assert files.raw_source(wildcards) == source
    assert files.filters(wildcards) == filters
    assert files.modules(wildcards) == modules
    assert files.wording(wildcards)["question"] == f"Which candidate does the user {verb} next?\n"


def test_new_words_do_not_prepare_a_data_set_again(files: DataFiles) -> None:
    assert files.own({"dataset": "books"}) == {key: value for key, value in OWN.items() if key != "words"}
    assert files.own({"dataset": "steam"}) is None


def test_a_split_is_handed_over_where_the_protocol_reads_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = {**OWN, "splits": "users.csv"}
    files = DataFiles(Study.load({**BASELINE, "data": {"own": {"books": own}}}, {}))
    released = {"dataset": "books", "protocol": "released"}
    assert files.own(released) == files.own({**released, "protocol": "random_users"})
    assert "splits" not in (files.own(released) or {})
    assert files.own_split(released) == {key: own[key] for key in ("interactions", "items", "splits")}
    assert files.named_splits(released) == []  # a missing file stops the job, not the planning
    Path("users.csv").touch()
    assert files.named_splits(released) == ["users.csv"]
    for protocol in ("random_users", "chronological"):
        assert files.own_split({**released, "protocol": protocol}) is None
        assert files.named_splits({**released, "protocol": protocol}) == []


def test_what_is_shipped_about_released_files_is_a_parameter_of_what_reads_it(files: DataFiles) -> None:
    movielens = {"dataset": "movielens", "protocol": "released"}
    facts = files.released_facts(movielens)
    assert list(facts) == ["movielens_users.csv"] and len(facts["movielens_users.csv"]) == 64
    assert list(files.released_facts({**movielens, "dataset": "steam"})) == ["steam_games.csv"]
    assert files.released_facts({**movielens, "protocol": "random_users"}) == {}
    assert files.modules_of_split(movielens) == ("ilora.datasets.movielens",)
    assert files.modules_of_split({**movielens, "protocol": "random_users"}) == ()


def test_periods_are_read_where_the_protocol_has_them(files: DataFiles) -> None:
    def periods(protocol: str) -> dict[str, str]:
        return files.periods({"dataset": "movielens", "protocol": protocol})

    assert periods("rolling~2of4") == {"periods": "made/data/movielens/periods~4.parquet"}
    assert periods("gap~5") == periods("chronological") == {}


def test_raw_files_that_are_fetched_are_named_one_by_one(files: DataFiles) -> None:
    assert files.raw_files({"dataset": "lastfm"})[0] == "made/raw/lastfm/artists.dat"
    assert files.raw_files({"dataset": "movielens"}) == files.raw_files({"dataset": "books"}) == []


@pytest.mark.parametrize(
    ("dataset", "names"),
    [("movielens", ["u.data", "u.item"]), ("steam", ["steam_games.json.gz", "steam_reviews.json.gz"])],
)
def test_raw_files_of_a_users_folder_are_named_one_by_one(
    dataset: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder's time does not change when a file in it is edited in place, so Snakemake would not notice."""
    monkeypatch.chdir(tmp_path)
    files = DataFiles(Study.load({**BASELINE, "datasets": [dataset], "data": {"sources": {dataset: "./raw/"}}}, {}))
    assert files.raw_files({"dataset": dataset}) == []
    Path("raw").mkdir()
    for name in [names[0], "README"]:
        Path("raw", name).touch()
    assert files.raw_files({"dataset": dataset}) == [f"raw/{names[0]}"]
    Path("raw", names[1]).touch()
    assert files.raw_files({"dataset": dataset}) == [f"raw/{name}" for name in names]


def test_an_unknown_data_set_is_refused_with_those_that_there_are(files: DataFiles) -> None:
    with pytest.raises(ValueError, match="no built-in data set 'book'. Available: movielens, lastfm, steam"):
        files.filters({"dataset": "book"})
