"""Our ranking metrics agree with RecBole's evaluator on the same scores."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from recbole.evaluator.collector import DataStruct
from recbole.evaluator.evaluator import Evaluator

from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.predictions.schema import PREDICTIONS

CANDIDATES = 20


def _recbole(scores: np.ndarray, is_target: np.ndarray) -> dict[str, float]:
    """Evaluate with RecBole, from the relevance of each row's ranked list and its number of relevant items."""
    config = {"metrics": ["Hit", "MRR", "NDCG"], "topk": [1, 5, 10, CANDIDATES], "metric_decimal_place": 15}
    ranked = np.take_along_axis(is_target, np.argsort(-scores, axis=1), axis=1)
    relevant = np.ones((len(scores), 1), dtype=int)
    collected = DataStruct()
    collected.set("rec.topk", torch.from_numpy(np.concatenate([ranked.astype(int), relevant], axis=1)))
    return Evaluator(config).evaluate(collected)


def _scored(scores: np.ndarray) -> pa.Table:
    """Return predictions by these scores: one row per user, 10 of val and the rest of test; item = column."""
    generator = np.random.default_rng(1)
    rows = [
        {
            "sequence_id": row,
            "split": "val" if row < 10 else "test",
            "user_id": row,
            "draw": 0,
            "method": "sasrec",
            "candidates_hash": str(row),
            "history": [30],
            "target": int(generator.integers(CANDIDATES)),
            "candidates": list(range(CANDIDATES)),
            "scores": list(of_row),
            "text": None,
            "choice": int(of_row.argmax()),
        }
        for row, of_row in enumerate(scores)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(310, CANDIDATES))


def test_metrics_are_those_of_recbole(scores: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    # RecBole's NDCG uses a type that NumPy has removed.
    monkeypatch.setattr(np, "float", float, raising=False)
    predictions = _scored(scores)
    run = Run("movielens", "random_users", "sasrec", seed=1)
    titles = [f"Item {item}" for item in range(40)]
    metrics = measure_run(predictions, run, titles, IntervalSettings(samples=100), "here").to_pylist()
    ours = {row["metric"]: row["value"] for row in metrics if row["split"] == "test"}
    target = predictions["target"].to_numpy()[10:]
    theirs = _recbole(scores[10:], np.arange(CANDIDATES) == target[:, None])
    assert ours["hit_ratio@1"] == pytest.approx(theirs["hit@1"], abs=1e-12)
    assert ours["mrr"] == pytest.approx(theirs[f"mrr@{CANDIDATES}"], abs=1e-12)
    assert ours["ndcg@5"] == pytest.approx(theirs["ndcg@5"], abs=1e-12)
    assert ours["ndcg@10"] == pytest.approx(theirs["ndcg@10"], abs=1e-12)
