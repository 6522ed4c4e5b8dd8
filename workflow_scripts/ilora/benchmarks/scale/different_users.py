"""One forward pass of different users with each adaptation: part ``adaptations``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from peft import PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from ilora.benchmarks.adaptations import WIDTH, instance_wise, lora, random_representations, uniform
from ilora.benchmarks.devices import describe
from ilora.benchmarks.memory import held_bytes
from ilora.benchmarks.scale.report import Part, Row
from ilora.benchmarks.scale.rounds import Times, time_in_rounds
from ilora.benchmarks.scale.server import CPU, adapter_bytes, random_prompts
from ilora.benchmarks.scale.sizes import Served
from ilora.benchmarks.workloads import random_llama, twin

_MEGABYTE = 10**6
_FLOAT_BYTES, _CLUSTER_ID_BYTES = 4, 4
#: Claimed upper bound of iLoRA's time relative to LoRA's.
_LIKE_LORA = 1.10


@dataclass(frozen=True)
class _Adaptation:
    """An adapted model.

    Attributes:
        model: the model.
        answer: function that runs a batch of different users.
        adapters: number of LoRAs in memory.
        bytes_for: bytes stored for a number of users, on paper.
    """

    model: nn.Module
    answer: Callable[[], object]
    adapters: int
    bytes_for: Callable[[int], int]


def measure_adaptations(served: Served, numbers_of_users: tuple[int, ...]) -> Part:
    """Time one forward pass of different users with every adaptation, and compare the storage."""
    adaptations = _adaptations(served)
    times = time_in_rounds(
        {name: each.answer for name, each in adaptations.items()}, rounds=served.rounds, calls=served.batches
    )
    rows = [_row(name, each, times, numbers_of_users) for name, each in adaptations.items()]
    hardware, suffix = describe(CPU, torch.float32), f"of_a_batch_{served.name}"
    ilora = times["iLoRA"]
    claims = [
        ilora.claim(f"ilora_vs_lora_{suffix}", times["LoRA"], _LIKE_LORA, hardware),
        ilora.claim(f"ilora_vs_lora_per_cluster_{suffix}", times["LoRA per cluster"], 1.0, hardware),
        ilora.claim(f"ilora_vs_lora_per_user_{suffix}", times["LoRA per user"], 1.0, hardware),
    ]
    batch, tokens = served.workload.batch, served.workload.tokens
    title = f"One forward pass of {batch} different users, {served.name} backbone, prompts of {tokens} tokens"
    return Part({title: rows}, claims)


def _adaptations(served: Served) -> dict[str, _Adaptation]:
    base = random_llama(served.workload, CPU, torch.float32).requires_grad_(False).eval()
    batch = served.workload.batch
    prompts = random_prompts(served.workload, batch)
    z = random_representations(batch, CPU)

    def forward(model: nn.Module, **more: object) -> Callable[[], object]:
        return partial(_answer, model.eval(), {**prompts, **more})

    plain, gated = uniform(twin(base)), instance_wise(twin(base))
    of_clusters, of_users = (_several_loras(twin(base), count) for count in (served.clusters, batch))
    size = adapter_bytes(plain)
    clusters = np.random.default_rng(0).integers(served.clusters, size=batch)
    cluster_rows, user_rows = [f"lora_{cluster}" for cluster in clusters], [f"lora_{user}" for user in range(batch)]
    return {
        "no adapter": _Adaptation(base, forward(base), 0, lambda users: 0),
        "LoRA": _Adaptation(plain, forward(plain), 1, lambda users: size),
        "iLoRA": _Adaptation(
            gated,
            forward(gated, sequence_representations=z),
            1,
            lambda users: size + held_bytes(gated.gate.state_dict().values()) + users * WIDTH * _FLOAT_BYTES,
        ),
        "LoRA per cluster": _Adaptation(
            of_clusters,
            forward(of_clusters, adapter_names=cluster_rows),
            served.clusters,
            lambda users: served.clusters * size + users * _CLUSTER_ID_BYTES,
        ),
        "LoRA per user": _Adaptation(
            of_users, forward(of_users, adapter_names=user_rows), batch, lambda users: users * size
        ),
    }


def _several_loras(model: PreTrainedModel, count: int) -> PeftModel:
    adapted = get_peft_model(model, lora(), "lora_0")
    for number in range(1, count):
        adapted.add_adapter(f"lora_{number}", lora())
    return adapted


def _answer(model: nn.Module, inputs: Mapping[str, object]) -> None:
    with torch.no_grad():
        model(**inputs)


def _row(name: str, adaptation: _Adaptation, times: Mapping[str, Times], numbers_of_users: tuple[int, ...]) -> Row:
    against_lora = times[name].claim(name, times["LoRA"], 1.0, "")
    added = held_bytes(parameter for key, parameter in adaptation.model.named_parameters() if "lora_" in key)
    return {
        "adaptation": name,
        "LoRAs in memory": adaptation.adapters,
        "their size, measured (MB)": added / _MEGABYTE,
        "batch p50 (ms)": 1e3 * times[name].quantile(0.5),
        "batch p99 (ms)": 1e3 * times[name].quantile(0.99),
        "time against LoRA": against_lora.ratio,
        "low": against_lora.ratio_low,
        "high": against_lora.ratio_high,
        **{f"stored for {users:,} users (MB)": adaptation.bytes_for(users) / _MEGABYTE for users in numbers_of_users},
    }
