"""The schema of a table of ranks."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

#: One row per val or test sequence, with the rank of its target among all ranked items.
RANKS = pa.schema(
    [
        required("sequence_id", pa.int32()),
        required("split", pa.string()),
        required("user_id", pa.int32()),
        required("method", pa.string()),
        required("target", pa.int32()),
        required("rank", pa.float64()),  # from 1; the mean rank of the items with the target's score
        required("tied", pa.int32()),  # number of items with the target's score, including the target
        required("ranked_items", pa.int32()),  # number of ranked items: all, or all except those that the user had
        # The same among the method's ids of items, if several items may share one; otherwise null.
        optional("id_rank", pa.float64()),
        optional("id_tied", pa.int32()),
    ]
)
