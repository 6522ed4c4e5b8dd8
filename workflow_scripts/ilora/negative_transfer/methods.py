"""The compared methods of adapting one model to contradicting groups."""

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

#: Weight of an oracle's gate, whose softmax is 1 to four decimals for the group's own expert.
_CERTAIN = 12.0

ReadByGate = Callable[[Sequences, np.random.Generator], NDArray[np.float32]]
"""Returns the gate inputs of sequences, float32 [n, width]."""


@dataclass(frozen=True)
class Method:
    """A method of adaptation.

    Attributes:
        gate_inputs: function that returns the gate inputs; None without a gate.
        by_group: whether every group has its own model, tuned on its own sequences.
        oracle: whether the gate reads the true group and selects its own expert.
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


#: Methods by name: uniform LoRA; a gate that reads the sequence's representation, that of another sequence, or the true
#: group; and, as an upper bound, a LoRA for each group.
METHODS = {
    "uniform": Method(),
    "instance_wise": Method(_representations),
    "shuffled_gate": Method(_shuffled),
    "oracle_gate": Method(_true_groups, oracle=True),
    "one_per_group": Method(by_group=True),
}


@dataclass(frozen=True)
class AdapterShape:
    """Rank and alpha of LoRA; with a gate, the rank is split into ``experts``, one for each group."""

    rank: int
    alpha: float
    experts: int


def adapt(
    backbone: LlamaForCausalLM, method: Method, shape: AdapterShape, training: Sequences, seed: int
) -> HybridLanguageModel:
    """Add new LoRA layers and the method's gate, if any, to a frozen backbone, which is changed in place.

    Args:
        backbone: backbone to adapt.
        method: method of adaptation.
        shape: shape of the adapter.
        training: sequences for the gate's statistics.
        seed: random seed of the initial weights.
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
