"""Tables for the tests of several packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import psutil
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.predictions.schema import PREDICTIONS
from runs import Run, this_run

PredictionsMaker = Callable[..., pa.Table]

ITEM_COUNT = 24
MAXIMUM_HISTORY = 5


@dataclass(frozen=True)
class Ring:
    """Tables with a learnable pattern: users walk around a ring of items, so that item i + 1 follows item i."""

    items: pa.Table
    sequences: pa.Table
    candidates: pa.Table
    item_count: int = ITEM_COUNT
    maximum_history: int = MAXIMUM_HISTORY


@pytest.fixture(scope="session")
def ring() -> Ring:
    rows = []
    for user, split in enumerate(["train"] * 30 + ["val"] * 10 + ["test"] * 10):
        walk = [(7 * user + step) % ITEM_COUNT for step in range(12)]
        windows = range(3, 12) if split == "train" else [11]
        rows += [
            {
                "split": split,
                "user_id": user,
                "raw_user_id": str(user),
                "position": end,
                "history": walk[max(0, end - MAXIMUM_HISTORY) : end],
                "target": walk[end],
            }
            for end in windows
        ]
    sequences = [{"sequence_id": sequence_id, **row} for sequence_id, row in enumerate(rows)]
    return Ring(
        items=pa.Table.from_pylist(
            [
                {"item_id": item, "title": f"Item {item}", "raw_id": str(item), "metadata": "{}"}
                for item in range(ITEM_COUNT)
            ],
            schema=ITEMS,
        ),
        sequences=pa.Table.from_pylist(sequences, schema=SEQUENCES),
        candidates=_candidates(sequences),
    )


def _candidates(sequences: list[dict]) -> pa.Table:
    random = np.random.default_rng(0)
    rows = []
    for sequence in sequences:
        if sequence["split"] == "train":
            continue
        for draw in range(2):
            excluded = [*sequence["history"], sequence["target"]]
            others = random.choice(np.setdiff1d(np.arange(ITEM_COUNT), excluded), 9, replace=False)
            candidates = random.permutation([*others, sequence["target"]]).tolist()
            row = {"sequence_id": sequence["sequence_id"], "draw": draw, "candidates": candidates}
            rows.append({**row, "hash": f"{sequence['sequence_id']}/{draw}"})
    return pa.Table.from_pylist(rows, schema=CANDIDATES)


@pytest.fixture
def make_predictions() -> PredictionsMaker:
    """Return a function that makes predictions; `accuracy` of the choices are the target.

    A method that scores gives its choice the highest score. One that writes text writes the title of its choice from
    `titles`, and an invalid text in the share `invalid` of its answers.
    """

    def make(
        method: str = "sasrec",
        *,
        users: int = 12,
        draws: int = 2,
        candidates: int = 5,
        accuracy: float = 0.5,
        invalid: float = 0.0,
        seed: int = 0,
        scored: bool = True,
    ) -> pa.Table:
        generator = np.random.default_rng(seed)
        rows = []
        for sequence in range(users):
            for draw in range(draws):
                items = [100 * draw + 10 * sequence + item for item in range(candidates)]
                target = items[(sequence + draw) % candidates]
                scores = generator.normal(size=candidates)
                chosen = target if generator.random() < accuracy else items[0]
                scores[items.index(chosen)] = scores.max() + 1.0
                choice = None if generator.random() < invalid else chosen
                rows.append(
                    {
                        "sequence_id": sequence + 1000,
                        "split": "val" if sequence < users // 2 else "test",
                        "user_id": sequence,
                        "draw": draw,
                        "method": method,
                        "candidates_hash": f"{sequence}-{draw}",
                        "history": [1, 2, 3],
                        "target": target,
                        "candidates": items,
                        "scores": list(scores) if scored else None,
                        "text": None if scored else "nothing of use" if choice is None else f"Item {choice}",
                        "choice": choice,
                    }
                )
        return pa.Table.from_pylist(rows, schema=PREDICTIONS)

    return make


@pytest.fixture
def dead_run() -> Run:
    """A run of Snakemake on this machine whose process has ended."""
    process = psutil.Popen([sys.executable, "-c", ""])
    run = replace(this_run(), process=process.pid)
    process.wait()
    return run
