"""Expert weights of sequences from a trained gate (Eq. 11)."""

import numpy as np
import pyarrow as pa
import torch

from ilora.adapters import Gate
from ilora.analysis.schemas import GATES
from ilora.data.sequences import SequenceTable


@torch.inference_mode()
def gates_table(gate: Gate, sequences: SequenceTable, gate_inputs: torch.Tensor) -> pa.Table:
    """Return omega of every val and test sequence as a table of schema `GATES`.

    Args:
        gate: trained gate in evaluation mode.
        sequences: all sequences.
        gate_inputs: gate input of every sequence, float (sequences, width), row = sequence_id.
    """
    rows = np.concatenate([sequences.rows("val"), sequences.rows("test")])
    weights = gate(gate_inputs[torch.from_numpy(rows)]).double().numpy()
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
