"""The benchmarks of windows and candidate sets do the work that they claim to measure."""

from pathlib import Path

import pytest

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import CANDIDATES, INTERACTIONS, SEQUENCES
from ilora.benchmarks import sequences as benchmark
from ilora.data.protocols import make_sequences

SHAPE = (40, 8, 100)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small = {name: (task, SHAPE) for name, (task, _) in benchmark.TASKS.items()}
    monkeypatch.setattr(benchmark, "TASKS", small)
    benchmark._write_inputs("windows_10m", tmp_path)
    return tmp_path


def test_a_made_up_log_has_each_item_once_with_a_user() -> None:
    log = benchmark.made_up_log(*SHAPE)
    assert log.schema == INTERACTIONS
    pairs = set(zip(log["user_id"].to_pylist(), log["item_id"].to_pylist(), strict=True))
    assert len(pairs) == log.num_rows == 320
    assert log["item_id"].to_numpy().max() < 100


def test_windows_are_those_of_every_user(folder: Path) -> None:
    used = benchmark.run_task("windows_10m", folder)
    assert read_table(folder / "sequences.parquet", SEQUENCES).num_rows == 40 * (8 - 3)
    assert used.seconds > 0
    assert 0.01 < used.gigabytes < 100


def test_candidate_sets_are_two_a_user(folder: Path) -> None:
    benchmark.run_task("candidate_sets_1m", folder)
    assert read_table(folder / "candidates.parquet", CANDIDATES).num_rows == 40 * 2


def test_the_loop_cuts_the_same_windows() -> None:
    log = benchmark.made_up_log(*SHAPE)
    table = make_sequences(log, "chronological", split_seed=0, **benchmark.BOUNDS)
    cut = {(tuple(row["history"]), row["target"]) for row in table.to_pylist()}
    assert cut == {(tuple(history), target) for history, target in benchmark._windows_one_by_one(log)}
