"""Statistics of codebook utilisation and of items that share an id."""

import numpy as np
import pyarrow as pa

from ilora.generative.schemas import ID_STATISTICS, WHOLE_ID
from ilora.generative.semantic_ids import SemanticIds


def id_statistics(ids: SemanticIds) -> pa.Table:
    """Return a table of the schema `ilora.generative.schemas.ID_STATISTICS`.

    The perplexity equals the number of codes if items are spread evenly over all, and is 1 for a collapsed codebook.
    """
    rows = []
    for level, size, codes in zip(ids.levels, ids.sizes, ids.codes.T.numpy(), strict=True):
        rows.append({"level": level, "sharing_items": None, **_spread(np.bincount(codes, minlength=size), size)})
    sharing = int((ids.group_sizes > 1).sum())
    rows.append({"level": WHOLE_ID, "sharing_items": sharing, **_spread(np.bincount(ids.groups), ids.items)})
    return pa.Table.from_pylist(rows, schema=ID_STATISTICS)


def _spread(counts: np.ndarray, size: int) -> dict[str, float | int]:
    shares = counts[counts > 0] / counts.sum()
    used = len(shares)
    return {
        "size": size,
        "used": used,
        "use": used / size,
        "perplexity": float(np.exp(-(shares * np.log(shares)).sum())),
        "largest_group": int(counts.max()),
    }
