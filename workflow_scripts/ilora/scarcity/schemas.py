"""The Arrow schemas of what is measured where there is little to learn from or to answer from."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

_METHOD = [
    required("dataset", pa.string()),
    required("backbone", pa.string()),
    required("method", pa.string()),
]
_SIZES = [
    required("seeds", pa.int32()),  # trainings on the same data that a value is the mean over; 1 if nothing is random
    required("draws", pa.int32()),  # candidate sets of each sequence
    required("confidence", pa.float64()),  # coverage of the intervals
    required("covers", pa.string()),  # variation in the intervals
]


def _estimates(*names: str) -> list[pa.Field]:
    return [optional(f"{name}{end}", pa.float64()) for name in names for end in ("", "_low", "_high")]


#: A row for each method, metric and share of the training users.
#:
#: - share: percentage of the training users.
#: - difference: value minus that of all training users, on the same test users and candidate sets; null for all users.
SCARCE_USERS = pa.schema(
    [
        *_METHOD,
        required("metric", pa.string()),
        required("share", pa.int32()),
        required("training_users", pa.int64()),
        required("draws_of_users", pa.int32()),  # draws of the training users that a value is the mean over
        *_estimates("value", "difference"),
        required("users", pa.int64()),  # test users
        *_SIZES,
    ]
)

#: A row for each method, metric and length of the history, on the test users whose history has the largest length.
#:
#: - difference: value minus that of the largest length, by the same training; null for the largest.
SHORT_HISTORIES = pa.schema(
    [
        *_METHOD,
        required("metric", pa.string()),
        required("length", pa.int32()),
        *_estimates("value", "difference"),
        required("users", pa.int64()),
        required("users_left_out", pa.int64()),  # test users with a shorter history
        *_SIZES,
    ]
)

#: A row for each method, metric and group of targets by their number of training interactions. Values are null for a
#: group without a target.
RARE_ITEMS = pa.schema(
    [
        *_METHOD,
        required("metric", pa.string()),
        required("floor", pa.int32()),  # smallest number of training interactions
        required("group", pa.string()),  # such as "5 to 19"
        *_estimates("value"),
        required("users", pa.int64()),
        *_SIZES,
    ]
)

#: What the gate reads in a row: the representation of a history, or in place of one nothing (a vector of zeros) or the
#: mean over the training sequences.
HISTORY, ZERO, MEAN = "history", "zero", "mean"

#: The expert weights of an unknown user: a row for each substitute and expert.
COLD_GATES = pa.schema(
    [
        required("read", pa.string()),  # ZERO or MEAN
        required("expert", pa.int32()),  # from 0
        required("weight", pa.float64()),  # omega; sums to 1 over the experts
    ]
)

#: A row for each method, quantity and what the gate reads.
#:
#: - quantity: one of `ilora.scarcity.gates.QUANTITIES`.
#: - length: items of history; null where no history is read.
GATES_OF_SHORT_HISTORIES = pa.schema(
    [
        *_METHOD,
        required("quantity", pa.string()),
        required("read", pa.string()),
        optional("length", pa.int32()),
        *_estimates("value"),
        required("users", pa.int64()),  # test users that a value is the mean over; 0 where no history is read
        *_SIZES,
    ]
)
