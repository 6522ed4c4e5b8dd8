"""The requirements of a fine-tuning, estimated before submission: GPU memory, operations, time."""

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

#: Number of batches whose prompts are built to measure their length.
SAMPLED_BATCHES = 64

#: Common memory sizes of GPUs, in GB (10^9 bytes), and the assumed overhead of CUDA and fragmentation.
GPU_SIZES = (16, 24, 40, 48, 80, 141)
RESERVED_GB = 1.5


@dataclass(frozen=True)
class TuningPlan:
    """The requirements of a fine-tuning.

    Attributes:
        dataset: name of the data set.
        method: name of the method.
        steps: number of optimizer steps.
        batch_size: sequences per step.
        parts: gradient-accumulation parts of a step on each process.
        processes: number of processes, one per GPU.
        rows: sequences per part and process.
        mean_tokens: mean padded length of a sample of such batches.
        longest_tokens: padded length of the longest of them.
        longest: cost of the longest of them on one process.
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
        """Memory of a process, in GB (10^9 bytes)."""
        return self.longest.bytes / 1e9

    @property
    def smallest_gpu(self) -> int | None:
        """The smallest common GPU size, in GB, that is large enough; None if there is none."""
        return next((size for size in GPU_SIZES if self.gigabytes + RESERVED_GB <= size), None)

    def hours(self, gpu: str) -> float:
        """Return the hours that the fine-tuning takes on GPUs of `PEAK_RATES` at `UTILISATION`."""
        return self.operations / (PEAK_RATES[gpu] * UTILISATION * self.processes) / 3600


def plan_tuning(
    settings: TuningSettings, inputs: MethodInputs, embedding_size: int, processes: int, sharded: bool = False
) -> TuningPlan:
    """Plan a fine-tuning; no weights are loaded.

    Args:
        settings: settings of the fine-tuning.
        inputs: data set; a sequence encoder is not needed.
        embedding_size: width of the sequence encoder's vectors.
        processes: number of processes that share a batch.
        sharded: whether they shard the frozen weights.
    """
    source, values = settings.backbone, settings.finetuning
    config = load_configuration(source)
    window = context_window(SimpleNamespace(config=config))
    examples = training_examples(settings, inputs, load_tokenizer(source), window)
    rows = values.batch_size // (values.gradient_accumulation * processes)
    shapes = sampled_shapes(examples, rows)
    # FlashAttention needs a GPU; PyTorch's own kernels need no more memory or operations.
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
    """Return the shapes of batches of ``rows`` sequences, spread evenly over a training."""
    batches = len(examples) // rows
    chosen = np.unique(np.linspace(0, batches - 1, min(SAMPLED_BATCHES, batches)).astype(int))
    return [_shape([examples[int(batch) * rows + row] for row in range(rows)]) for batch in chosen]


def _shape(batch: Sequence[TrainingExample]) -> StepShape:
    tokens = max(len(example.token_ids) for example in batch)
    answers = max(sum(label != IGNORED_LABEL for label in example.labels) for example in batch)
    return StepShape(len(batch), tokens, answers)


def describe_plan(plan: TuningPlan) -> list[str]:
    """Return the plan as human-readable lines."""
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
    """Return the error for a plan that needs more than a GPU's ``gigabytes``."""
    return ValueError(
        f"{plan.method} on {plan.dataset}: a process needs {plan.gigabytes:.3g} GB, expected at most {gigabytes:g} "
        "(backbone.gpu_memory_gb). Raise finetuning.gradient_accumulation or backbone.gpus, enable "
        "finetuning.gradient_checkpointing, or set backbone.quantization"
    )
