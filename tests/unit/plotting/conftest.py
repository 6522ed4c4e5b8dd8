import pyarrow as pa
import pytest

from ilora.evaluation.summary import DIFFERENCES, SUMMARY

# Method, backbone, seeds, HitRatio@1 on test and validation, ValidRatio, MRR.
ROWS = (
    ("popularity", "", 1, 0.197, 0.214, 1.0, 0.38),
    ("markov", "", 1, 0.271, 0.262, 1.0, 0.44),
    ("gru4rec", "", 3, 0.392, 0.401, 1.0, 0.55),
    ("caser", "", 3, 0.377, 0.360, 1.0, 0.53),
    ("sasrec", "", 3, 0.405, 0.432, 1.0, 0.56),
    ("zero_shot", "embedded", 1, 0.020, 0.031, 0.41, None),
    ("llara", "embedded", 3, 0.351, 0.355, 0.964, None),
    ("ilora", "embedded", 3, 0.326, 0.305, 0.955, None),
)


@pytest.fixture
def summary() -> pa.Table:
    """Return a summary of eight methods on MovieLens with made-up numbers."""
    rows = []
    for method, backbone, seeds, test, val, valid, mrr in ROWS:
        labels = {
            "dataset": "movielens",
            "protocol": "published",
            "backbone": backbone,
            "method": method,
            "variant": "default",
            "seeds": seeds,
            "sd": 0.012 if seeds > 1 else None,
            "n": 95,
            "draws": 10,
            "confidence": 0.95,
        }
        values = {
            ("hit_ratio@1", "test"): test,
            ("hit_ratio@1", "val"): val,
            ("hit_ratio@1", "val_test"): (test + val) / 2,
            ("hit_ratio@1_over_valid", "test"): test / valid,
            ("valid_ratio", "test"): valid,
            ("valid_ratio", "val_test"): valid,
            ("mrr", "test"): mrr,
        }
        for (metric, split), value in values.items():
            if value is not None:
                interval = {"value": value, "low": max(0.0, value - 0.07), "high": min(1.0, value + 0.07)}
                rows.append(labels | interval | {"metric": metric, "split": split})
    return pa.Table.from_pylist(rows, schema=SUMMARY)


@pytest.fixture
def differences() -> pa.Table:
    """Return the difference between iLoRA and LLaRA with made-up numbers."""
    labels = {
        "dataset": "movielens",
        "protocol": "published",
        "backbone": "embedded",
        "first": "ilora",
        "second": "llara",
        "metric": "hit_ratio@1",
        "seeds": 3,
        "confidence": 0.95,
    }
    splits = {
        "val": (-0.05, -0.09, -0.01, 94),
        "test": (-0.025, -0.061, 0.012, 95),
        "val_test": (-0.037, -0.063, -0.012, 189),
    }
    rows = [
        labels | {"split": split, "value": value, "low": low, "high": high, "n": n}
        for split, (value, low, high, n) in splits.items()
    ]
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)
