"""What a fine-tuning will need, before it is submitted: memory of a GPU, operations, time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from ilora.adapters.labels import IGNORED_LABEL
from ilora.configuration.sections.backbone import Attention
from ilora.configuration.tuning import TuningSettings
from ilora.llm.model.backbones import load_configuration, load_tokenizer
from ilora.llm.model.collation import TrainingExample
from ilora.llm.model.gpu_rates import PEAK_RATES, UTILISATION
from ilora.llm.model.inputs import MethodInputs
from ilora.llm.prompts.context import context_window
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.llm.training.frozen_weights import bytes_of_share
from ilora.llm.training.memory_estimate import StepCost, StepShape, StepTracer
from ilora.llm.training.tuning_job import training_examples

#: Batches whose prompts are written out to learn how long they are.
SAMPLED_BATCHES = 64

#: Sizes that GPUs come in, in GB (10^9 bytes), and what CUDA itself and fragmentation take of each, assumed.
GPU_SIZES = (16, 24, 40, 48, 80, 141)
RESERVED_GB = 1.5


@dataclass(frozen=True)
class TuningPlan:
    """What a fine-tuning will need.

    Attributes:
        dataset: name of the data set.
        method: name of the method.
        steps: optimizer steps.
        batch_size: sequences in a step.
        parts: that each process computes a step in.
        processes: that share a step, one for each GPU.
        rows: sequences that a process computes at once.
        mean_tokens: of such a batch, padded, over a sample of them.
        longest_tokens: of the longest of them.
        longest: what a process holds for it.
        operations: floating-point operations of the whole fine-tuning.
    """

    dataset: str
    method: str
    steps: int
    batch_size: int
    parts: int
    processes: int
    rows: int
    mean_tokens: float
    longest_tokens: int
    longest: StepCost
    operations: float

    @property
    def gigabytes(self) -> float:
        """What a process holds, in GB (10^9 bytes)."""
        return self.longest.bytes / 1e9

    @property
    def smallest_gpu(self) -> int | None:
        """The smallest usual size of a GPU, in GB, that holds it; None if none does."""
        return next((size for size in GPU_SIZES if self.gigabytes + RESERVED_GB <= size), None)

    def hours(self, gpu: str) -> float:
        """Give the hours that it takes on GPUs of a kind of `PEAK_RATES`, if they reach `UTILISATION`."""
        return self.operations / (PEAK_RATES[gpu] * UTILISATION * self.processes) / 3600


def plan_tuning(
    settings: TuningSettings, inputs: MethodInputs, embedding_size: int, processes: int, sharded: bool = False
) -> TuningPlan:
    """Make the plan of a fine-tuning; no weights are loaded.

    Args:
        settings: of the fine-tuning.
        inputs: the data set; a sequence encoder is not needed.
        embedding_size: width of the sequence encoder's vectors.
        processes: that share a batch.
        sharded: whether they divide the frozen weights.
    """
    source, values = settings.backbone, settings.finetuning
    config = load_configuration(source)
    window = context_window(SimpleNamespace(config=config))
    examples = training_examples(settings, inputs, load_tokenizer(source), window)
    rows = values.batch_size // (values.gradient_accumulation * processes)
    shapes = sampled_shapes(examples, rows)
    # FlashAttention needs a GPU, and PyTorch's own kernels neither hold nor compute more.
    attention: Attention = "sdpa" if source.attention == "flash_attention_2" else source.attention
    traced = source.model_copy(update={"attention": attention})
    tracer = StepTracer.of(config, settings.shape, embedding_size, traced, values.gradient_checkpointing)
    mean_tokens = float(np.mean([shape.tokens for shape in shapes]))
    longest = max(shapes, key=lambda shape: shape.tokens)
    usual = StepShape(rows, round(mean_tokens), longest.answer_tokens)
    cost = tracer.trace(longest)
    if sharded:
        cost = replace(cost, frozen=bytes_of_share(tracer.model, processes))
    batches = examples.steps * values.gradient_accumulation * processes
    return TuningPlan(
        dataset=settings.dataset,
        method=settings.method,
        steps=examples.steps,
        batch_size=values.batch_size,
        parts=values.gradient_accumulation,
        processes=processes,
        rows=rows,
        mean_tokens=mean_tokens,
        longest_tokens=longest.tokens,
        longest=cost,
        operations=float(tracer.trace(usual).operations) * batches,
    )


def sampled_shapes(examples: FineTuningExamples, rows: int) -> list[StepShape]:
    """Give the shapes of batches of ``rows`` sequences, spread evenly over a training."""
    batches = len(examples) // rows
    chosen = np.unique(np.linspace(0, batches - 1, min(SAMPLED_BATCHES, batches)).astype(int))
    return [_shape([examples[int(batch) * rows + row] for row in range(rows)]) for batch in chosen]


def _shape(batch: Sequence[TrainingExample]) -> StepShape:
    tokens = max(len(example.token_ids) for example in batch)
    answers = max(sum(label != IGNORED_LABEL for label in example.labels) for example in batch)
    return StepShape(len(batch), tokens, answers)


def describe_plan(plan: TuningPlan) -> list[str]:
    """Give the plan as lines for people."""
    cost, gigabytes = plan.longest, 1e9
    fits = f"a GPU of {plan.smallest_gpu} GB" if plan.smallest_gpu else "no GPU of a usual size"
    time = ", ".join(f"{plan.hours(gpu):.3g} h on {gpu}" for gpu in PEAK_RATES)
    return [
        f"{plan.method} on {plan.dataset}: {plan.steps} steps of {plan.batch_size} sequences; {plan.processes} "
        f"processes, {plan.parts} parts of {plan.rows} sequences; {plan.mean_tokens:.0f} tokens a sequence with "
        f"padding, {plan.longest_tokens} at most",
        f"  memory of each GPU: {plan.gigabytes:.3g} GB = frozen weights {cost.frozen / gigabytes:.3g} + trained "
        f"{cost.trained / gigabytes:.3g} + gradients {cost.gradients / gigabytes:.3g} + optimizer "
        f"{cost.optimizer / gigabytes:.3g} + activations {cost.activations / gigabytes:.3g}; with {RESERVED_GB} GB for "
        f"CUDA itself it fits {fits}",
        f"  arithmetic: {plan.operations:.3g} operations; at {UTILISATION:.0%} of the peak (assumed): {time}",
    ]


def too_large(plan: TuningPlan, gigabytes: float) -> ValueError:
    """Give the error for a plan that needs more than a GPU's ``gigabytes``."""
    return ValueError(
        f"{plan.method} on {plan.dataset}: a process needs {plan.gigabytes:.3g} GB, expected at most {gigabytes:g} "
        "(backbone.gpu_memory_gb). Raise finetuning.gradient_accumulation or backbone.gpus, switch on "
        "finetuning.gradient_checkpointing, or choose backbone.quantization"
    )
