"""The expert weights that a trained gate gives to an unknown user."""

import pyarrow as pa
import torch

from ilora.adapters import Gate
from ilora.scarcity.schemas import COLD_GATES, MEAN, ZERO


@torch.inference_mode()
def cold_gates_table(gate: Gate, training_representations: torch.Tensor) -> pa.Table:
    """Return omega for a representation of zeros and for the mean training sequence, as a table of schema `COLD_GATES`.

    Args:
        gate: trained, in evaluation mode.
        training_representations: z of the training sequences, float [sequences, width].
    """
    mean = training_representations.mean(dim=0)
    weights = gate(torch.stack([torch.zeros_like(mean), mean])).double()
    rows = [
        {"read": read, "expert": expert, "weight": weight}
        for read, of_experts in zip((ZERO, MEAN), weights.tolist(), strict=True)
        for expert, weight in enumerate(of_experts)
    ]
    return pa.Table.from_pylist(rows, schema=COLD_GATES)
