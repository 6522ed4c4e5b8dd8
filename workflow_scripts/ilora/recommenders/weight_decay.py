"""The choice of a recommender's L2: the best of several values on the validation split."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

#: One row for each value, in ascending order.
WEIGHT_DECAYS = pa.schema(
    [
        pa.field("weight_decay", pa.float64(), nullable=False),
        pa.field("trainings", pa.int32(), nullable=False),
        pa.field("validation_hit_ratio@1", pa.float64(), nullable=False),  # mean over the trainings, each at its best
        pa.field("lowest", pa.float64(), nullable=False),  # over the trainings
        pa.field("highest", pa.float64(), nullable=False),
        pa.field("epoch", pa.float64(), nullable=False),  # mean over the trainings, of their best epoch
        pa.field("is_best", pa.bool_(), nullable=False),  # several rows if their means are equal
        pa.field("is_chosen", pa.bool_(), nullable=False),  # the smallest of the best values
    ]
)

_HIT_RATIO = "validation_hit_ratio@1"
#: Means of the same numbers in another order may differ by this much.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Trial:
    """A training with one value of the L2.

    Attributes:
        weight_decay: the value.
        log: the training log, with `validation_hit_ratio@1`.
    """

    weight_decay: float
    log: pa.Table

    @property
    def best(self) -> tuple[float, float]:
        """The highest validation HitRatio@1, and the epoch at which it was first reached."""
        score = pc.max(self.log[_HIT_RATIO])
        epoch = self.log["epoch"][self.log[_HIT_RATIO].index(score).as_py()]
        return score.as_py(), epoch.as_py()


def weight_decay_text(value: float) -> str:
    """Format a value for paths, identically for equal values: 0.0001, 1e-05."""
    return json.dumps(value)


def compare_weight_decays(trials: Iterable[Trial]) -> pa.Table:
    """Return each value's validation results and the chosen value, as a table of the schema `WEIGHT_DECAYS`.

    The value with the highest mean HitRatio@1 over the trainings is chosen; ties go to the smallest value.

    Args:
        trials: trials, equally many for each value and at least one.

    Raises:
        ValueError: there are no trials, or their number differs between values.
    """
    scores: dict[float, list[tuple[float, float]]] = {}
    for trial in trials:
        scores.setdefault(trial.weight_decay, []).append(trial.best)
    counts = {value: len(found) for value, found in scores.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"weight decay: found trainings {counts}, expected equally many for each value")
    rows = [_row(value, scores[value]) for value in sorted(scores)]
    best = max(row[_HIT_RATIO] for row in rows)
    for row in rows:
        row["is_best"] = row[_HIT_RATIO] > best - _ROUNDING
    chosen = next(row["weight_decay"] for row in rows if row["is_best"])
    return pa.Table.from_pylist(
        [{**row, "is_chosen": row["weight_decay"] == chosen} for row in rows], schema=WEIGHT_DECAYS
    )


def chosen_weight_decay(table: pa.Table) -> float:
    """Return the chosen value of a table of schema `WEIGHT_DECAYS`."""
    (value,) = table.filter(table["is_chosen"])["weight_decay"].to_pylist()
    return float(value)


def _row(value: float, best: Sequence[tuple[float, float]]) -> dict[str, float]:
    scores, epochs = zip(*best, strict=True)
    return {
        "weight_decay": value,
        "trainings": len(best),
        _HIT_RATIO: sum(scores) / len(scores),
        "lowest": min(scores),
        "highest": max(scores),
        "epoch": sum(epochs) / len(epochs),
    }
