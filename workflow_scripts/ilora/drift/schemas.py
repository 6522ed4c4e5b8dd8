"""The Arrow schemas of the drift measurements."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

_METHOD = [
    required("dataset", pa.string()),
    required("backbone", pa.string()),
    required("method", pa.string()),
    required("metric", pa.string()),
]
_SIZES = [
    required("seeds", pa.int32()),  # number of trainings in the mean; 1 if nothing is random
    required("draws", pa.int32()),  # candidate sets per sequence
    required("confidence", pa.float64()),  # coverage of the intervals
    required("covers", pa.string()),  # variation in the intervals, `ilora.evaluation.variation`
]


def _estimates(*names: str) -> list[pa.Field]:
    return [optional(f"{name}{end}", pa.float64()) for name in names for end in ("", "_low", "_high")]


#: A row per method, metric and gap, on the users that are tested at every gap.
#:
#: - value: metric on the last item of each user, whose history contains the withheld items.
#: - without_gap: metric of the same training on the first withheld item; equal to value if nothing is withheld.
#: - drop: drop in percent from the value at a gap of 0 to value, on the same targets and candidate sets.
#: - drop_within: drop in percent from without_gap to value: CaseQ's drop, of one training on two targets.
#:
#: A drop is null where undefined, as at a gap of 0.
GAP_DRIFT = pa.schema(
    [
        *_METHOD,
        required("gap", pa.int32()),
        *_estimates("value", "without_gap", "drop", "drop_within"),
        required("users", pa.int64()),
        *_SIZES,
    ]
)

#: A row per method, metric, period and training before that period, on the users who are tested in the period.
#:
#: - trained_before: the period before which the method was trained: 1 for a single training, `period` for a new one.
#: - drop: drop in percent from the value in the first period to value; users differ, except returning ones.
#: - gain: value minus that of the method trained before period 1, on the same targets and candidate sets.
#:
#: Null where a row would be compared with itself.
PERIOD_DRIFT = pa.schema(
    [
        *_METHOD,
        required("period", pa.int32()),
        required("trained_before", pa.int32()),
        *_estimates("value", "drop", "gain"),
        required("users", pa.int64()),
        *_SIZES,
    ]
)
