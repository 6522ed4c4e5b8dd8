"""An optimizer step as in the training loop, whose time and memory can be measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import nn

from ilora.adapters.labels import IGNORED_LABEL
from ilora.benchmarks.memory import held_bytes, peak_bytes
from ilora.llm.model.collation import Collator
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.llm.training.loop import ParameterGroup, adam

#: Small enough to repeat the same step many times.
_LEARNING_RATE = 1e-8


@dataclass(frozen=True)
class TuningStep:
    """A model and the batch of one step. A call runs all parts, forward and backward, and updates the adapter.

    Attributes:
        model: model with a trainable adapter.
        parts: parts of the batch on the model's device, as arguments of `HybridLanguageModel.forward`.
        optimizer: optimizer of the trained parameters.
        dtype: dtype of matrix products; any other than float32 enables autocast.
    """

    model: HybridLanguageModel
    parts: Sequence[Mapping[str, torch.Tensor]]
    optimizer: torch.optim.Optimizer
    dtype: torch.dtype

    @classmethod
    def of(cls, model: HybridLanguageModel, parts: Sequence[Mapping[str, torch.Tensor]], dtype: torch.dtype) -> Self:
        """Return the step of a model, which is set to training mode."""
        trained = [parameter for parameter in model.train().parameters() if parameter.requires_grad]
        where = model.causal_model.device
        moved = [{name: tensor.to(where) for name, tensor in part.items()} for part in parts]
        return cls(model, moved, adam([ParameterGroup(trained, _LEARNING_RATE)], beta2=0.98), dtype)

    def __call__(self) -> None:
        """Run the step; it leaves no gradients."""
        labelled = sum((part["labels"][:, 1:] != IGNORED_LABEL).sum() for part in self.parts)
        for part in self.parts:
            where = part["labels"].device.type
            halved = self.dtype != torch.float32
            with torch.autocast(where, dtype=self.dtype if halved else torch.bfloat16, enabled=halved):
                loss = self.model(**part, num_items_in_batch=labelled)["loss"]
            loss.backward()
        nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @property
    def tokens(self) -> int:
        """Number of tokens of the batch, without padding."""
        return int(sum(part["attention_mask"].sum() for part in self.parts))

    def peak_bytes(self) -> int:
        """Return the peak memory in bytes, including weights, optimizer and batch.

        The step must have run before, so that the optimizer's moments exist.
        """
        where = next(iter(self.parts[0].values())).device
        return held_bytes(self._tensors()) + peak_bytes(self, where)

    def _tensors(self) -> Iterator[torch.Tensor]:
        yield from self.model.parameters()
        yield from self.model.buffers()
        for part in self.parts:
            yield from part.values()
        for state in self.optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, torch.Tensor))
        for module in self.model.modules():
            yield from _scales(module)


def _scales(module: nn.Module) -> Iterator[torch.Tensor]:
    """Yield the tensors that bitsandbytes stores with the weights of a quantized layer."""
    for state in (getattr(getattr(module, "weight", None), "quant_state", None), getattr(module, "state", None)):
        for inner in (state, getattr(state, "state2", None)):
            if inner is not None:
                yield from (value for value in vars(inner).values() if isinstance(value, torch.Tensor))


def collated(examples: FineTuningExamples, rows: int, parts: int) -> list[Mapping[str, torch.Tensor]]:
    """Return the first batch of a fine-tuning as parts of ``rows`` prompts."""
    collate: Callable[..., dict[str, torch.Tensor]] = Collator(examples.padding_token_id)
    return [collate([examples[part * rows + row] for row in range(rows)]) for part in range(parts)]
