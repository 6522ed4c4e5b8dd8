"""The Arrow schemas of the tables that pass from one stage of the pipeline to the next.

Item and user ids are dense and start at 0. A column that may be null says so; all others never are.
"""

import pyarrow as pa


def _required(name: str, type_: pa.DataType) -> pa.Field:
    return pa.field(name, type_, nullable=False)


def _optional(name: str, type_: pa.DataType) -> pa.Field:
    return pa.field(name, type_, nullable=True)


#: One row per interaction that the protocol keeps: by user, then along the user's sequence.
INTERACTIONS = pa.schema(
    [
        _required("user_id", pa.int32()),
        _required("item_id", pa.int32()),
        _required("timestamp", pa.int64()),  # seconds since 1970 for MovieLens
        _required("raw_user_id", pa.string()),
        _required("raw_item_id", pa.string()),
    ]
)

#: One row per item, row number = item_id.
ITEMS = pa.schema(
    [
        _required("item_id", pa.int32()),
        _required("title", pa.string()),  # as it stands in a prompt
        _required("raw_id", pa.string()),
        _required("metadata", pa.string()),  # JSON object, e.g. {"genres": ["Drama"], "year": 1995}
    ]
)

#: One row per history and target, row number = sequence_id; first all of train, then val, then test.
SEQUENCES = pa.schema(
    [
        _required("sequence_id", pa.int32()),
        _required("split", pa.string()),  # train, val or test
        _required("user_id", pa.int32()),
        _required("raw_user_id", pa.string()),
        _required("position", pa.int32()),  # of the target in the user's whole sequence, from 0
        _required("history", pa.list_(pa.int32())),  # oldest first
        _required("target", pa.int32()),
    ]
)

#: One row per val or test sequence and draw: what every method must choose from.
CANDIDATES = pa.schema(
    [
        _required("sequence_id", pa.int32()),
        _required("draw", pa.int32()),
        _required("candidates", pa.list_(pa.int32())),  # the target among them, shuffled
        _required("hash", pa.string()),  # hexadecimal digest of the row's identity and its candidates
    ]
)

#: One row per val or test sequence and draw: what one method chose.
PREDICTIONS = pa.schema(
    [
        _required("sequence_id", pa.int32()),
        _required("split", pa.string()),
        _required("user_id", pa.int32()),
        _required("draw", pa.int32()),
        _required("method", pa.string()),
        _required("candidates_hash", pa.string()),
        _required("history", pa.list_(pa.int32())),
        _required("target", pa.int32()),
        _required("candidates", pa.list_(pa.int32())),
        _optional("scores", pa.list_(pa.float64())),  # one per candidate; null if the method only writes text
        _optional("text", pa.string()),  # null if the method only scores
        _optional("choice", pa.int32()),  # item id; null if nothing valid was chosen
    ]
)

#: One row per method, seed, split and metric.
METRICS = pa.schema(
    [
        _required("dataset", pa.string()),
        _required("protocol", pa.string()),
        _required("backbone", pa.string()),  # "" if the method has none
        _required("method", pa.string()),
        _required("variant", pa.string()),
        _required("seed", pa.int32()),  # -1 if nothing in the method is random
        _required("split", pa.string()),
        _required("metric", pa.string()),
        _required("value", pa.float64()),
        _required("low", pa.float64()),
        _required("high", pa.float64()),
        _required("n", pa.int64()),
        _required("candidates_hash", pa.string()),  # digest of all candidate sets of the split
    ]
)

#: The columns that every training log begins with. A trainer appends nullable columns of its own (validation
#: metrics, gate statistics), so a training log is read without a schema.
TRAINING_LOG = pa.schema(
    [
        _required("step", pa.int64()),
        _required("epoch", pa.float64()),
        _optional("loss", pa.float64()),  # null on a row that only validates
        _optional("learning_rate", pa.float64()),
    ]
)
