"""Throughput of fine-tuning Llama-2-7B with random weights on one GPU, relative to the GPU's peak rate."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from ilora.benchmarks.adaptations import instance_wise, random_representations, uniform
from ilora.benchmarks.claims import Claim, compare
from ilora.benchmarks.devices import describe
from ilora.benchmarks.training_step import TrainingStep
from ilora.benchmarks.workloads import LLAMA_2_7B_GPU, random_inputs, random_llama, twin

NEEDED_BYTES = 64 * 2**30
"""Weights in bfloat16 and activations of 3,200 tokens stored for backward, with a margin."""

_UNIT = "s per 1000 tokens"
_PRODUCT_SIZE = 8192


@dataclass(frozen=True)
class FineTuningStep:
    """Forward, backward and an update of the adapter's weights.

    Attributes:
        step: computes the gradients.
        optimizer: optimizer of the trained weights.
    """

    step: TrainingStep
    optimizer: torch.optim.Optimizer

    def __call__(self) -> None:
        """Run the step, and wait for the GPU."""
        self.step.forward_backward()
        self.optimizer.step()
        self.step.drop_gradients()
        torch.cuda.synchronize()


def fine_tuning_claims(device: torch.device) -> Iterator[Claim]:
    """Measure the throughput of LoRA and instance-wise LoRA, in seconds per 1000 tokens.

    ``..._vs_matrix_product_...`` compares the time of a step with the time that its floating-point operations would
    take at the rate of one large matrix product in bfloat16. These are the executed operations of matrix products and
    attention, forward and backward, without gradients of frozen weights. The ratio is the inverse of the FLOP
    utilisation.

    Args:
        device: device of type ``cuda``. Nothing is measured if less than `NEEDED_BYTES` of its memory is free.
    """
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info(device)[0]
    if free < NEEDED_BYTES:
        logging.getLogger("ilora").warning(
            "skipping the fine-tuning of Llama-2-7B: found %.0f GiB of free GPU memory, expected at least %.0f GiB",
            free / 2**30,
            NEEDED_BYTES / 2**30,
        )
        return
    hardware = describe(device, torch.bfloat16)
    base = random_llama(LLAMA_2_7B_GPU, device, torch.bfloat16).requires_grad_(False)
    inputs = random_inputs(LLAMA_2_7B_GPU, device, torch.bfloat16)
    z = random_representations(LLAMA_2_7B_GPU.batch, device)
    lora = TrainingStep(uniform(twin(base)), inputs, device, torch.bfloat16)
    ilora = TrainingStep(instance_wise(twin(base)), {**inputs, "sequence_representations": z}, device, torch.bfloat16)
    lora_time, ilora_time = _time_of(lora), _time_of(ilora)
    name = "fine_tuning_time_vs_lora_llama_2_7b_gpu"
    yield compare(name, ilora_time, lora_time, unit=_UNIT, target=1.03, warm_up=3, hardware=hardware)
    product_time = _product_time(device)
    for method, step, step_time in (("lora", lora, lora_time), ("ilora", ilora, ilora_time)):
        yield compare(
            f"{method}_fine_tuning_time_vs_matrix_product_llama_2_7b_gpu",
            step_time,
            _scaled(product_time, operations(step) / (2 * _PRODUCT_SIZE**3) / _thousands_of_tokens()),
            unit=_UNIT,
            target=2.0,
            warm_up=3,
            hardware=hardware,
        )


def operations(step: Callable[[], object]) -> int:
    """Count the floating-point operations of the matrix products and attention of a step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def _time_of(step: TrainingStep) -> Callable[[], float]:
    trained = [parameter for parameter in step.model.parameters() if parameter.requires_grad]
    fine_tuning = FineTuningStep(step, torch.optim.AdamW(trained, lr=1e-6, fused=True))

    def seconds_per_thousand_tokens() -> float:
        begun = time.perf_counter()
        fine_tuning()
        return (time.perf_counter() - begun) / _thousands_of_tokens()

    return seconds_per_thousand_tokens


def _product_time(device: torch.device) -> Callable[[], float]:
    left, right = (torch.randn(_PRODUCT_SIZE, _PRODUCT_SIZE, device=device, dtype=torch.bfloat16) for _ in range(2))

    def seconds() -> float:
        begun = time.perf_counter()
        left @ right
        torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    return seconds


def _scaled(measure: Callable[[], float], factor: float) -> Callable[[], float]:
    return lambda: factor * measure()


def _thousands_of_tokens() -> float:
    return LLAMA_2_7B_GPU.batch * LLAMA_2_7B_GPU.tokens / 1000
