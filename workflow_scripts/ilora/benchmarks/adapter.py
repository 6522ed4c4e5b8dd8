"""Time and memory of instance-wise LoRA against PEFT's LoRA, the per-expert form and X-LoRA: section ``adapter``.

"7B shapes" are those of a decoder layer of Llama-2-7B: all seven projections adapted, r = 8, K = 4, forward and
backward, including the gradient of the layer's input. "Embedded" is the whole backbone that the workflow pretrains.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn
from transformers import PreTrainedModel

from ilora.adapters.gating import lora_layers
from ilora.benchmarks.adaptations import instance_wise, per_expert, random_representations, uniform, x_lora
from ilora.benchmarks.claims import Claim, compare, compare_times
from ilora.benchmarks.devices import describe, sensible_precision
from ilora.benchmarks.fine_tuning import fine_tuning_claims
from ilora.benchmarks.training_step import TrainingStep
from ilora.benchmarks.update_step import UpdateStep, make_update_step
from ilora.benchmarks.workloads import (
    EMBEDDED,
    LLAMA_2_7B_LAYER,
    LLAMA_2_7B_LAYER_GPU,
    Workload,
    random_inputs,
    random_llama,
    twin,
)

MEBIBYTE = 2**20


def measure() -> Iterator[Claim]:
    """Measure every claim of this section, on the processor and, with names that end in ``_gpu``, on a GPU."""
    processor = torch.device("cpu")
    yield from layer_claims(LLAMA_2_7B_LAYER, processor, sensible_precision(processor))
    yield from embedded_claims()
    if torch.cuda.is_available():
        gpu = torch.device("cuda")
        yield from layer_claims(LLAMA_2_7B_LAYER_GPU, gpu, sensible_precision(gpu), suffix="_gpu")
        yield from fine_tuning_claims(gpu)


def layer_claims(workload: Workload, device: torch.device, dtype: torch.dtype, suffix: str = "") -> Iterator[Claim]:
    """Measure the claims on a layer of a large model.

    ``..._vs_per_expert_7b_shapes`` compares the updates alone (`ilora.benchmarks.update_step`), and
    ``..._whole_layer`` the layer's whole step, which the product with the frozen weights dominates. Extra memory is the
    peak of the whole step minus that of the frozen layer without an adapter, which also propagates gradients.
    """
    hardware = describe(device, dtype)
    steps = training_steps(workload, device, dtype)
    ours, theirs = steps["instance_wise"], steps["per_expert"]
    times = partial(compare_times, hardware=hardware)
    yield times(f"step_time_vs_lora_7b_shapes{suffix}", ours, steps["uniform"], target=1.03)
    yield _compare_memory(f"peak_memory_vs_lora_7b_shapes{suffix}", ours, steps["uniform"], 1.02, hardware)
    yield times(f"step_time_vs_per_expert_7b_shapes_whole_layer{suffix}", ours, theirs, target=1.0)
    without = steps["frozen"].peak_bytes()
    yield _compare_memory(f"extra_memory_vs_per_expert_7b_shapes{suffix}", ours, theirs, 0.5, hardware, beyond=without)
    yield times(f"step_time_vs_xlora_7b_shapes{suffix}", ours, steps["x_lora"], target=1.0)
    del steps, ours, theirs
    ours_alone, theirs_alone = update_steps(workload, device, dtype)
    yield times(f"step_time_vs_per_expert_7b_shapes{suffix}", ours_alone, theirs_alone, target=1 / 3)


def embedded_claims() -> Iterator[Claim]:
    """Measure the claims on the embedded backbone, on the processor in float32, as the default study runs it."""
    device, dtype = torch.device("cpu"), torch.float32
    hardware = describe(device, dtype)
    steps = training_steps(EMBEDDED, device, dtype)
    ours, theirs = steps["instance_wise"], steps["uniform"]
    yield compare_times("step_time_vs_lora_embedded", ours, theirs, target=1.10, hardware=hardware)
    yield _compare_memory("peak_memory_vs_lora_embedded", ours, theirs, 1.10, hardware)


def training_steps(workload: Workload, device: torch.device, dtype: torch.dtype) -> dict[str, TrainingStep]:
    """Return a step per adaptation, and ``frozen`` without one; all share the frozen weights and the batch."""
    return steps_on(random_llama(workload, device, dtype), workload, device, dtype)


def steps_on(
    base: PreTrainedModel, workload: Workload, device: torch.device, dtype: torch.dtype
) -> dict[str, TrainingStep]:
    """Return these steps for an existing model, which is frozen and remains without an adapter."""
    base.requires_grad_(False)
    inputs = random_inputs(workload, device, dtype)
    gated_inputs = {**inputs, "sequence_representations": random_representations(workload.batch, device)}
    return {
        "frozen": TrainingStep(base, inputs, device, dtype),
        "uniform": TrainingStep(uniform(twin(base)), inputs, device, dtype),
        "instance_wise": TrainingStep(instance_wise(twin(base)), gated_inputs, device, dtype),
        "per_expert": TrainingStep(per_expert(twin(base)), gated_inputs, device, dtype),
        "x_lora": TrainingStep(x_lora(twin(base)), inputs, device, dtype),
    }


def update_steps(workload: Workload, device: torch.device, dtype: torch.dtype) -> tuple[UpdateStep, UpdateStep]:
    """Return the update steps in our form and in the per-expert form."""
    base = random_llama(workload, device, dtype)
    z = random_representations(workload.batch, device)
    ours, theirs = instance_wise(twin(base)), per_expert(twin(base))
    our_layers: list[nn.Module] = list(lora_layers(ours, "default").values())
    return (
        make_update_step(ours, our_layers, partial(ours.gated, z), workload, device, dtype),
        make_update_step(theirs, list(theirs.layers), partial(theirs.gated, z), workload, device, dtype),
    )


def _compare_memory(
    claim: str, ours: TrainingStep, reference: TrainingStep, target: float, hardware: str, beyond: int = 0
) -> Claim:
    def mebibytes(step: TrainingStep) -> float:
        return (step.peak_bytes() - beyond) / MEBIBYTE

    return compare(
        claim,
        partial(mebibytes, ours),
        partial(mebibytes, reference),
        unit="MiB",
        target=target,
        warm_up=1,
        hardware=hardware,
    )
