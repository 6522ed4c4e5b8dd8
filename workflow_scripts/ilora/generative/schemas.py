"""The Arrow schemas of what is said of ids and of beam search; they need none of the libraries that compute it."""

import pyarrow as pa

from ilora.artifacts.schemas import optional, required

#: The name of the row that is about whole ids.
WHOLE_ID = "id"

#: One row per level, and one for whole ids.
ID_STATISTICS = pa.schema(
    [
        required("level", pa.string()),  # a level's name, or "id"
        required("size", pa.int64()),  # codes of the level; of whole ids, items
        required("used", pa.int64()),  # codes, or ids, that at least one item has
        required("use", pa.float64()),  # used / size
        required("perplexity", pa.float64()),  # exp of the entropy of how items spread over them, in nats
        required("largest_group", pa.int64()),  # items that share the most frequent one
        optional("sharing_items", pa.int64()),  # items whose id is not theirs alone; null for a level
    ]
)

#: One row for each split that was searched without a trie.
BEAM_STATISTICS = pa.schema(
    [
        required("split", pa.string()),
        required("beams", pa.int32()),  # of each sequence
        required("valid_share", pa.float64()),  # of them that are the id of an item where nothing holds them to the ids
    ]
)
