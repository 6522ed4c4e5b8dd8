"""The settings that make LoRA instance-wise."""

from dataclasses import dataclass
from typing import Literal, get_args

GateKind = Literal["linear", "residual_convolution", "top_k"]
GateInput = Literal["sequence_representation", "random_initialized", "token_collapsed", "shuffled", "constant"]
Scale = Literal["per_expert_rank", "per_rank"]

#: Width of the gate input `constant`: the gate reads the number 1, and so learns one distribution for everyone.
CONSTANT_WIDTH = 1


@dataclass(frozen=True)
class InstanceWiseConfig:
    """How the rank of LoRA is split into experts, and how a gate weighs them.

    Attributes:
        experts: number of experts K; the rank of every adapted layer must be a multiple of it.
        width: size d of the gate input: that of the sequence representation z; the model's hidden size for
            ``token_collapsed``; 1 for ``constant``.
        gate: ``linear`` is the paper's (Eq. 11), ``residual_convolution`` the released code's, ``top_k`` a linear gate
            that sets all but the ``active_experts`` largest weights to zero.
        active_experts: number of experts that ``top_k`` keeps, from 1 to K; None for the other gates.
        gate_input: what the gate reads (Fig. 5). ``sequence_representation``: z of a sequential recommender;
            ``token_collapsed``: the mean embedding of the prompt's tokens, computed by the model itself; ``constant``:
            nothing, so that every sequence has the same learnt weights. ``random_initialized`` (a fixed random vector
            for each sequence) and ``shuffled`` (z of another sequence) are passed like z; see
            `ilora.adapters.gate_inputs`.
        scale: scale of the update. ``per_expert_rank`` is alpha / (r/K), as in the released code, which makes a uniform
            gate equal to plain LoRA for every K; ``per_rank`` is alpha / r, as in the paper (Eq. 3).

    Raises:
        ValueError: if a value is invalid or incompatible with another.
    """

    experts: int
    width: int
    gate: GateKind = "linear"
    active_experts: int | None = None
    gate_input: GateInput = "sequence_representation"
    scale: Scale = "per_expert_rank"

    def __post_init__(self) -> None:
        _one_of("gate", self.gate, get_args(GateKind))
        _one_of("gate_input", self.gate_input, get_args(GateInput))
        _one_of("scale", self.scale, get_args(Scale))
        if self.experts < 1:
            raise ValueError(f"experts: found {self.experts}, expected at least 1 expert")
        if self.width < 1:
            raise ValueError(f"width: found {self.width}, expected at least 1")
        if self.gate_input == "constant" and self.width != CONSTANT_WIDTH:
            raise ValueError(
                f"width: found {self.width}, expected {CONSTANT_WIDTH}: a constant gate reads the number 1 only"
            )
        if self.gate != "top_k" and self.active_experts is not None:
            raise ValueError(f"active_experts: found {self.active_experts}, expected None: the gate is {self.gate!r}")
        if self.gate == "top_k" and not 1 <= (self.active_experts or 0) <= self.experts:
            raise ValueError(
                f"active_experts: found {self.active_experts}, expected 1 to {self.experts} (experts) for 'top_k'"
            )

    @property
    def is_constant(self) -> bool:
        """Whether every sequence has the same expert weights, so that the update can be merged."""
        return self.gate_input == "constant" or self.experts == 1


def _one_of(field: str, found: str, allowed: tuple[str, ...]) -> None:
    if found not in allowed:
        raise ValueError(f"{field}: found {found!r}, expected one of {', '.join(allowed)}")
