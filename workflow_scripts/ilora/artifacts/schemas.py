"""The Arrow schemas of tables that are passed between stages of the pipeline.

Item and user ids are dense and start at 0. Columns are not nullable unless declared so.
"""

import pyarrow as pa


def required(name: str, type_: pa.DataType) -> pa.Field:
    """Return a column that never holds null."""
    return pa.field(name, type_, nullable=False)


def optional(name: str, type_: pa.DataType) -> pa.Field:
    """Return a column that may hold null."""
    return pa.field(name, type_, nullable=True)


#: One row per kept interaction, ordered by user and then by position in the user's sequence.
INTERACTIONS = pa.schema(
    [
        required("user_id", pa.int32()),
        required("item_id", pa.int32()),
        required("timestamp", pa.int64()),  # seconds since 1970 for MovieLens
        required("raw_user_id", pa.string()),
        required("raw_item_id", pa.string()),
    ]
)

#: One row per item, row number = item_id.
ITEMS = pa.schema(
    [
        required("item_id", pa.int32()),
        required("title", pa.string()),  # as in prompts
        required("raw_id", pa.string()),
        required("metadata", pa.string()),  # JSON object, e.g. {"genres": ["Drama"], "year": 1995}
    ]
)

#: One row per history and target, row number = sequence_id; first all of train, then val, then test.
SEQUENCES = pa.schema(
    [
        required("sequence_id", pa.int32()),
        required("split", pa.string()),  # train, val or test
        required("user_id", pa.int32()),
        required("raw_user_id", pa.string()),
        required("position", pa.int32()),  # position of the target in the user's whole sequence, from 0
        required("history", pa.list_(pa.int32())),  # oldest first
        required("target", pa.int32()),
    ]
)

#: One row per val or test sequence and draw: the candidates, which are the same for all methods.
CANDIDATES = pa.schema(
    [
        required("sequence_id", pa.int32()),
        required("draw", pa.int32()),
        required("candidates", pa.list_(pa.int32())),  # including the target, shuffled
        required("hash", pa.string()),  # hexadecimal digest of the row's identity and its candidates
    ]
)

#: One row per method, seed, split and metric.
METRICS = pa.schema(
    [
        required("dataset", pa.string()),
        required("protocol", pa.string()),
        required("backbone", pa.string()),  # "" if the method has none
        required("method", pa.string()),
        required("variant", pa.string()),
        required("seed", pa.int32()),  # -1 if nothing in the method is random
        required("split", pa.string()),
        required("metric", pa.string()),
        required("value", pa.float64()),
        required("low", pa.float64()),
        required("high", pa.float64()),
        required("n", pa.int64()),
        required("candidates_hash", pa.string()),  # digest of all candidate sets of the split
    ]
)

#: The first columns of every training log. Trainers append their own nullable columns (validation metrics, gate
#: statistics), so training logs are read without a schema.
TRAINING_LOG = pa.schema(
    [
        required("step", pa.int64()),
        optional("epoch", pa.float64()),  # passes over the training sequences; null if examples are drawn without end
        optional("loss", pa.float64()),  # null in a row of validation only
        optional("learning_rate", pa.float64()),
    ]
)
