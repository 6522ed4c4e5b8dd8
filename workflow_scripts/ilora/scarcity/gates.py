"""What gates do with short histories, and with an unknown user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.analysis.expert_weights import weights_of
from ilora.data.protocol_names import length_of
from ilora.drift.measures import columns
from ilora.evaluation.intervals import Estimate, IntervalSettings, Ratio, estimate
from ilora.evaluation.variation import covered
from ilora.layout import Run
from ilora.scarcity.schemas import GATES_OF_SHORT_HISTORIES, HISTORY, MEAN, ZERO

#: Expert weights, float64 [users, experts].
Weights = NDArray[np.float64]

#: What is measured, for a reader of the table. Distances are total variation, half the sum of the absolute differences:
#: 0 for the same weights, 1 for none in common.
QUANTITIES = {
    "entropy": "entropy of the expert weights over the log of their number: 1 for equal weights, 0 for one expert",
    "distance_from_mean": "distance from the mean expert weights of whole histories",
    "distance_from_peers": "distance from the mean expert weights of histories of the same length",
    "distance_from_whole": "distance from the expert weights of the same user's whole history",
}


@dataclass(frozen=True)
class _Gates:
    """What the gate of one training gives, by the length of the history.

    Attributes:
        of_lengths: of users whose history has the largest length, in the same order.
        cold: of no history, by what the gate reads instead, float64 [1, experts] each.
    """

    of_lengths: Mapping[int, Weights]
    cold: Mapping[str, Weights]


def measure_gates(
    gates: Mapping[Run, pa.Table],
    cold_gates: Mapping[Run, pa.Table],
    sequences: pa.Table,
    longest: int,
    settings: IntervalSettings,
) -> pa.Table:
    """Return what every gate does by the length of the history, and where it has none.

    Args:
        gates: tables of the GATES schema, by run, of the protocols that `ilora.data.protocol_names.short_protocol`
            gives, that of whole histories among them; all of one data set.
        cold_gates: tables of the COLD_GATES schema, by run, of the protocol with whole histories.
        sequences: table of the SEQUENCES schema, of the protocol with whole histories.
        longest: items of a whole history.
        settings: how intervals are computed.

    Returns:
        A table of schema `GATES_OF_SHORT_HISTORIES`, by method, quantity and what is read.

    Raises:
        ValueError: no test user has so long a history, or the gates are of other sequences.
    """
    users = _users(sequences, longest)
    methods: dict[tuple[str, str, str], list[Run]] = {}
    for run in sorted(cold_gates, key=lambda run: run.seed):
        methods.setdefault((run.dataset, run.backbone, run.method), []).append(run)
    rows = []
    for (dataset, backbone, method), runs in methods.items():
        trained = [_gates_of(run, gates, cold_gates[run], [*users], longest) for run in runs]
        labels = {
            "dataset": dataset,
            "backbone": backbone,
            "method": method,
            "seeds": len(runs),
            "draws": 1,
            "confidence": settings.confidence,
            "covers": covered(runs),
        }
        for quantity in QUANTITIES:
            for length in sorted(trained[0].of_lengths):
                if (quantity, length) == ("distance_from_whole", longest):
                    continue
                values = [_values(quantity, each, each.of_lengths[length], length, longest) for each in trained]
                ratios = [Ratio(np.array([*users.values()]), each, np.ones(len(users))) for each in values]
                found = estimate(ratios, settings)
                row = {"quantity": quantity, "read": HISTORY, "length": length, "users": found.n}
                rows.append({**labels, **row, **columns("value", found)})
            if quantity in ("entropy", "distance_from_mean"):
                for read in (ZERO, MEAN):
                    of_runs = [_values(quantity, each, each.cold[read], longest, longest) for each in trained]
                    # A number for each training, and no users to draw again.
                    value = Estimate(float(np.mean(of_runs)), float("nan"), float("nan"), 0)
                    row = {"quantity": quantity, "read": read, "length": None, "users": 0}
                    rows.append({**labels, **row, **columns("value", value)})
    return pa.Table.from_pylist(rows, schema=GATES_OF_SHORT_HISTORIES)


def _users(sequences: pa.Table, longest: int) -> dict[int, int]:
    """Return the user of each test sequence with a whole history of the largest length, by sequence_id."""
    has_longest = pc.equal(pc.list_value_length(sequences["history"]), longest)
    chosen = sequences.filter(pc.and_(pc.equal(sequences["split"], "test"), has_longest))
    if not chosen.num_rows:
        raise ValueError(f"No test user has a history of {longest} items. Lower data.maximum_history or use more data.")
    return dict(zip(chosen["sequence_id"].to_pylist(), chosen["user_id"].to_pylist(), strict=True))


def _gates_of(run: Run, gates: Mapping[Run, pa.Table], cold: pa.Table, sequence_ids: list[int], longest: int) -> _Gates:
    of_lengths = {}
    for other, table in gates.items():
        if (other.backbone, other.method, other.seed) == (run.backbone, run.method, run.seed):
            found, weights = weights_of(table, "test")
            if not np.isin(sequence_ids, found).all():
                raise ValueError(f"{other} has no gates of some test sequences. Delete its gates and run it again.")
            of_lengths[length_of(other.protocol) or longest] = weights[np.searchsorted(found, sequence_ids)]
    of_cold = {
        read: cold.filter(pc.equal(cold["read"], read)).sort_by("expert")["weight"].to_numpy()[None, :]
        for read in (ZERO, MEAN)
    }
    return _Gates(of_lengths, of_cold)


def _values(quantity: str, gates: _Gates, weights: Weights, length: int, longest: int) -> NDArray[np.float64]:
    """Return a quantity of every row of the weights, float64 [rows], between 0 and 1."""
    whole = gates.of_lengths[longest]
    measures: dict[str, Callable[[], NDArray[np.float64]]] = {
        "entropy": lambda: _entropy(weights),
        "distance_from_mean": lambda: _distance(weights, whole.mean(axis=0)),
        "distance_from_peers": lambda: _distance(weights, gates.of_lengths[length].mean(axis=0)),
        "distance_from_whole": lambda: _distance(weights, whole),
    }
    return np.clip(measures[quantity](), 0.0, 1.0)


def _entropy(weights: Weights) -> NDArray[np.float64]:
    experts = weights.shape[1]
    if experts == 1:
        return np.ones(len(weights))
    terms = np.where(weights > 0, weights * np.log(np.where(weights > 0, weights, 1.0)), 0.0)
    return np.asarray(-terms.sum(axis=1) / np.log(experts))


def _distance(weights: Weights, others: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(weights - others).sum(axis=1) / 2.0)
