"""The schema of a table of ranks."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

#: One row per val or test sequence: where its target stands among all items that are ranked.
RANKS = pa.schema(
    [
        required("sequence_id", pa.int32()),
        required("split", pa.string()),
        required("user_id", pa.int32()),
        required("method", pa.string()),
        required("target", pa.int32()),
        required("rank", pa.float64()),  # mean of the places, from 1, that the items of the target's score share
        required("tied", pa.int32()),  # how many items share them, the target among them
        required("ranked_items", pa.int32()),  # items that are ranked: all, or all but those that the user had
        # The same among the ids by which a method names items, several of which may share one; else null.
        optional("id_rank", pa.float64()),
        optional("id_tied", pa.int32()),
    ]
)
