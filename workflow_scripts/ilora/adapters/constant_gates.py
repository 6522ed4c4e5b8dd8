"""Gates that give every sequence the same weights, so that the update can be merged."""

import torch

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.gate import Gate, in_evaluation
from ilora.adapters.gate_inputs import constant_gate_inputs


@torch.no_grad()
def factors_of_constant_gate(gate: Gate, settings: InstanceWiseConfig, multiplier: float) -> torch.Tensor:
    """Return the factors of the experts, equal for all sequences, float (K,): omega times the multiplier.

    Args:
        gate: gate of the adapter.
        settings: settings of the gate.
        multiplier: multiplier of omega, from the setting ``scale``.

    Raises:
        RuntimeError: if the gate is not constant.
    """
    if not settings.is_constant:
        raise RuntimeError(
            "an instance-wise LoRA has its own update for each sequence and cannot be merged, unless its gate is "
            "constant. export_plain_lora(folder, omega) writes the LoRA of one choice of expert weights."
        )
    device = gate.standardisation.mean.device
    if settings.experts == 1:
        return torch.ones(1, device=device) * multiplier
    with in_evaluation(gate):
        return gate(constant_gate_inputs(1, device))[0] * multiplier
