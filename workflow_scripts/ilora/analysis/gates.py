"""The expert weights that a trained gate gives to sequences (Eq. 11)."""

import numpy as np
import pyarrow as pa
import torch

from ilora.adapters import Gate
from ilora.data.sequences import SequenceTable

GATES = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("expert", pa.int32(), nullable=False),  # from 0
        pa.field("weight", pa.float64(), nullable=False),  # omega; sums to 1 over the experts of a sequence
    ]
)


@torch.inference_mode()
def gates_table(gate: Gate, sequences: SequenceTable, representations: torch.Tensor) -> pa.Table:
    """Give omega of every val and test sequence as a table of schema `GATES`.

    Args:
        gate: trained, in evaluation mode.
        sequences: all of them.
        representations: z of every sequence, float (sequences, d), row = sequence_id.
    """
    rows = np.concatenate([sequences.rows("val"), sequences.rows("test")])
    weights = gate(representations[torch.from_numpy(rows)]).double().numpy()
    experts = weights.shape[1]
    return pa.table(
        {
            "sequence_id": np.repeat(rows, experts).astype(np.int32),
            "split": np.repeat([sequences.keys[row].split for row in rows], experts),
            "expert": np.tile(np.arange(experts, dtype=np.int32), len(rows)),
            "weight": weights.reshape(-1),
        },
        schema=GATES,
    )
