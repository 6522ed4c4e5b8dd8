"""An error analysis with made-up numbers."""

import pyarrow as pa
import pytest

from ilora.evaluation.error_analysis import ERROR_ANALYSIS

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
                            "protocol": "published",
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
                        }
                        for order, group in enumerate(groups)
                    ]
    return pa.Table.from_pylist(rows, schema=ERROR_ANALYSIS)
