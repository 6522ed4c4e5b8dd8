"""Sequences with something to learn: users walk around a ring of items, so that item i + 1 follows item i."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.recommenders.settings import (
    Architecture,
    CaserArchitecture,
    GRU4RecArchitecture,
    MoRecArchitecture,
    SASRecArchitecture,
    TrainingSettings,
)

ITEM_COUNT = 24
MAXIMUM_HISTORY = 5


@dataclass(frozen=True)
class Ring:
    """Tables of the ring, and its size."""

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


@pytest.fixture(params=["sasrec", "gru4rec", "caser"])
def recommender(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def architecture(recommender: str) -> Architecture:
    small: dict[str, Architecture] = {
        "sasrec": SASRecArchitecture(feed_forward_size=32, dropout=0.1),
        "gru4rec": GRU4RecArchitecture(hidden_size=16, dropout=0.1),
        "caser": CaserArchitecture(horizontal_filters=2, vertical_filters=2, dropout=0.1),
        "morec": MoRecArchitecture(feed_forward_size=32, dropout=0.1, title_width=6),
    }
    return small[recommender]


@pytest.fixture
def settings() -> TrainingSettings:
    return TrainingSettings(learning_rate=0.01, batch_size=32, maximum_epochs=8, evaluations_per_epoch=2, patience=16)
