"""Gradients of an adapter on blocks of sequences, stored as one Gram matrix per module.

Cosines between any groups of blocks follow from the inner products of the blocks' gradients. One block is on the device
at a time; the gradients of all blocks are held in main memory in float32 until the products are computed: 5 GB for 64
blocks with LoRA of rank 8 on all linear layers of a model with 7 billion parameters.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from ilora.adapters.gating import lora_layers
from ilora.adapters.labels import IGNORED_LABEL
from ilora.adapters.storage import ADAPTER_NAME
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.progress import Progress


def adapter_parameters(model: HybridLanguageModel) -> dict[str, list[nn.Parameter]]:
    """Return A and B of every adapted module by the module's name, in the model's order."""
    return {
        name: [layer.lora_A[ADAPTER_NAME].weight, layer.lora_B[ADAPTER_NAME].weight]
        for name, layer in lora_layers(model.causal_model, ADAPTER_NAME).items()
    }


def make_adapter_differentiable(model: HybridLanguageModel) -> None:
    """Enable gradients for A and B only, in evaluation mode: no dropout, fixed normalisation statistics."""
    model.requires_grad_(False).eval()
    for parameters in adapter_parameters(model).values():
        for parameter in parameters:
            parameter.requires_grad_(True)
    for module in model.modules():
        # Transformers checkpoints a layer only if it is in training mode. The layer module itself has no dropout.
        if isinstance(module, GradientCheckpointingLayer) and module.gradient_checkpointing:
            module.training = True


def gradient_grams(
    model: HybridLanguageModel,
    example: Callable[[int], TrainingExample],
    sequence_ids: NDArray[np.int64],
    padding_token_id: int,
    batch_size: int,
    progress: Progress,
) -> dict[str, NDArray[np.float64]]:
    """Return the inner products between blocks of the gradients of the mean loss over a block's answer tokens.

    Args:
        model: model with a uniform or gated adapter, prepared by `make_adapter_differentiable`.
        example: function that returns the prompt and answer of a sequence, given its id.
        sequence_ids: int64 [blocks, sequences in a block].
        padding_token_id: padding token id of the tokenizer.
        batch_size: number of examples per batch; affects the result only by rounding.
        progress: updated after every block.

    Returns:
        Gram matrix of each module, float64 [blocks, blocks], over the parameters of A and B together.

    Raises:
        FloatingPointError: a gradient is not finite.
    """
    modules = adapter_parameters(model)
    kept = {
        name: torch.empty(len(sequence_ids), sum(parameter.numel() for parameter in parameters))
        for name, parameters in modules.items()
    }
    everything = [parameter for parameters in modules.values() for parameter in parameters]
    collate = Collator(padding_token_id)
    for number, block in enumerate(sequence_ids.tolist()):
        examples = [example(sequence_id) for sequence_id in block]
        gradients = iter(_block_gradient(model, everything, examples, collate, batch_size))
        for name, parameters in modules.items():
            row = torch.cat([next(gradients).float().flatten() for _ in parameters])
            if not torch.isfinite(row).all():
                raise FloatingPointError(
                    f"{name}: the gradient is NaN or infinite; compute in bfloat16 or float32 (backbone.precision)"
                )
            kept[name][number] = row
        progress.update()
    return {name: _gram(kept.pop(name)) for name in modules}


def _block_gradient(
    model: HybridLanguageModel,
    parameters: list[nn.Parameter],
    examples: Sequence[TrainingExample],
    collate: Collator,
    batch_size: int,
) -> list[torch.Tensor]:
    """Return the gradient of the mean loss over all answer tokens of a block, accumulated over batches."""
    device = model.causal_model.device
    tokens = sum(_answer_tokens(example) for example in examples)
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for batch in _batches(examples, batch_size):
        inputs = {name: tensor.to(device) for name, tensor in collate(batch).items()}
        share = sum(_answer_tokens(example) for example in batch) / tokens
        loss = model(**inputs)["loss"] * share
        for gradient, part in zip(total, torch.autograd.grad(loss, parameters), strict=True):
            gradient += part
    return total


def _answer_tokens(example: TrainingExample) -> int:
    return sum(label != IGNORED_LABEL for label in example.labels)


def _batches(examples: Sequence[TrainingExample], size: int) -> Iterator[Sequence[TrainingExample]]:
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def _gram(gradients: torch.Tensor) -> NDArray[np.float64]:
    exact = gradients.double()
    return (exact @ exact.T).numpy()
