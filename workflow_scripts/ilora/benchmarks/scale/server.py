"""A model that answers users whose representations are in a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel

from ilora.adapters.gating import lora_layers
from ilora.benchmarks.workloads import Workload, random_inputs

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Server:
    """An instance-wise model and its table.

    Attributes:
        model: the model in evaluation mode; several servers may share it.
        table: sequence representations, float32 [users, width].
    """

    model: PeftModel
    table: torch.Tensor

    def look_up(self, users: torch.Tensor) -> torch.Tensor:
        """Return z of some users, int64 [batch], float32 [batch, width]."""
        return self.table[users]

    def open_gates(self, z: torch.Tensor) -> None:
        """Compute what the gates of z, float32 [batch, width], hand to the adapted layers."""
        with torch.no_grad(), self.model.gated(z):
            pass

    def answer(self, users: torch.Tensor, prompts: Mapping[str, Any]) -> torch.Tensor:
        """Return the logits of the answer's first token, float32 [batch, 1, vocabulary]."""
        with torch.no_grad():
            return self.model(**prompts, sequence_representations=self.look_up(users)).logits


def random_prompts(workload: Workload, rows: int) -> dict[str, Any]:
    """Return the embeddings of random prompts, as a forward pass takes them."""
    inputs = random_inputs(workload, CPU, torch.float32)
    return {**inputs, "inputs_embeds": inputs["inputs_embeds"].detach()[:rows]}


def adapter_bytes(model: PeftModel, adapter_name: str = "default") -> int:
    """Return the bytes of an adapter's LoRA weights."""
    return sum(
        weights[adapter_name].weight.nbytes
        for layer in lora_layers(model, adapter_name).values()
        for weights in (layer.lora_A, layer.lora_B)
    )
