"""Summary of HitRatio@1 over random splits of the users, and the position of the study's own split among them."""

from statistics import fmean, stdev

import pyarrow as pa

from ilora.artifacts.schemas import optional, required
from ilora.random_splits.splitting import OWN

#: A row per method.
SPLIT_SUMMARY = pa.schema(
    [
        required("dataset", pa.string()),
        required("protocol", pa.string()),
        required("method", pa.string()),
        required("splits", pa.int32()),
        required("mean", pa.float64()),
        required("standard_deviation", pa.float64()),  # over splits (n - 1)
        required("lowest", pa.float64()),
        required("highest", pa.float64()),
        required("own", pa.float64()),
        optional("own_in_deviations", pa.float64()),  # (own - mean) / standard_deviation; null where that is 0
    ]
)


def summarise_splits(hits: pa.Table) -> pa.Table:
    """Return a table of schema `SPLIT_SUMMARY`, with methods in the order of the input.

    Args:
        hits: table of schema `SPLIT_HITS`, with the study's own split and at least two others for each method.
    """
    values: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in hits.to_pylist():
        of_method = values.setdefault((row["dataset"], row["protocol"], row["method"]), {})
        of_method[row["users"]] = row["hit_ratio@1"]
    return pa.Table.from_pylist([_summary(*key, of_method) for key, of_method in values.items()], schema=SPLIT_SUMMARY)


def _summary(dataset: str, protocol: str, method: str, values: dict[str, float]) -> dict[str, object]:
    random = [value for users, value in values.items() if users != OWN]
    mean, deviation = fmean(random), stdev(random)
    return {
        "dataset": dataset,
        "protocol": protocol,
        "method": method,
        "splits": len(random),
        "mean": mean,
        "standard_deviation": deviation,
        "lowest": min(random),
        "highest": max(random),
        "own": values[OWN],
        "own_in_deviations": (values[OWN] - mean) / deviation if deviation else None,
    }
