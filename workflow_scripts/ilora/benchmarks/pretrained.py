"""Time of fine-tuning the pretrained backbone on the processor: section ``pretrained``.

The model has the shape of SmolLM2-135M and random weights, so the section needs no package. A step is one batch of
prompts as long as MovieLens' (256 tokens, of which the last eight are the answer): forward, backward, clipping and
update.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import nn
from transformers import PreTrainedModel

from ilora.adapters.labels import IGNORED_LABEL
from ilora.benchmarks.adaptations import instance_wise, random_representations, uniform
from ilora.benchmarks.claims import Claim, compare_times
from ilora.benchmarks.devices import describe
from ilora.benchmarks.fine_tuning import operations
from ilora.benchmarks.gpu.tuning_step import TuningStep
from ilora.benchmarks.workloads import SMOLLM2_135M, Workload, random_llama, twin
from ilora.configuration.native_precision import native_precision
from ilora.llm.model.backbones import DTYPES
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.rank_update import add_updates_at_once
from ilora.llm.prompts.builder import NO_ITEM

REPEATS, WARM_UP = 8, 1

_CPU = torch.device("cpu")
_ANSWER_TOKENS = 8
_PRODUCT_WIDTH = 2048


class AllPositions(HybridLanguageModel):
    """The model as transformers computes it: with a mask, and with logits and loss at every position."""

    def forward(self, *, labels: torch.Tensor, **batch: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """Return the loss of `HybridLanguageModel.forward`, for the same batch."""
        mask = batch["attention_mask"]
        embeddings = self.embed(batch["input_ids"], batch["behaviour"])
        with self.gated(batch.get("gate_inputs"), embeddings, mask.bool()):
            output = self.causal_model(inputs_embeds=embeddings, attention_mask=mask, labels=labels, use_cache=False)
        return {"loss": output.loss}


def measure() -> Iterator[Claim]:
    """Measure every claim of this section, in the precision that `backbone.precision: native` selects here."""
    return tuning_claims(SMOLLM2_135M, DTYPES[native_precision()])


def tuning_claims(workload: Workload, dtype: torch.dtype) -> Iterator[Claim]:
    """Measure the time of a step of instance-wise LoRA against other ways to compute it.

    - ``..._vs_all_positions``: PEFT's layers, logits at every position;
    - ``..._vs_pefts_layers``: PEFT's layers, logits at the answer only;
    - ``..._vs_lora``: uniform LoRA;
    - ``..._vs_matrix_product``: its floating-point operations at the rate of one large matrix product of the same
      precision; the inverse of the utilisation;
    - ``..._vs_float32``: the same step in float32, if ``dtype`` is another one.

    Args:
        workload: shape of the model and the batch.
        dtype: dtype of the frozen weights.
    """
    base = random_llama(workload, _CPU, dtype).requires_grad_(False)
    ours = _step(base, workload, _fused(instance_wise))
    times = partial(compare_times, repeats=REPEATS, warm_up=WARM_UP, hardware=describe(_CPU, dtype))
    name = "smollm2_step_time_vs"
    yield times(f"{name}_all_positions", ours, _step(base, workload, instance_wise, AllPositions), target=0.8)
    yield times(f"{name}_pefts_layers", ours, _step(base, workload, instance_wise), target=1.0)
    yield times(f"{name}_lora", ours, _step(base, workload, _fused(uniform)), target=1.1)
    yield times(f"{name}_matrix_product", ours, _products(operations(ours), dtype), target=1 / 0.35)
    if dtype != torch.float32:
        full = random_llama(workload, _CPU, torch.float32).requires_grad_(False)
        float32 = _step(full, workload, _fused(instance_wise))
        yield times(f"{name}_float32", ours, float32, target=1.0)


def batch_of(workload: Workload) -> Mapping[str, torch.Tensor]:
    """Return a batch of random prompts of full length, as arguments of `HybridLanguageModel.forward`."""
    torch.manual_seed(1)
    tokens = torch.randint(workload.vocabulary_size, (workload.batch, workload.tokens))
    labels = torch.full_like(tokens, IGNORED_LABEL)
    labels[:, -_ANSWER_TOKENS:] = tokens[:, -_ANSWER_TOKENS:]
    return {
        "input_ids": tokens,
        "behaviour": torch.full_like(tokens, NO_ITEM),
        "labels": labels,
        "attention_mask": torch.ones_like(tokens),
        "gate_inputs": random_representations(workload.batch, _CPU),
    }


def _fused(adapt: Callable[[PreTrainedModel], nn.Module]) -> Callable[[PreTrainedModel], nn.Module]:
    def adapted(model: PreTrainedModel) -> nn.Module:
        result = adapt(model)
        add_updates_at_once(result.modules())
        return result

    return adapted


def _step(
    base: PreTrainedModel,
    workload: Workload,
    adapt: Callable[[PreTrainedModel], nn.Module],
    form: type[HybridLanguageModel] = HybridLanguageModel,
) -> TuningStep:
    return TuningStep.of(form(adapt(twin(base))), [batch_of(workload)], torch.float32)


def _products(needed: int, dtype: torch.dtype) -> Callable[[], None]:
    """Return a run of as many large matrix products as make up the needed operations."""
    left, right = (torch.randn(_PRODUCT_WIDTH, _PRODUCT_WIDTH, dtype=dtype) for _ in range(2))
    number = max(1, round(needed / (2 * _PRODUCT_WIDTH**3)))

    def run() -> None:
        for _ in range(number):
            left @ right

    return run
