"""Preprocessed sequences of other projects, read as interactions without titles."""

from pathlib import Path

import pytest

from ilora.data.raw import RawDataError
from ilora.data.ready_sequences import read_ready_sequences
from ilora.data.table_files import TextForm
from ilora.data.tabular import TabularColumns, read_tabular

COLUMNS = TabularColumns("user_id", "item_id", "timestamp", rating=None, item_id="item_id", title="item_id")


def test_items_are_called_by_their_ids_and_ordered_by_their_places(tmp_path: Path) -> None:
    path = tmp_path / "sequences.json"
    path.write_text('{"0": [7, 3, 9], "anna": ["3", "8"]}', encoding="utf-8")
    raw = read_tabular(path, path, columns=COLUMNS, timestamps="seconds", form=TextForm())
    rows = [(row["raw_user_id"], row["raw_item_id"], row["timestamp"]) for row in raw.interactions.to_pylist()]
    assert rows == [("0", "7", 0), ("0", "3", 1), ("0", "9", 2), ("anna", "3", 0), ("anna", "8", 1)]
    assert [(row["raw_id"], row["title"]) for row in raw.items.to_pylist()] == [(id_, id_) for id_ in "7398"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[1, 2]]", "contains a list, expected an object of users and their items"),
        ('{"0": [1, 2], "0": [3]}', "'0' occurs twice"),
        ('{"0": [1, 2', "is not a JSON object of users and their items"),
        ('{"0": [1, 2.5]}', r"user '0': found \[1, 2.5\], expected a list of ids in time order"),
        ('{"0": [1], "7": []}', r"user '7': found \[\], expected a list of ids"),
        ('{"0": {"1": 5}}', "user '0': found {'1': 5}, expected a list of ids"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "sequences.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RawDataError, match=problem):
        list(read_ready_sequences(path))


def test_it_has_no_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "sequences.json"
    path.write_text('{"0": [7, 3]}', encoding="utf-8")
    columns = TabularColumns("user_id", "item_id", "timestamp", rating=None, item_id="item_id", title="title")
    with pytest.raises(RawDataError, match="expected one column 'title', found the columns user_id, item_id, time"):
        read_tabular(path, path, columns=columns, timestamps="seconds", form=TextForm())
