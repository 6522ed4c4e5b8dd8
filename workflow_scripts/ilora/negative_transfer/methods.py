"""The ways to adapt one model to contradicting groups that are compared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from ilora.adapters import InstanceWiseConfig, LinearGate, get_instance_wise_model
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.negative_transfer.groups import REPRESENTATION_WIDTH, Sequences

TARGET_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

#: Weight of an oracle's gate: softmax of it is 1 for the group's own expert to four decimals.
_CERTAIN = 12.0

ReadByGate = Callable[[Sequences, np.random.Generator], NDArray[np.float32]]
"""Gives what the gate reads for each sequence, float32 [n, width]."""


@dataclass(frozen=True)
class Method:
    """One way.

    Attributes:
        gate_inputs: what its gate reads; None without a gate.
        by_group: whether every group has a model of its own, tuned on its own sequences.
        oracle: whether the gate is told the group and gives it an expert of its own.
    """

    gate_inputs: ReadByGate | None = None
    by_group: bool = False
    oracle: bool = False


def _representations(sequences: Sequences, generator: np.random.Generator) -> NDArray[np.float32]:
    return sequences.representations


def _shuffled(sequences: Sequences, generator: np.random.Generator) -> NDArray[np.float32]:
    return generator.permutation(sequences.representations)


def _true_groups(sequences: Sequences, generator: np.random.Generator) -> NDArray[np.float32]:
    return np.eye(int(sequences.groups.max()) + 1, dtype=np.float32)[sequences.groups]


#: By name: uniform LoRA; a gate that reads the representation, another sequence's, or the true group; and, as a bound,
#: a LoRA for each group.
METHODS = {
    "uniform": Method(),
    "instance_wise": Method(_representations),
    "shuffled_gate": Method(_shuffled),
    "oracle_gate": Method(_true_groups, oracle=True),
    "one_per_group": Method(by_group=True),
}


@dataclass(frozen=True)
class AdapterShape:
    """Rank and alpha of LoRA; a gated one shares the rank out among ``experts``, one for each group."""

    rank: int
    alpha: float
    experts: int


def adapt(
    backbone: LlamaForCausalLM, method: Method, shape: AdapterShape, training: Sequences, seed: int
) -> HybridLanguageModel:
    """Put fresh LoRA layers into a frozen backbone (changed in place), and before them the method's gate, if any.

    Args:
        backbone: to be adapted.
        method: how.
        shape: of the adapter.
        training: sequences that the gate takes its statistics from.
        seed: of the initial weights.
    """
    torch.manual_seed(seed)
    lora = LoraConfig(r=shape.rank, lora_alpha=shape.alpha, target_modules=TARGET_MODULES)  # type: ignore[arg-type]
    if method.gate_inputs is None:
        return HybridLanguageModel(get_peft_model(backbone, lora))
    width = shape.experts if method.oracle else REPRESENTATION_WIDTH
    gated = get_instance_wise_model(backbone, lora, InstanceWiseConfig(experts=shape.experts, width=width))
    assert isinstance(gated.gate, LinearGate)
    if method.oracle:
        gated.gate.requires_grad_(False)
        gated.gate.projection.weight.copy_(_CERTAIN * torch.eye(shape.experts))
    else:
        gated.gate.fit(torch.from_numpy(training.representations))
    return HybridLanguageModel(gated)
