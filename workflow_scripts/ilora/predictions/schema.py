"""The schema of a table of predictions."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

#: The answer of one method, one row per val or test sequence and draw.
PREDICTIONS = pa.schema(
    [
        required("sequence_id", pa.int32()),
        required("split", pa.string()),
        required("user_id", pa.int32()),
        required("draw", pa.int32()),
        required("method", pa.string()),
        required("candidates_hash", pa.string()),
        required("history", pa.list_(pa.int32())),
        required("target", pa.int32()),
        required("candidates", pa.list_(pa.int32())),
        optional("scores", pa.list_(pa.float64())),  # one per candidate; null if the method only writes text
        optional("text", pa.string()),  # null if the method only scores
        optional("choice", pa.int32()),  # item id; null if nothing valid was chosen
    ]
)
