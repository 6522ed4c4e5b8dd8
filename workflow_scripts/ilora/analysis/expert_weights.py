"""Reads the expert weights of a gate; it needs neither torch nor scikit-learn."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def weights_of(gates: pa.Table, split: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the sequence ids of a split, ascending, and their expert weights, float64 [sequences, experts].

    Args:
        gates: of schema `ilora.analysis.schemas.GATES`.
        split: which.

    Raises:
        ValueError: there is no sequence of the split, or not each expert once for each.
    """
    chosen = gates.filter(pc.equal(gates["split"], split))
    chosen = chosen.sort_by([("sequence_id", "ascending"), ("expert", "ascending")])
    sequence_ids = np.unique(chosen["sequence_id"].to_numpy())
    experts = len(np.unique(chosen["expert"].to_numpy()))
    expected = np.tile(np.arange(experts), len(sequence_ids))
    if not len(sequence_ids) or not np.array_equal(chosen["expert"].to_numpy(), expected):
        raise ValueError(f"the gates do not hold each expert once for every sequence of the split {split!r}")
    return sequence_ids, chosen["weight"].to_numpy().reshape(-1, experts)
