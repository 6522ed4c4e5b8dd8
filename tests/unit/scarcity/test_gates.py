"""What gates do with short histories and without one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from ilora.adapters.gate import LinearGate
from ilora.analysis.schemas import GATES
from ilora.artifacts.schemas import SEQUENCES
from ilora.evaluation.intervals import IntervalSettings
from ilora.layout import Run
from ilora.scarcity.cold_gates import cold_gates_table
from ilora.scarcity.gates import QUANTITIES, measure_gates
from ilora.scarcity.schemas import COLD_GATES, HISTORY, MEAN, ZERO

SETTINGS = IntervalSettings(samples=200)
#: Sequence ids of the users with a whole history, and of one with a shorter one.
LONG, SHORT = range(4, 24), 24


def run(protocol: str, seed: int = 1) -> Run:
    return Run("movielens", protocol, "ilora", "embedded", seed=seed)


def gates(weights: np.ndarray) -> pa.Table:
    """Return the gates of the test sequences, the last of which has a shorter history."""
    rows = [
        {"sequence_id": sequence, "split": "test", "expert": expert, "weight": weight}
        for sequence, of_experts in zip([*LONG, SHORT], [*weights.tolist(), [1.0, 0.0]], strict=True)
        for expert, weight in enumerate(of_experts)
    ]
    return pa.Table.from_pylist(rows, schema=GATES)


def cold(zero: list[float], mean: list[float]) -> pa.Table:
    rows = [
        {"read": read, "expert": expert, "weight": weight}
        for read, weights in ((ZERO, zero), (MEAN, mean))
        for expert, weight in enumerate(weights)
    ]
    return pa.Table.from_pylist(rows, schema=COLD_GATES)


@pytest.fixture(scope="module")
def sequences() -> pa.Table:
    rows = [
        {
            "sequence_id": number,
            "split": "train" if number < LONG[0] else "test",
            "user_id": number,
            "raw_user_id": str(number),
            "position": 10,
            "history": [1] * (4 if number == SHORT else 10),
            "target": 2,
        }
        for number in range(SHORT + 1)
    ]
    return pa.Table.from_pylist(rows, schema=SEQUENCES)


@pytest.fixture(scope="module")
def table(sequences: pa.Table) -> pa.Table:
    # Half of the users use one expert, half the other; with one item all have the same weights.
    whole = np.array([[0.9, 0.1], [0.1, 0.9]] * 10)
    short = np.full((20, 2), [0.7, 0.3])
    found = {run("random_users"): gates(whole), run("random_users~last1"): gates(short)}
    return measure_gates(found, {run("random_users"): cold([0.2, 0.8], [0.5, 0.5])}, sequences, 10, SETTINGS)


def value(table: pa.Table, quantity: str, read: str = HISTORY, length: int | None = None) -> dict[str, Any]:
    (row,) = [
        row for row in table.to_pylist() if (row["quantity"], row["read"], row["length"]) == (quantity, read, length)
    ]
    return row


def test_weights_are_compared_with_those_of_whole_histories(table: pa.Table) -> None:
    def values(quantity: str) -> list[float]:
        return [value(table, quantity, length=length)["value"] for length in (1, 10)]

    assert values("distance_from_mean") == pytest.approx([0.2, 0.4])
    assert values("distance_from_peers") == pytest.approx([0.0, 0.4])
    assert value(table, "distance_from_whole", length=1)["value"] == pytest.approx((0.2 + 0.6) / 2)
    assert not [row for row in table.to_pylist() if (row["quantity"], row["length"]) == ("distance_from_whole", 10)]
    entropies = [-(p * math.log(p) + (1 - p) * math.log(1 - p)) / math.log(2) for p in (0.7, 0.9)]
    assert values("entropy") == pytest.approx(entropies)
    row = value(table, "distance_from_whole", length=1)
    assert (row["users"], row["seeds"], row["covers"]) == (20, 1, "users, one training")
    assert row["value_low"] < row["value"] < row["value_high"]
    assert {each["quantity"] for each in table.to_pylist()} == set(QUANTITIES)


def test_without_a_history_there_is_a_number_for_each_training(table: pa.Table) -> None:
    zero, mean = value(table, "distance_from_mean", ZERO), value(table, "distance_from_mean", MEAN)
    assert (zero["value"], mean["value"]) == (pytest.approx(0.3), pytest.approx(0.0))
    assert value(table, "entropy", MEAN)["value"] == pytest.approx(1.0)
    assert zero["value_low"] is None and zero["users"] == 0


def test_trainings_are_averaged(sequences: pa.Table) -> None:
    found = {
        run(protocol, seed): gates(np.full((20, 2), [first, 1 - first]))
        for protocol, seed, first in (
            ("random_users", 1, 0.5),
            ("random_users", 2, 0.5),
            ("random_users~last1", 1, 0.6),
            ("random_users~last1", 2, 0.8),
        )
    }
    colds = {run("random_users", seed): cold([0.5, 0.5], [0.5, 0.5]) for seed in (1, 2)}
    table = measure_gates(found, colds, sequences, 10, SETTINGS)
    row = value(table, "distance_from_mean", length=1)
    assert row["value"] == pytest.approx(0.2) and (row["seeds"], row["covers"]) == (2, "users and trainings")


def test_gates_of_other_sequences_are_refused(sequences: pa.Table) -> None:
    few = gates(np.full((20, 2), 0.5)).slice(8)
    with pytest.raises(ValueError, match="has no gates of some test sequences"):
        measure_gates({run("random_users"): few}, {run("random_users"): cold([1, 0], [0, 1])}, sequences, 10, SETTINGS)
    with pytest.raises(ValueError, match="No test user has a history of 12 items"):
        measure_gates({}, {}, sequences, 12, SETTINGS)


def test_the_papers_gate_is_uniform_for_the_mean_sequence() -> None:
    """It has no bias, and z is standardised: the mean z of training gives equal weights, whatever it has learnt."""
    torch.manual_seed(0)
    training = torch.randn(50, 6) + 3.0
    gate = LinearGate(6, 4).eval()
    torch.nn.init.normal_(gate.projection.weight)
    gate.fit(training)
    table = cold_gates_table(gate, training)
    weights = {read: [row["weight"] for row in table.to_pylist() if row["read"] == read] for read in (ZERO, MEAN)}
    assert weights[MEAN] == pytest.approx([0.25] * 4, abs=1e-6)
    expected = torch.softmax(gate.projection(-training.mean(dim=0) / training.std(dim=0)), dim=0)
    assert weights[ZERO] == pytest.approx(expected.tolist(), abs=1e-5)
