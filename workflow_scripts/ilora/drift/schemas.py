"""The Arrow schemas of what is measured of methods that age."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

_METHOD = [
    required("dataset", pa.string()),
    required("backbone", pa.string()),
    required("method", pa.string()),
    required("metric", pa.string()),
]
_SIZES = [
    required("seeds", pa.int32()),  # trainings that a value is the mean over; 1 if nothing is random
    required("draws", pa.int32()),  # candidate sets of each sequence
    required("confidence", pa.float64()),  # coverage of the intervals
    required("covers", pa.string()),  # variation in the intervals, `ilora.evaluation.variation`
]


def _estimates(*names: str) -> list[pa.Field]:
    return [optional(f"{name}{end}", pa.float64()) for name in names for end in ("", "_low", "_high")]


#: A row for each method, metric and gap, on the users that are tested at every gap.
#:
#: - value: on the last item of each user, whose history holds the withheld items.
#: - without_gap: of the same training, on the first withheld item; with nothing withheld, the same as value.
#: - drop: by how many percent value is below that without a gap; the same targets and candidate sets.
#: - drop_within: by how many percent value is below without_gap: CaseQ's drop, of one training on two targets.
#:
#: A drop is null where it is not defined, as at a gap of 0.
GAP_DRIFT = pa.schema(
    [
        *_METHOD,
        required("gap", pa.int32()),
        *_estimates("value", "without_gap", "drop", "drop_within"),
        required("users", pa.int64()),
        *_SIZES,
    ]
)

#: A row for each method, metric, period and training before it, on the users who are tested in the period.
#:
#: - trained_before: the period before which the method was trained: 1 for one training, the period's own for a new one.
#: - drop: by how many percent value is below that of the first period; other users, unless they come again.
#: - gain: value minus that of the method trained before period 1, on the same targets and candidate sets.
#:
#: Null where it is the same row twice.
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
