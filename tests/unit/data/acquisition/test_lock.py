"""The file of checksums recorded at first use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ilora.data.acquisition.errors import AcquisitionError
from ilora.data.acquisition.lock import LockedDownload, read_lock, record

REVIEWS = LockedDownload("https://example.org/reviews.json.gz", 123, "a" * 64)
GAMES = LockedDownload("https://example.org/games.json.gz", 45, "b" * 64)


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "data.lock.json"
    assert read_lock(path) == {}
    record(path, "reviews.json.gz", REVIEWS)
    record(path, "games.json.gz", GAMES)
    assert read_lock(path) == {"reviews.json.gz": REVIEWS, "games.json.gz": GAMES}
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.lock.json"]


def test_the_file_does_not_depend_on_the_order_of_downloads(tmp_path: Path) -> None:
    entries = [("reviews.json.gz", REVIEWS), ("games.json.gz", GAMES)]
    for name, order in (("one", entries), ("two", entries[::-1])):
        for key, entry in order:
            record(tmp_path / name, key, entry)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"a": 1}',
        '{"a": {"sha256": "aa"}}',
        json.dumps({"a": {"address": "x", "bytes": 1, "sha256": "A" * 64}}),
        json.dumps({"a": {"address": "x", "bytes": 1, "sha256": None}}),
    ],
    ids=["empty", "a list", "cut off", "no entry", "keys missing", "no sha256", "null"],
)
def test_a_damaged_lock_file_does_not_pass_for_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.lock.json"
    path.write_text(content, encoding="utf-8")
    for use in (lambda: read_lock(path), lambda: record(path, "games.json.gz", GAMES)):
        with pytest.raises(AcquisitionError) as caught:
            use()
        assert str(caught.value).startswith(f"{path}: is not a readable file of recorded checksums (")
        assert "Restore it from version control" in str(caught.value)
    assert path.read_text(encoding="utf-8") == content
