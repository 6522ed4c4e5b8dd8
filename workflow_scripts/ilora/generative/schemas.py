"""Arrow schemas of the statistics of ids and of beam search, separate from the libraries that compute them."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

#: Name of the row for whole ids.
WHOLE_ID = "id"

#: One row per level, and one for whole ids.
ID_STATISTICS = pa.schema(
    [
        required("level", pa.string()),  # a level's name, or "id"
        required("size", pa.int64()),  # codes of the level; for whole ids, items
        required("used", pa.int64()),  # codes, or ids, that at least one item has
        required("use", pa.float64()),  # used / size
        required("perplexity", pa.float64()),  # exp of the entropy of the items' distribution over them
        required("largest_group", pa.int64()),  # items with the most frequent one
        optional("sharing_items", pa.int64()),  # items that share their id with others; null for a level
    ]
)

#: One row for each split that was searched without constraints.
BEAM_STATISTICS = pa.schema(
    [
        required("split", pa.string()),
        required("beams", pa.int32()),  # per sequence
        required("valid_share", pa.float64()),  # fraction of beams that are the id of an item
    ]
)
