"""Means over seeds of the measurements in each round."""

import math

import pyarrow as pa

from ilora.feedback.schemas import QUANTITIES, SUMMARY
from ilora.negative_transfer.summary import interval_over_seeds

_KEYS = ["method", "round", "group"]


def summarise_feedback(outcomes: pa.Table, confidence: float) -> pa.Table:
    """Return means over seeds with confidence intervals, as a table of the schema SUMMARY.

    Each seed has its own users, drift, visits, clicks and initial weights; the pretrained backbone is the same for all.

    Args:
        outcomes: table of the schema `ilora.feedback.schemas.OUTCOMES`, for all methods and seeds.
        confidence: confidence level of the intervals.
    """
    frame = outcomes.to_pandas()
    # pandas converts a nullable integer column to float: all users (null) become NaN.
    rows = []
    for (method, number, group), measured in frame.groupby(_KEYS, sort=False, dropna=False):
        everybody = math.isnan(group)
        for quantity in QUANTITIES:
            if measured[quantity].notna().all():
                highest = math.inf if quantity == "regret" else 1.0
                found = interval_over_seeds(measured[quantity], 0.0, highest, confidence)
                labels = {"method": method, "round": number, "group": None if everybody else int(group)}
                rows.append({"quantity": quantity, **labels, **found})
    return pa.Table.from_pylist(rows, schema=SUMMARY)
