"""Llama-2-7B on paper, from rates that are measured on smaller models: part ``large_model``.

A prompt of T tokens costs a model with P weights in its layers, L layers and width h

    F = 2 P T + 4 L h T^2

floating-point operations: a product and a sum for every weight and token, and the scores and sums of attention. LoRA
adds 2 A T for its A weights. The gate adds

    G = 2 K d + T r M

for K experts, a representation of d numbers, and M adapted layers of rank r: one product for the gate, and one
multiplication of each rank-r activation. None of them depends on the number of users N. Storage for N users is

    A b + 4 (N + K + 2) d bytes

with b bytes per adapter weight: the adapter, and in float32 the table of z, the gate's weights and its statistics. One
LoRA per user takes N A b.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch

from ilora.benchmarks.adaptations import EXPERTS, MODULES, RANK, WIDTH, instance_wise
from ilora.benchmarks.scale.random_users import for_random_users
from ilora.benchmarks.scale.report import Part, Row
from ilora.benchmarks.scale.rounds import time_in_rounds
from ilora.benchmarks.scale.server import CPU, Server, random_prompts
from ilora.benchmarks.workloads import LLAMA_2_7B_GPU, Workload, random_llama

_BYTES_PER_WEIGHT = 2  # bfloat16
_FLOAT_BYTES = 4
_GIGABYTE = 10**9


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one prompt."""

    backbone: int
    lora: int
    gate: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.backbone + self.lora + self.gate


def operations_of(workload: Workload) -> Operations:
    """Return the operations of one prompt: F, 2 A T and G."""
    tokens, layers, hidden = workload.tokens, workload.layers, workload.hidden_size
    attention = 4 * layers * hidden * tokens**2
    return Operations(
        backbone=2 * layer_weights(workload) * tokens + attention,
        lora=2 * adapter_weights(workload) * tokens,
        gate=2 * EXPERTS * WIDTH + tokens * RANK * layers * len(MODULES),
    )


def layer_weights(workload: Workload) -> int:
    """Return P: the weights of all linear layers, without the embeddings."""
    return workload.layers * sum(rows * columns for rows, columns in _linear_layers(workload))


def adapter_weights(workload: Workload) -> int:
    """Return A: the weights of a LoRA on all linear layers."""
    return workload.layers * sum(RANK * (rows + columns) for rows, columns in _linear_layers(workload))


def stored_bytes(workload: Workload, users: int) -> int:
    """Return the bytes that iLoRA stores for a number of users: adapter, gate and table."""
    gate_and_table = _FLOAT_BYTES * (users + EXPERTS + 2) * WIDTH
    return adapter_weights(workload) * _BYTES_PER_WEIGHT + gate_and_table


def measure_large_model(measured: Mapping[str, Workload], users: tuple[int, ...], rounds: int) -> Part:
    """Time a request of smaller models, and extrapolate time and memory of Llama-2-7B.

    Args:
        measured: shapes of the smaller models by name.
        users: numbers of users.
        rounds: requests of each model.
    """
    large = LLAMA_2_7B_GPU
    adapter = adapter_weights(large) * _BYTES_PER_WEIGHT
    of_users: list[Row] = [
        {
            "users": count,
            "weights of the layers (GB)": layer_weights(large) * _BYTES_PER_WEIGHT / _GIGABYTE,
            "adapter (GB)": adapter / _GIGABYTE,
            "iLoRA: adapter, gate and z (GB)": stored_bytes(large, count) / _GIGABYTE,
            "one LoRA per user (GB)": count * adapter / _GIGABYTE,
        }
        for count in users
    ]
    requests = [_extrapolate(name, each, _request_seconds(each, rounds)) for name, each in measured.items()]
    note = (
        f"F = 2 P T + 4 L h T^2 with P = {layer_weights(large):,} weights in L = {large.layers} layers of width h = "
        f"{large.hidden_size:,}; LoRA: 2 A T with A = {adapter_weights(large):,}; gate: G = 2 K d + T r M with "
        f"K = {EXPERTS}, d = {WIDTH}, r = {RANK}, M = {large.layers * len(MODULES)}. Seconds: (F + 2 A T + G) / rate."
    )
    title = f"Llama-2-7B on paper, a prompt of {large.tokens} tokens"
    return Part({f"{title}: memory": of_users, f"{title}: one request": requests}, notes=[note])


def _extrapolate(name: str, measured: Workload, seconds: float) -> Row:
    rate = operations_of(measured).total / seconds
    operations = operations_of(LLAMA_2_7B_GPU)
    return {
        "rate measured on": name,
        "rate (GFLOP/s)": rate / 1e9,
        "backbone (GFLOP)": operations.backbone / 1e9,
        "LoRA (GFLOP)": operations.lora / 1e9,
        "gate (GFLOP)": operations.gate / 1e9,
        "gate's share": operations.gate / operations.total,
        "one request (s)": operations.total / rate,
    }


def _request_seconds(workload: Workload, rounds: int) -> float:
    """Return the median time of a single request."""
    model = instance_wise(random_llama(workload, CPU, torch.float32).requires_grad_(False)).eval()
    server = Server(model, torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(0)))
    answer = partial(server.answer, prompts=random_prompts(workload, 1))
    run = for_random_users(answer, users=1, calls=1, batch=1)
    return time_in_rounds({"request": run}, rounds=rounds, calls=1)["request"].quantile(0.5)


def _linear_layers(workload: Workload) -> list[tuple[int, int]]:
    """Return the input and output widths of the linear layers of one decoder layer."""
    hidden, inner = workload.hidden_size, workload.intermediate_size
    keys = hidden // workload.heads * (workload.key_value_heads or workload.heads)
    attention = [(hidden, hidden), (hidden, keys), (hidden, keys), (hidden, hidden)]
    return [*attention, (hidden, inner), (hidden, inner), (inner, hidden)]
