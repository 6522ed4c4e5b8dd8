"""An optimizer step of a fine-tuning as the training loop makes it, as a thing that can be timed or weighed."""

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

#: So small that the same step can be made again and again.
_LEARNING_RATE = 1e-8


@dataclass(frozen=True)
class TuningStep:
    """A model and the batch of one step. Calling it computes all parts, forward and backward, and updates the adapter.

    Attributes:
        model: with an adapter that is trained.
        parts: of the batch, on the model's device: what `HybridLanguageModel.forward` takes.
        optimizer: of what is trained.
        dtype: of the products; other than float32, autocast is on.
    """

    model: HybridLanguageModel
    parts: Sequence[Mapping[str, torch.Tensor]]
    optimizer: torch.optim.Optimizer
    dtype: torch.dtype

    @classmethod
    def of(cls, model: HybridLanguageModel, parts: Sequence[Mapping[str, torch.Tensor]], dtype: torch.dtype) -> Self:
        """Make the step of a model that is set to training mode here."""
        trained = [parameter for parameter in model.train().parameters() if parameter.requires_grad]
        where = model.causal_model.device
        moved = [{name: tensor.to(where) for name, tensor in part.items()} for part in parts]
        return cls(model, moved, adam([ParameterGroup(trained, _LEARNING_RATE)], beta2=0.98), dtype)

    def __call__(self) -> None:
        """Make the step; it leaves no gradient behind."""
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
        """Tokens of the batch, without padding."""
        return int(sum(part["attention_mask"].sum() for part in self.parts))

    def peak_bytes(self) -> int:
        """Give the most bytes that are held at one time, weights, optimizer and batch among them.

        The step must have been made before, so that the optimizer has its moments.
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
    """Give what bitsandbytes keeps beside the weights of a quantized layer."""
    for state in (getattr(getattr(module, "weight", None), "quant_state", None), getattr(module, "state", None)):
        for inner in (state, getattr(state, "state2", None)):
            if inner is not None:
                yield from (value for value in vars(inner).values() if isinstance(value, torch.Tensor))


def collated(examples: FineTuningExamples, rows: int, parts: int) -> list[Mapping[str, torch.Tensor]]:
    """Give the first batch of a fine-tuning in its parts, of ``rows`` prompts each."""
    collate: Callable[..., dict[str, torch.Tensor]] = Collator(examples.padding_token_id)
    return [collate([examples[part * rows + row] for row in range(rows)]) for part in range(parts)]
