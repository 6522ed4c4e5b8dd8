"""Memory and latency of serving by the number of users: part ``users``."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel

from ilora.benchmarks.adaptations import WIDTH
from ilora.benchmarks.claims import Claim
from ilora.benchmarks.devices import describe
from ilora.benchmarks.memory import held_bytes, peak_bytes
from ilora.benchmarks.scale.load import seconds_under_load
from ilora.benchmarks.scale.random_users import for_random_users
from ilora.benchmarks.scale.report import Part, Row
from ilora.benchmarks.scale.representation_table import read_table, write_random_table
from ilora.benchmarks.scale.rounds import Times, time_in_rounds
from ilora.benchmarks.scale.server import CPU, Server, adapter_bytes, random_prompts
from ilora.benchmarks.scale.sizes import Served, Sizes

_MEGABYTE = 10**6
#: Bytes per user: 256 MB for a million users.
_TABLE_BUDGET = 256
_FLAT = 1.05

_Times = dict[int, Times]


def measure_users(served: Served, model: PeftModel, sizes: Sizes, folder: Path) -> Part:
    """Serve random users from tables of every size with the same model.

    Args:
        served: shape of the model and number of measurements.
        model: the instance-wise model in evaluation mode.
        sizes: numbers of users and clients, and rounds of the gate's part.
        folder: where the tables are written.
    """
    servers = {users: Server(model, _table(folder, users)) for users in sizes.users}
    batch = served.workload.batch
    lookup_one, gate_one = _time_gate(servers, 1, sizes)
    lookup_batch, gate_batch = _time_gate(servers, batch, sizes)
    requests = _time_answers(servers, served, 1, served.requests)
    batches = _time_answers(servers, served, batch, served.batches)
    load = _time_load(servers, served, sizes.threads) if served.loaded_requests else {}
    memory = {users: _gate_peak_bytes(server, batch) for users, server in servers.items()}
    few, many = sizes.users[0], sizes.users[-1]
    rows: list[Row] = [
        {
            "users": users,
            "z table (MB)": server.table.nbytes / _MEGABYTE,
            "adapter (MB)": adapter_bytes(model) / _MEGABYTE,
            "per user (bytes)": server.table.nbytes // users,
            "gate, memory (bytes)": memory[users],
            "lookup, 1 user (us)": 1e6 * lookup_one[users].quantile(0.5),
            "gate, 1 user (us)": 1e6 * gate_one[users].quantile(0.5),
            f"gate, 1 user, against {few:,}": gate_one[users].claim("", gate_one[few], _FLAT, "").ratio,
            f"lookup, {batch} users (us)": 1e6 * lookup_batch[users].quantile(0.5),
            f"gate, {batch} users (us)": 1e6 * gate_batch[users].quantile(0.5),
            f"gate, {batch} users, against {few:,}": gate_batch[users].claim("", gate_batch[few], _FLAT, "").ratio,
            "request p50 (ms)": 1e3 * requests[users].quantile(0.5),
            "request p99 (ms)": 1e3 * requests[users].quantile(0.99),
            f"batch of {batch} p50 (ms)": 1e3 * batches[users].quantile(0.5),
            f"batch of {batch} p99 (ms)": 1e3 * batches[users].quantile(0.99),
            **_load_cells(load.get(users), sizes.threads),
        }
        for users, server in servers.items()
    ]
    name, hardware = f"{many}_vs_{few}_users_{served.name}", describe(CPU, torch.float32)
    claims = [
        _memory_claim(f"z_table_of_{many}_users", servers[many].table.nbytes, _TABLE_BUDGET * many, 1, hardware),
        _memory_claim(f"gate_memory_{name}", memory[many], memory[few], _FLAT, hardware),
        gate_one[many].claim(f"gate_time_{name}", gate_one[few], _FLAT, hardware),
        gate_batch[many].claim(f"gate_time_of_a_batch_{name}", gate_batch[few], _FLAT, hardware),
        _sum(lookup_one[many], gate_one[many]).claim(
            f"lookup_and_gate_time_{name}", _sum(lookup_one[few], gate_one[few]), _FLAT, hardware
        ),
        _sum(lookup_batch[many], gate_batch[many]).claim(
            f"lookup_and_gate_time_of_a_batch_{name}", _sum(lookup_batch[few], gate_batch[few]), _FLAT, hardware
        ),
        requests[many].claim(f"request_time_{name}", requests[few], _FLAT, hardware),
        batches[many].claim(f"batch_time_{name}", batches[few], _FLAT, hardware),
    ]
    title = f"Serving by the number of users, {served.name} backbone, prompts of {served.workload.tokens} tokens"
    return Part({title: rows}, claims)


def _table(folder: Path, users: int) -> torch.Tensor:
    path = folder / f"representations_of_{users}_users.safetensors"
    if not path.exists():
        write_random_table(path, users, WIDTH)
    return read_table(path)


def _time_gate(servers: Mapping[int, Server], batch: int, sizes: Sizes) -> tuple[_Times, _Times]:
    """Return the times of lookups, and of gates of representations that have been looked up."""
    rounds, calls = sizes.gate_rounds, sizes.gate_calls
    lookups = _time({users: server.look_up for users, server in servers.items()}, batch, rounds, calls)
    gates: dict[str, Callable[[], object]] = {}
    for users, server in servers.items():
        drawn = torch.randint(users, (calls, batch), generator=torch.Generator().manual_seed(1))
        following = cycle([server.look_up(rows) for rows in drawn])
        gates[str(users)] = partial(_open_next, server, following)
    times = time_in_rounds(gates, rounds=rounds, calls=calls)
    return lookups, {int(users): each for users, each in times.items()}


def _open_next(server: Server, representations: Iterator[torch.Tensor]) -> None:
    server.open_gates(next(representations))


def _sum(first: Times, second: Times) -> Times:
    return Times(first.seconds + second.seconds)


def _time_answers(servers: Mapping[int, Server], served: Served, batch: int, calls: int) -> _Times:
    prompts = random_prompts(served.workload, batch)
    runs = {users: partial(server.answer, prompts=prompts) for users, server in servers.items()}
    return _time(runs, batch, served.rounds, calls)


def _time(runs: Mapping[int, Callable[[torch.Tensor], object]], batch: int, rounds: int, calls: int) -> _Times:
    asking = {
        str(users): for_random_users(run, users, calls=(rounds + 1) * calls, batch=batch) for users, run in runs.items()
    }
    return {int(users): each for users, each in time_in_rounds(asking, rounds=rounds, calls=calls).items()}


def _time_load(servers: Mapping[int, Server], served: Served, threads: int) -> dict[int, tuple[Times, float]]:
    """Return the times of requests and the requests per second, by number of users."""
    prompts = random_prompts(served.workload, 1)
    seconds: dict[int, list[np.ndarray]] = {users: [] for users in servers}
    elapsed = dict.fromkeys(servers, 0.0)
    generator = np.random.default_rng(0)
    for counts in [False] + [True] * served.rounds:
        for users, server in servers.items():
            asked = generator.integers(users, size=(threads, served.loaded_requests))
            of_requests, whole = seconds_under_load(partial(_answer_one, server, prompts), asked)
            if counts:
                seconds[users].append(of_requests.ravel())
                elapsed[users] += whole
    return {users: (Times(np.array(found)), sum(map(len, found)) / elapsed[users]) for users, found in seconds.items()}


def _answer_one(server: Server, prompts: Mapping[str, Any], user: int) -> None:
    server.answer(torch.tensor([user]), prompts)


def _load_cells(load: tuple[Times, float] | None, threads: int) -> Row:
    names = (f"{threads} threads p50 (ms)", f"{threads} threads p99 (ms)", f"{threads} threads (requests/s)")
    if load is None:
        return dict.fromkeys(names)
    times, rate = load
    return dict(zip(names, (1e3 * times.quantile(0.5), 1e3 * times.quantile(0.99), rate), strict=True))


def _gate_peak_bytes(server: Server, batch: int) -> int:
    """Return the bytes of the gate's weights plus the peak of what lookup and gate of a batch allocate."""
    rows = torch.arange(batch) % len(server.table)
    _look_up_and_open(server, rows)
    added = peak_bytes(partial(_look_up_and_open, server, rows), CPU)
    return held_bytes(server.model.gate.state_dict().values()) + added


def _look_up_and_open(server: Server, users: torch.Tensor) -> None:
    server.open_gates(server.look_up(users))


def _memory_claim(name: str, ours: float, reference: float, target: float, hardware: str) -> Claim:
    ratio = ours / reference
    return Claim(name, ours / _MEGABYTE, reference / _MEGABYTE, "MB", ratio, ratio, ratio, 1, target, hardware)
