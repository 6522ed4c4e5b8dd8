"""Gates that give every sequence the same weights, and so one update that can be merged."""

import torch

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.gate import Gate, in_evaluation
from ilora.adapters.gate_inputs import constant_gate_inputs


@torch.no_grad()
def factors_of_constant_gate(gate: Gate, settings: InstanceWiseConfig, multiplier: float) -> torch.Tensor:
    """Give what multiplies the experts of every sequence alike, float (K,): omega times what the scale asks for.

    Args:
        gate: constant or not.
        settings: of the gate.
        multiplier: what the scale asks for.

    Raises:
        RuntimeError: if the gate is not constant.
    """
    if not settings.is_constant:
        raise RuntimeError(
            "an instance-wise LoRA has one update for each sequence and cannot be merged; only a constant gate "
            "can. export_plain_lora(folder, omega) writes the LoRA of one choice of expert weights."
        )
    device = gate.standardisation.mean.device
    if settings.experts == 1:
        return torch.ones(1, device=device) * multiplier
    with in_evaluation(gate):
        return gate(constant_gate_inputs(1, device))[0] * multiplier
