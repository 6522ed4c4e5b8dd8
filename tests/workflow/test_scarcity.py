"""Shares of the users, short histories and their gates, on what the finished smoke study has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout import SMOKE, Checkout
from ilora.artifacts.parquet import read_table
from ilora.scarcity.schemas import GATES_OF_SHORT_HISTORIES, HISTORY, SCARCE_USERS, SHORT_HISTORIES

pytestmark = pytest.mark.timeout(1200)

STUDY = """
methods: [popularity, sasrec, llara, ilora]
scarcity:
  shares: [30, 100]
  draws: [1]
  lengths: [1, 10]
  frequency_floors: [0, 5]
  methods: [popularity, sasrec, ilora]
"""
NAMES = ("scarce_users", "short_histories", "rare_items", "gates_of_short_histories")


def test_scarcity_is_measured_by_the_rules_that_train_and_answer(finished: Checkout, tmp_path: Path) -> None:
    checkout = Checkout.like(finished, tmp_path / "checkout")
    (checkout.folder / "scarcity.yaml").write_text(STUDY, encoding="utf-8")
    figures = [f"results/smoke/figures/movielens/{name}.svg" for name in NAMES]
    tables = [f"results/smoke/tables/movielens/{name}.html" for name in NAMES]
    study = (*SMOKE, "scarcity.yaml", "--", *figures, *tables)
    # A share is trained on from the beginning; a length is answered by what the smoke study has trained.
    data = {"prepare_interactions": 2, "make_sequences": 2, "draw_candidates": 2, "score_baseline": 2}
    trained = {"train_recommender": 1, "pretrain_backbone": 1, "fine_tune_gated": 1}
    answered = {"answer_short_histories": 1, "answer_fine_tuned": 2, "compute_gates": 1, "compute_cold_gates": 1}
    measured = {f"measure_{name}": 1 for name in ("shares", "histories", "items", "gates")}
    shown = {f"{verb}_{name}": 1 for verb in ("draw", "make") for name in NAMES}
    assert checkout.planned_jobs(*study) == {**data, **trained, **answered, **measured, **shown}
    process = checkout.snakemake("--cores", "all", *study)
    assert process.returncode == 0, process.stdout

    folder = checkout.results / "analysis" / "movielens"
    shares = read_table(folder / "scarce_users.parquet", SCARCE_USERS).to_pylist()
    assert {(row["method"], row["share"]) for row in shares} == {
        (method, share) for method in ("popularity", "sasrec", "ilora") for share in (30, 100)
    }
    histories = read_table(folder / "short_histories.parquet", SHORT_HISTORIES).to_pylist()
    assert {(row["method"], row["length"]) for row in histories} == {
        (method, length) for method in ("popularity", "sasrec", "ilora") for length in (1, 10)
    }
    gates = read_table(folder / "gates_of_short_histories.parquet", GATES_OF_SHORT_HISTORIES).to_pylist()
    distances = {row["length"]: row["value"] for row in gates if row["quantity"] == "distance_from_whole"}
    assert list(distances) == [1] and distances[1] > 0.0
    assert {row["read"] for row in gates} > {HISTORY}
