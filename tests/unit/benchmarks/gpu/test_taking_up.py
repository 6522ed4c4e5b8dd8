"""Artifacts from another machine are all imported where they belong, or none of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ilora.artifacts.provenance import provenance
from ilora.artifacts.writing import record_path
from ilora.benchmarks.gpu.parcels import pack
from ilora.benchmarks.gpu.taking_up import take_up

ADAPTER, PREDICTIONS = "results/adapter", "results/predictions.parquet"
BENCHMARK = "seed~1.tsv"


@pytest.fixture
def parcel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter that was made from titles, and predictions from it."""
    there = tmp_path / "there"
    (there / ADAPTER).mkdir(parents=True)
    monkeypatch.chdir(there)
    Path("titles").write_text("Alien")
    made = provenance("fine_tune", inputs=["titles"])
    Path(ADAPTER, "weights").write_text("tuned")
    made.record(ADAPTER)
    made = provenance("answer", inputs=[f"{ADAPTER}/weights"])
    Path(PREDICTIONS).write_text("Alien")
    made.record(PREDICTIONS)
    about = {"artifacts": [ADAPTER, PREDICTIONS], "benchmarks": [BENCHMARK]}
    files = [ADAPTER, f"{ADAPTER}/weights", PREDICTIONS, *(str(record_path(path)) for path in (ADAPTER, PREDICTIONS))]
    pack({name: there / name for name in files}, tmp_path / "parcel", 1000, about)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "parcel"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "titles").write_text("Alien")
    return tmp_path / "checkout"


def test_artifacts_come_with_their_records(parcel: Path, checkout: Path) -> None:
    (checkout / BENCHMARK).write_text("of an earlier run")
    assert take_up(parcel, checkout) == 0
    assert (checkout / PREDICTIONS).read_text() == "Alien"
    assert (checkout / ADAPTER / "weights").read_text() == "tuned"
    assert all(record_path(checkout / path).is_file() for path in (ADAPTER, PREDICTIONS))
    assert not (checkout / BENCHMARK).exists()
    # Existing artifacts are kept.
    assert take_up(parcel, checkout) == 0


def alter_titles(checkout: Path) -> None:
    (checkout / "titles").write_text("Brazil")


def remove_titles(checkout: Path) -> None:
    (checkout / "titles").unlink()


def put_another(checkout: Path) -> None:
    (checkout / PREDICTIONS).parent.mkdir()
    (checkout / PREDICTIONS).write_text("Casino")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (alter_titles, "was made from another version of titles than the one here"),
        (remove_titles, "was made from titles, which does not exist here"),
        (put_another, "predictions.parquet: a different artifact exists here"),
    ],
)
def test_nothing_is_taken_where_one_does_not_belong(
    change: Callable[[Path], None],
    reason: str,
    parcel: Path,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(checkout)
    assert take_up(parcel, checkout) == 1
    assert reason in capsys.readouterr().err
    assert not (checkout / ADAPTER).exists()


def test_a_parcel_that_is_not_whole_is_refused(
    parcel: Path, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parcel / "part001.tar").unlink()
    assert take_up(parcel, checkout) == 1
    assert "part001.tar: found no such file" in capsys.readouterr().err
