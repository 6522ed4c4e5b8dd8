"""Results of studies with made-up numbers."""

import pyarrow as pa
import pytest

from ilora.evaluation.schemas import DIFFERENCES, ERROR_ANALYSIS, SUMMARY

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
            "protocol": "random_users",
            "backbone": backbone,
            "method": method,
            "variant": "default",
            "seeds": seeds,
            "sd": 0.012 if seeds > 1 else None,
            "n": 95,
            "draws": 10,
            "confidence": 0.95,
            "covers": "users and trainings" if seeds > 1 else "users",
        }
        values = {
            ("hit_ratio@1", "test"): test,
            ("hit_ratio@1", "val"): val,
            ("hit_ratio@1", "val_test"): (test + val) / 2,
            ("hit_ratio@1_over_valid", "test"): test / valid,
            ("valid_ratio", "test"): valid,
            ("valid_ratio", "val_test"): valid,
            ("hit_ratio@1_over_valid_substring", "test"): None if mrr else test / valid + 0.01,
            ("mrr", "test"): mrr,
            ("tie_ratio", "test"): None if mrr is None else 0.012 if method == "popularity" else 0.0,
        }
        for (metric, split), value in values.items():
            if value is not None:
                interval = {"value": value, "low": max(0.0, value - 0.07), "high": min(1.0, value + 0.07)}
                rows.append(labels | interval | {"metric": metric, "split": split})
    return pa.Table.from_pylist(rows, schema=SUMMARY)


@pytest.fixture
def differences() -> pa.Table:
    """Return the differences between iLoRA and the other methods with made-up numbers."""
    labels = {
        "dataset": "movielens",
        "protocol": "random_users",
        "first": "ilora",
        "first_backbone": "embedded",
        "metric": "hit_ratio@1",
        "seeds": 3,
        "first_ahead": 20,
        "second_ahead": 31,
        "comparisons": 7,
        "minimum_detectable": 0.052,
        "minimum_detectable_holm": 0.068,
        "confidence": 0.95,
        "covers": "users and trainings",
        "p_users": 0.001,
    }
    of_llara = {
        "val": (-0.05, -0.09, -0.01, 94, 0.02, 0.06),
        "test": (-0.025, -0.061, 0.012, 95, 0.18, 0.36),
        "val_test": (-0.037, -0.063, -0.012, 189, 0.003, 0.009),
    }
    parts = ("value", "low", "high", "n", "p", "p_holm")
    rows = [
        labels | {"second": "llara", "second_backbone": "embedded", "split": split} | dict(zip(parts, of, strict=True))
        for split, of in of_llara.items()
    ]
    of_sasrec = dict(zip(parts, (-0.079, -0.15, -0.01, 95, 0.03, 0.09), strict=True))
    rows.append(labels | {"second": "sasrec", "second_backbone": "", "split": "test"} | of_sasrec)
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)


# Breakdown, its groups, the methods that have it.
_GROUPS = {
    "answer_category": (("valid and right", "valid and wrong", "nothing recognisable"), ("zero_shot", "ilora")),
    "target_place": (tuple(map(str, range(1, 21))), ("sasrec", "zero_shot", "ilora")),
    "history_length": (("9", "10"), ("sasrec", "zero_shot", "ilora")),
    "target_popularity": (("0", "1 to 3", "317 or more"), ("sasrec", "zero_shot", "ilora")),
    "popularity_bias": (("target", "choice", "wrong choice"), ("sasrec", "zero_shot", "ilora")),
}


@pytest.fixture
def analysis() -> pa.Table:
    """Return an analysis of three methods on MovieLens: each seed of two, and for these the mean over both."""
    rows = []
    for breakdown, (groups, methods) in _GROUPS.items():
        for method in methods:
            runs = [(1, 1, 0.1), (2, 1, 0.3), (None, 2, 0.2)] if method != "zero_shot" else [(-1, 1, 0.05)]
            for seed, seeds, value in runs:
                for split in ("test", "val"):
                    rows += [
                        {
                            "dataset": "movielens",
                            "protocol": "random_users",
                            "backbone": "embedded",
                            "method": method,
                            "variant": "default",
                            "seed": seed,
                            "seeds": seeds,
                            "split": split,
                            "breakdown": breakdown,
                            "group": group,
                            "order": order,
                            "value": value + order / 100 + (0.5 if split == "val" else 0.0),
                            "low": max(0.0, value + order / 100 - 0.05),
                            "high": value + order / 100 + 0.07,
                            "n": 40 + order,
                            "rows": 400,
                            "confidence": 0.95,
                            "covers": "users" if seed == -1 else "users and trainings",
                        }
                        for order, group in enumerate(groups)
                    ]
    return pa.Table.from_pylist(rows, schema=ERROR_ANALYSIS)
