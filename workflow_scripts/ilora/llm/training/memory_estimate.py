"""Memory and operations of one part of an optimizer step, measured on fake tensors.

The model's own forward and backward pass run on fake tensors, which have shapes and dtypes but no content. Every tensor
that autograd keeps is thus counted, for a backbone of any size, in seconds and on any machine.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, PreTrainedConfig

from ilora.configuration.sections.backbone import BackboneSource, Precision, Quantization
from ilora.configuration.tuning import AdapterShape
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.backbones import DTYPES, refusing_own_code
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector
from ilora.llm.training.frozen_weights import frozen_bytes


@dataclass(frozen=True)
class StepShape:
    """A batch of one process: ``rows`` of ``tokens``, of which the last ``answer_tokens`` are labelled."""

    rows: int
    tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class StepCost:
    """Memory, in bytes, and operations of a step.

    Attributes:
        frozen: weights of the backbone.
        trained: weights of adapter, projector and gate.
        gradients: gradients of the trained weights.
        optimizer: AdamW's two moments.
        activations: peak of everything else in the forward and backward pass.
        operations: floating-point operations of the matrix products in the forward and backward pass.
    """

    frozen: int
    trained: int
    gradients: int
    optimizer: int
    activations: int
    operations: int

    @property
    def bytes(self) -> int:
        """Total memory."""
        return self.frozen + self.trained + self.gradients + self.optimizer + self.activations


class BytesHeld(TorchDispatchMode):
    """Counts the bytes of the storages that operations create while the mode is active.

    Attributes:
        held: bytes that currently exist.
        peak: maximum of ``held``.
    """

    def __init__(self, ignored: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in ignored}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and count the storages of its result."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.held += size
        self.peak = max(self.peak, self.held)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.held -= size


@dataclass(frozen=True)
class StepTracer:
    """A backbone with a new adapter on fake tensors.

    Attributes:
        model: model with fake weights.
        mode: fake-tensor mode of the weights.
        precision: precision of the computation.
        quantization: quantization with which frozen weights are counted; the computation uses dequantized weights.
    """

    model: HybridLanguageModel
    mode: FakeTensorMode
    precision: Precision
    quantization: Quantization | None

    @classmethod
    def of(
        cls,
        config: PreTrainedConfig,
        shape: AdapterShape,
        embedding_size: int,
        source: BackboneSource,
        gradient_checkpointing: bool,
    ) -> Self:
        """Build the model of a configuration.

        Args:
            config: configuration of the backbone.
            shape: shape of the adapter.
            embedding_size: width of the recommender's vectors.
            source: source of the backbone, with precision, quantization and attention.
            gradient_checkpointing: whether layers are recomputed in the backward pass.
        """
        with torch.device("meta"):
            with refusing_own_code(source.name) as refusal:
                backbone = AutoModelForCausalLM.from_config(
                    config, dtype=DTYPES[source.precision], attn_implementation=source.attention, **refusal
                ).requires_grad_(False)
            projector = None if shape.item_vectors is None else Projector(embedding_size, config.hidden_size)
            vectors = None if projector is None else torch.empty(1, embedding_size)
            width = config.hidden_size if shape.values.gate_input == "token_collapsed" else embedding_size
            model = attach_adapter(backbone, projector, vectors, shape, width, seed=0).train()
        if gradient_checkpointing:
            model.activation_checkpointing_enable()
        mode = FakeTensorMode()
        with mode:
            _give_fake_weights(model)
        return cls(model, mode, source.precision, source.quantization)

    def trace(self, shape: StepShape) -> StepCost:
        """Run a step of this shape and return its cost."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        weights = sum(parameter.numel() * parameter.element_size() for parameter in trained)
        with self.mode:
            step = self._step(shape)
            # One-off allocations of the first step are not part of a step's memory.
            counter = FlopCounterMode(display=False)
            with counter:
                step()
            held = BytesHeld([*self.model.parameters(), *self.model.buffers()])
            with held:
                step()
        return StepCost(
            frozen=frozen_bytes(self.model, self.quantization),
            trained=weights,
            gradients=weights,
            optimizer=2 * weights,
            # The peak includes the gradients, which the backward pass creates.
            activations=max(0, held.peak - weights),
            operations=counter.get_total_flops(),
        )

    def _step(self, shape: StepShape) -> Callable[[], None]:
        model, dtype = self.model, DTYPES[self.precision]

        def step() -> None:
            with torch.autocast("cpu", dtype=dtype, enabled=self.precision != "float32"):
                self._loss(shape).backward()
            model.zero_grad(set_to_none=True)

        return step

    def _loss(self, shape: StepShape) -> torch.Tensor:
        """Compute the loss as `HybridLanguageModel.forward` does, without anything that depends on tensor contents."""
        model, hidden_size = self.model, self.model.causal_model.config.hidden_size
        embeddings = torch.empty(shape.rows, shape.tokens, hidden_size, dtype=DTYPES[self.precision])
        if model.projector is not None:
            is_item = torch.empty(shape.rows, shape.tokens, 1, dtype=torch.bool)
            tokens = model.projector(model.item_vectors).to(embeddings.dtype)
            embeddings = embeddings.masked_scatter(is_item, tokens.expand_as(embeddings))
        if model.instance_wise is not None:
            gate = torch.empty(shape.rows, model.instance_wise.gate_config.experts, requires_grad=True)
            model.instance_wise.expert_weights.set(gate.softmax(dim=-1))
        places = torch.empty(shape.rows, shape.answer_tokens, dtype=torch.long)
        logits = model.logits(embeddings, places, lambda hidden: hidden.flatten(0, 1))
        targets = torch.empty(len(logits), dtype=torch.long)
        return nn.functional.cross_entropy(logits.float(), targets, reduction="sum")


def _give_fake_weights(model: nn.Module) -> None:
    """Replace tensors on the meta device, whose operations differ from a real device's, with fake CPU tensors."""
    fakes: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                fake = nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype), parameter.requires_grad)
                module._parameters[name] = fakes.setdefault(id(parameter), fake)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)
