"""Time and memory of windows and candidate sets on large synthetic logs.

Compared with a fixed budget as the reference: each run is a separate process that does the work of the rule, so time
includes reading and writing the artifacts, and peak resident memory includes the whole process.

Compared with a plain loop in Python, in this process: the same work on a smaller log.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.benchmarks.claims import Claim, compare, compare_times
from ilora.data.candidates import draw_candidates, hash_candidates
from ilora.data.protocols import draw_candidate_sets, make_sequences
from ilora.data.sequences import sequence_keys

REPEATS = 3
ITEMS = 100_000
CANDIDATES, SEED = 20, 0
BOUNDS: dict[str, Any] = {"minimum_history": 3, "maximum_history": 10}


def measure() -> Iterator[Claim]:
    """Measure every claim on windows and candidate sets."""
    yield from measure_budgets("candidate_sets_1m", seconds=10.0, gigabytes=4.0)
    yield from measure_budgets("windows_10m", seconds=30.0, gigabytes=4.0)
    yield candidate_sets_against_loop()
    yield windows_against_loop()


@dataclass(frozen=True)
class Usage:
    """Resources of one run: seconds, and peak resident memory in units of 10^9 bytes."""

    seconds: float
    gigabytes: float


def made_up_log(users: int, items_per_user: int, items: int) -> pa.Table:
    """Return a log of schema `INTERACTIONS` with the same number of distinct items per user, in random order."""
    generator = np.random.default_rng(SEED)
    first = generator.integers(items, size=(users, 1))
    gaps = generator.integers(1, items // items_per_user, size=(users, items_per_user))
    item_ids = ((first + gaps.cumsum(axis=1)) % items).astype(np.int32)
    item_ids = generator.permuted(item_ids, axis=1).ravel()
    user_ids = np.repeat(np.arange(users, dtype=np.int32), items_per_user)
    columns = {
        "user_id": user_ids,
        "item_id": item_ids,
        "timestamp": np.arange(len(user_ids)),
        "raw_user_id": pc.cast(pa.array(user_ids), pa.string()),
        "raw_item_id": pc.cast(pa.array(item_ids), pa.string()),
    }
    return pa.table(columns, schema=INTERACTIONS)


def windows_10m(folder: Path) -> None:
    """Cut the windows of 10 million interactions: 100,000 users with 100 of 100,000 items each."""
    interactions = read_table(folder / "interactions.parquet", INTERACTIONS)
    sequences = make_sequences(interactions, "chronological", split_seed=SEED, **BOUNDS)
    write_table(sequences, folder / "sequences.parquet")


def candidate_sets_1m(folder: Path) -> None:
    """Draw a candidate set for each of 1 million sequences, of 500,000 users with 20 of 100,000 items each."""
    interactions = read_table(folder / "interactions.parquet", INTERACTIONS)
    sequences = read_table(folder / "sequences.parquet", SEQUENCES)
    table = draw_candidate_sets(
        sequences, interactions, "chronological", number_of_items=ITEMS, size=CANDIDATES, draws=1, seed=SEED
    )
    write_table(table, folder / "candidates.parquet")


TASKS: dict[str, tuple[Callable[[Path], None], tuple[int, int, int]]] = {
    "windows_10m": (windows_10m, (100_000, 100, ITEMS)),
    "candidate_sets_1m": (candidate_sets_1m, (500_000, 20, ITEMS)),
}


def run_task(name: str, folder: Path) -> Usage:
    """Run a task in this process, which must do nothing else."""
    task, _ = TASKS[name]
    started = time.perf_counter()
    task(folder)
    seconds = time.perf_counter() - started
    return Usage(seconds, peak_gigabytes())


def peak_gigabytes() -> float:
    """Return the peak resident memory of this process.

    It is read from /proc on Linux, since `getrusage` includes the parent process.
    """
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024 / 1e9


def measure_budgets(name: str, seconds: float, gigabytes: float) -> list[Claim]:
    """Measure a task against its budgets of time and memory."""
    with tempfile.TemporaryDirectory() as temporary:
        _write_inputs(name, Path(temporary))
        used = [_run_apart(name, Path(temporary)) for _ in range(REPEATS)]
    times, peaks = iter([usage.seconds for usage in used]), iter([usage.gigabytes for usage in used])
    return [
        compare(name, times.__next__, lambda: seconds, unit="s", target=1.0, repeats=REPEATS),
        compare(f"{name}_peak_memory", peaks.__next__, lambda: gigabytes, unit="GB", target=1.0, repeats=REPEATS),
    ]


def candidate_sets_against_loop() -> Claim:
    """Time the candidate sets of 100,000 sequences against `draw_candidates` in a loop."""
    interactions = made_up_log(50_000, 20, ITEMS)
    sequences = make_sequences(interactions, "chronological", split_seed=SEED, **BOUNDS)
    evaluated = sequences.filter(pc.not_equal(sequences["split"], "train"))

    def draw_one_by_one() -> None:
        histories, targets = evaluated["history"].to_pylist(), evaluated["target"].to_pylist()
        keys = sequence_keys(evaluated)
        for key, history, target in zip(keys, histories, targets, strict=True):
            drawn = draw_candidates(key, 0, history, target, number_of_items=ITEMS, size=CANDIDATES, seed=SEED)
            hash_candidates(key, 0, drawn)

    def draw_together() -> None:
        draw_candidate_sets(
            sequences, interactions, "random_users", number_of_items=ITEMS, size=CANDIDATES, draws=1, seed=SEED
        )

    return compare_times("candidate_sets_vs_loop", draw_together, draw_one_by_one, target=0.5, repeats=6, warm_up=1)


def windows_against_loop() -> Claim:
    """Time the windows of 1 million interactions against a loop over the users' lists of items."""
    interactions = made_up_log(10_000, 100, ITEMS)

    def cut_together() -> None:
        make_sequences(interactions, "chronological", split_seed=SEED, **BOUNDS)

    return compare_times(
        "windows_vs_loop", cut_together, lambda: _windows_one_by_one(interactions), target=0.25, repeats=6, warm_up=1
    )


def _write_inputs(name: str, folder: Path) -> None:
    _, shape = TASKS[name]
    interactions = made_up_log(*shape)
    write_table(interactions, folder / "interactions.parquet")
    sequences = make_sequences(interactions, "chronological", split_seed=SEED, **BOUNDS)
    write_table(sequences.filter(pc.not_equal(sequences["split"], "train")), folder / "sequences.parquet")


def _run_apart(name: str, folder: Path) -> Usage:
    command = [sys.executable, "-m", "ilora.benchmarks.sequences", name, str(folder)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Usage(**json.loads(answer.stdout))


def _windows_one_by_one(interactions: pa.Table) -> list[tuple[list[int], int]]:
    """Cut the windows of `make_sequences` in a loop over the rows."""
    items_of: dict[int, list[int]] = {}
    for user, item in zip(interactions["user_id"].to_pylist(), interactions["item_id"].to_pylist(), strict=True):
        items_of.setdefault(user, []).append(item)
    shortest, longest = BOUNDS["minimum_history"], BOUNDS["maximum_history"]
    return [
        (items[max(0, end - longest) : end], items[end])
        for items in items_of.values()
        for end in range(shortest, len(items))
    ]


if __name__ == "__main__":
    print(json.dumps(asdict(run_task(sys.argv[1], Path(sys.argv[2])))))
