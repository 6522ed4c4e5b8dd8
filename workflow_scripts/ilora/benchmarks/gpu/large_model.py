"""Parts ``seven_billion`` and ``seven_billion_nf4``: a model of Llama-2-7B's shape with random weights.

It is fine-tuned with the paper's adapter settings on prompts of the prepared data set, or of invented films if nothing
was prepared. Measurements are reported with the predictions of the plan (`ilora.llm.training.memory_estimate`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.util import find_spec
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel

from ilora.adapters.labels import IGNORED_LABEL
from ilora.benchmarks.adapter import MEBIBYTE, steps_on
from ilora.benchmarks.claims import Claim, compare
from ilora.benchmarks.devices import describe
from ilora.benchmarks.fine_tuning import operations
from ilora.benchmarks.gpu.answering_rate import answering_figures
from ilora.benchmarks.gpu.parts import Bench, Section
from ilora.benchmarks.gpu.peak_rate import peak_rate
from ilora.benchmarks.gpu.prepared_study import prepared_study
from ilora.benchmarks.gpu.quantized import quantize, why_not_quantized
from ilora.benchmarks.gpu.report import Figure, Measurement, NotRun
from ilora.benchmarks.gpu.timing import rate, repeated_seconds, seconds_of
from ilora.benchmarks.gpu.tuning_step import TuningStep, collated
from ilora.benchmarks.training_step import TrainingStep
from ilora.benchmarks.workloads import random_llama, twin
from ilora.configuration.presets import LEARNING_RATES, preset_values
from ilora.configuration.sections.backbone import Attention, BackboneSource, Quantization
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.tuning import MethodKind, TuningSettings
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.backbones import load_tokenizer
from ilora.llm.model.gpu_rates import UTILISATION
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import MethodInputs, read_method_inputs
from ilora.llm.model.item_vectors import encoder_item_vectors
from ilora.llm.model.projector import unscaled_projector
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.llm.training.gate_inputs import method_gate_inputs
from ilora.llm.training.memory_estimate import StepCost, StepShape, StepTracer
from ilora.llm.training.tuning_job import training_examples

DTYPE = torch.bfloat16
_METHODS = {
    "lora": MethodKind(prompt="hybrid", adapter="uniform"),
    "ilora": MethodKind(prompt="hybrid", adapter="instance_wise"),
}
#: Target ratios of iLoRA's step to LoRA's, and of one pass of iLoRA to one of another adapter.
_AIM = 1.03
_OTHERS = {"uniform": _AIM, "x_lora": 1.0, "per_expert": 1.0}


@dataclass(frozen=True)
class LargeModel:
    """The model and its prompts.

    Attributes:
        bench: environment of the measurements.
        settings: settings of the fine-tuning of iLoRA.
        inputs: inputs from the data set.
        examples: examples of that fine-tuning.
        base: frozen model.
        quantization: quantization of its linear layers.
    """

    bench: Bench
    settings: TuningSettings
    inputs: MethodInputs
    examples: FineTuningExamples
    base: PreTrainedModel
    quantization: Quantization | None

    @cached_property
    def parts(self) -> list[Any]:
        """The parts of the first batch."""
        return collated(self.examples, self.bench.sizes.rows, self.bench.sizes.parts)

    def adapted(self, method: str, attention: Attention = "sdpa", checkpointing: bool = False) -> HybridLanguageModel:
        """Return the model with a new adapter of a method; all share the frozen weights."""
        settings = self.settings.model_copy(update={"kind": _METHODS[method]})
        vectors = encoder_item_vectors(self.inputs.sequence_encoder, settings.shape.item_vectors)
        assert vectors is not None  # prompts are hybrid
        model = twin(self.base)
        model.set_attn_implementation(attention)
        projector = unscaled_projector(vectors, model, settings.seed)
        adapted = attach_adapter(model, projector, vectors, settings.shape, self._gate_width, settings.seed)
        if checkpointing:
            adapted.activation_checkpointing_enable()
        return adapted

    def step(self, method: str, **options: Any) -> TuningStep:
        """Return a step of a method."""
        return TuningStep.of(self.adapted(method, **options), self.parts, DTYPE)

    def planned(self, method: str, checkpointing: bool = False) -> list[StepCost]:
        """Return the planned cost of each part."""
        settings = self.settings.model_copy(update={"kind": _METHODS[method]})
        encoder = self.inputs.sequence_encoder
        assert encoder is not None
        source = BackboneSource(name="random weights", precision="bfloat16", quantization=self.quantization)
        width = encoder.item_embeddings.shape[1]
        tracer = StepTracer.of(self.base.config, settings.shape, width, source, checkpointing)
        return [tracer.trace(_shape(part)) for part in self.parts]

    @cached_property
    def passes(self) -> dict[str, TrainingStep]:
        """One pass of each compared adapter on random embeddings; all share the frozen weights."""
        return steps_on(twin(self.base), self.bench.sizes.large, self.bench.device, DTYPE)

    @property
    def _gate_width(self) -> int:
        encoder = self.inputs.sequence_encoder
        assert encoder is not None
        return int(encoder.representations.shape[1])


def sections(bench: Bench) -> Iterator[Section]:
    """Yield the sections in bfloat16."""
    model = large_model(bench, None)
    yield Section("LoRA and iLoRA", lambda: tuning_figures(model))
    yield Section("checkpointing", lambda: checkpointing_figures(model))
    yield Section("answering", lambda: answering(model))
    for name in _OTHERS:
        # Separate sections, since one may run out of memory.
        yield Section(f"ilora against {name}", lambda name=name: against(name, model))  # type: ignore[misc]
    yield Section("FlashAttention", lambda: flash_attention(model))


def sections_nf4(bench: Bench) -> Iterator[Section]:
    """Yield the sections on a 4-bit model."""
    reason = why_not_quantized()
    if reason is not None:
        yield Section("NF4", lambda: [NotRun("7B shape in 4 bits", str(reason))])
        return
    model = large_model(bench, "nf4")
    yield Section("LoRA and iLoRA, NF4", lambda: tuning_figures(model))
    yield Section("answering, NF4", lambda: answering(model))


def large_model(bench: Bench, quantization: Quantization | None) -> LargeModel:
    """Build the model on the device, and the prompts of its fine-tuning."""
    job, sizes = prepared_study(bench).tuning("ilora"), bench.sizes
    preset = preset_values("paper", LEARNING_RATES["paper"]["movielens"])
    own = {
        # The curriculum would leave behaviour tokens out of the first batches.
        "curriculum": False,
        "batch_size": sizes.rows * sizes.parts,
        "gradient_accumulation": sizes.parts,
        "snapshots": [],
    }
    settings = job.settings.model_copy(update={"finetuning": FinetuningValues.read({**preset, **own})})
    inputs = read_method_inputs(
        *(job.inputs[name] for name in ("catalogue", "sequences", "item_embeddings", "representations"))
    )
    tokenizer = load_tokenizer(settings.backbone)
    gate_inputs = method_gate_inputs(settings.shape, inputs.sequence_encoder, inputs.sequences, settings.seed)
    examples = training_examples(settings, inputs, tokenizer, None, gate_inputs)
    workload = replace(sizes.large, vocabulary_size=max(sizes.large.vocabulary_size, len(tokenizer)))
    base = random_llama(workload, bench.device, DTYPE).requires_grad_(False)
    base.generation_config = GenerationConfig(use_cache=True)
    if quantization is not None:
        base = quantize(base, quantization, DTYPE)
    return LargeModel(bench, settings, inputs, examples, base, quantization)


def tuning_figures(model: LargeModel) -> Iterator[Measurement]:
    """Measure a step of LoRA and of iLoRA: speed, memory with the planned value, and their ratio."""
    device, sizes, suffix = model.bench.device, model.bench.sizes, _suffix(model)
    peak = peak_rate(device, sizes.product)
    yield Figure("matrix product, the peak", peak / 1e12, "TFLOP/s", note=f"bfloat16, {sizes.product} wide")
    steps = {method: model.step(method) for method in _METHODS}
    prompts = f"{sizes.parts} parts of {sizes.rows} prompts of the study {prepared_study(model.bench).name}"
    note = f"{prompts}; a vocabulary of {model.base.config.vocab_size}"
    yield Figure("tokens of a step", steps["lora"].tokens, "tokens", note=note)
    for method, step in steps.items():
        seconds = repeated_seconds(step, device, sizes.repeats, warm_up=2)
        yield rate(f"{method}{suffix}: step", step.tokens, "tokens/s", seconds)
        costs = model.planned(method)
        planned = sum(cost.operations for cost in costs)
        share = rate(f"{method}{suffix}: share of the peak", planned / peak, "", seconds)
        yield replace(share, predicted=UTILISATION, note="of the matrix product; predicted: of the data sheet's")
        if model.quantization is None:  # operations on 4-bit weights are not counted
            name = f"{method}: operations of a step"
            yield Figure(name, operations(step), "operations", predicted=float(planned))
        largest = max(cost.bytes for cost in costs)
        yield Figure(f"{method}{suffix}: peak memory", step.peak_bytes() / 1e9, "GB", predicted=largest / 1e9)
    yield _time_claim(f"ilora against lora{suffix}: time", steps["ilora"], steps["lora"], model.bench)
    yield memory_claim(f"ilora against lora{suffix}: memory", steps["ilora"], steps["lora"], model.bench)


def checkpointing_figures(model: LargeModel) -> Iterator[Measurement]:
    """Measure iLoRA's step with activation checkpointing."""
    step, costs = model.step("ilora", checkpointing=True), model.planned("ilora", checkpointing=True)
    seconds = repeated_seconds(step, model.bench.device, model.bench.sizes.repeats, warm_up=2)
    yield rate("ilora with checkpointing: step", step.tokens, "tokens/s", seconds)
    largest = max(cost.bytes for cost in costs)
    name = "ilora with checkpointing: peak memory"
    yield Figure(name, step.peak_bytes() / 1e9, "GB", predicted=largest / 1e9)


def flash_attention(model: LargeModel) -> Iterator[Measurement]:
    """Measure iLoRA's step with FlashAttention 2 against PyTorch's own attention (SDPA)."""
    name = "ilora with FlashAttention against SDPA: time"
    if find_spec("flash_attn") is None:
        yield NotRun(name, "flash_attn is not installed")
        return
    flash, own = model.step("ilora", attention="flash_attention_2"), model.step("ilora")
    yield _time_claim(name, flash, own, model.bench)


def against(name: str, model: LargeModel) -> Iterator[Claim]:
    """Compare one forward and backward pass of iLoRA with that of another adapter, on embeddings."""
    bench, aim = model.bench, _OTHERS[name]
    ours, reference = model.passes["instance_wise"], model.passes[name]
    yield _time_claim(f"ilora against {name}, one pass: time", ours, reference, bench, aim)
    yield memory_claim(f"ilora against {name}, one pass: memory", ours, reference, bench, aim)


def answering(model: LargeModel) -> Iterator[Measurement]:
    """Measure answering by text, and scoring of all candidates."""
    yield from answering_figures(model.adapted("ilora"), model.examples, model.bench, _suffix(model))


def memory_claim(
    name: str, ours: TuningStep | TrainingStep, reference: TuningStep | TrainingStep, bench: Bench, aim: float = _AIM
) -> Claim:
    """Compare peak memory."""
    return compare(
        name,
        lambda: ours.peak_bytes() / MEBIBYTE,
        lambda: reference.peak_bytes() / MEBIBYTE,
        unit="MiB",
        target=aim,
        repeats=2,
        hardware=describe(bench.device, DTYPE),
    )


def _time_claim(name: str, ours: Any, reference: Any, bench: Bench, aim: float = _AIM) -> Claim:
    return compare(
        name,
        partial(seconds_of, ours, bench.device),
        partial(seconds_of, reference, bench.device),
        unit="s",
        target=aim,
        repeats=bench.sizes.repeats,
        warm_up=2,
        hardware=describe(bench.device, DTYPE),
    )


def _shape(part: Any) -> StepShape:
    rows, tokens = part["labels"].shape
    answers: Sequence[int] = (part["labels"] != IGNORED_LABEL).sum(dim=1).tolist()
    return StepShape(rows, tokens, max(answers))


def _suffix(model: LargeModel) -> str:
    return "" if model.quantization is None else f" on {model.quantization}"
