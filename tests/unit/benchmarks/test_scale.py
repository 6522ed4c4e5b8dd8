"""`ilora bench scale` in miniature: what is measured is what it says; never how fast it is."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ilora.adapters.gating import lora_layers
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES, METRICS, SEQUENCES
from ilora.benchmarks.adaptations import EXPERTS, WIDTH, instance_wise
from ilora.benchmarks.scale import preparation
from ilora.benchmarks.scale.__main__ import main
from ilora.benchmarks.scale.candidate_drawing import measure_candidates
from ilora.benchmarks.scale.different_users import measure_adaptations
from ilora.benchmarks.scale.large_model import (
    adapter_weights,
    layer_weights,
    measure_large_model,
    operations_of,
    stored_bytes,
)
from ilora.benchmarks.scale.load import seconds_under_load
from ilora.benchmarks.scale.new_users import measure_new_users
from ilora.benchmarks.scale.number_of_users import measure_users
from ilora.benchmarks.scale.report import Part, show_part
from ilora.benchmarks.scale.representation_table import read_table as read_representations
from ilora.benchmarks.scale.representation_table import write_random_table
from ilora.benchmarks.scale.rounds import Times, time_in_rounds
from ilora.benchmarks.scale.server import CPU, Server, adapter_bytes, random_prompts
from ilora.benchmarks.scale.sizes import FULL, MINIATURE
from ilora.benchmarks.sequences import made_up_log
from ilora.benchmarks.workloads import LLAMA_2_7B_GPU, SMOLLM2_135M, random_llama

SERVED = MINIATURE.served[0]


def only_table(part: Part) -> list[dict[str, object]]:
    (rows,) = part.tables.values()
    return [dict(row) for row in rows]


def test_every_round_calls_all_and_the_first_does_not_count() -> None:
    calls: list[str] = []

    def ticking() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += len(calls)

    clock = ticking()
    runs = {name: (lambda name=name: calls.append(name)) for name in ("a", "b")}
    times = time_in_rounds(runs, rounds=3, calls=2, clock=lambda: next(clock))
    assert sorted(calls) == ["a"] * 8 + ["b"] * 8
    assert all(set(calls[start : start + 4]) == {"a", "b"} for start in range(0, 16, 4))
    assert {name: each.seconds.shape for name, each in times.items()} == {"a": (3, 2), "b": (3, 2)}
    assert min(each.seconds.min() for each in times.values()) > 4


def test_a_comparison_is_of_the_rounds_medians() -> None:
    slow, fast = Times(np.array([[2.0, 2.0, 90.0], [6.0, 6.0, 6.0]])), Times(np.array([[1.0] * 3, [3.0] * 3]))
    claim = slow.claim("claim", fast, target=1.5, hardware="a machine")
    assert (claim.ours, claim.reference, claim.repeats) == (4.0, 2.0, 2)
    assert claim.ratio_low == claim.ratio == claim.ratio_high == 2.0


def test_cells_are_rounded_and_what_was_not_measured_is_a_dash() -> None:
    shown = show_part(Part({"Title": [{"name": "x", "users": 1_000_000, "MB": 13720.4, "ms": 0.012345, "s": None}]}))
    assert "### Title" in shown and "| x | 1,000,000 | 13,720 | 0.01235 | - |" in shown


def test_a_table_is_read_from_its_file(tmp_path: Path) -> None:
    write_random_table(tmp_path / "z.safetensors", 30, 4, seed=1)
    table = read_representations(tmp_path / "z.safetensors")
    assert table.shape == (30, 4) and table.nbytes == 30 * 4 * 4
    expected = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(table[[29, 3]], expected[[29, 3]], rtol=0, atol=0)


def test_a_batch_of_different_users_gets_the_answers_of_single_requests() -> None:
    model = instance_wise(random_llama(SERVED.workload, CPU, torch.float32)).eval()
    with torch.no_grad():
        model.gate.get_parameter("projection.weight").normal_()
    server = Server(model, torch.randn(20, WIDTH, generator=torch.Generator().manual_seed(0)))
    prompts = random_prompts(SERVED.workload, 3)
    users = torch.tensor([4, 19, 0])
    together = server.answer(users, prompts)
    for row, user in enumerate(users):
        alone = server.answer(user[None], {**prompts, "inputs_embeds": prompts["inputs_embeds"][row : row + 1]})
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-5)
    swapped = server.answer(users.flip(0), prompts)
    assert not torch.allclose(swapped[0], together[0], atol=1e-4)


def test_under_load_every_client_asks_for_its_users() -> None:
    asked: list[int] = []
    threads = torch.get_num_threads()
    users = np.arange(6).reshape(3, 2)
    seconds, elapsed = seconds_under_load(asked.append, users)
    assert sorted(asked) == list(range(6)) and seconds.shape == (3, 2)
    assert 0 < seconds.max() <= elapsed
    assert torch.get_num_threads() == threads


def test_an_error_of_a_client_is_raised() -> None:
    def fail(user: int) -> None:
        raise LookupError(user)

    with pytest.raises(LookupError):
        seconds_under_load(fail, np.zeros((2, 1), dtype=np.int64))


def test_serving_has_a_row_for_each_number_of_users_and_memory_that_only_the_table_adds(tmp_path: Path) -> None:
    model = instance_wise(random_llama(SERVED.workload, CPU, torch.float32)).eval()
    part = measure_users(SERVED, model, MINIATURE, tmp_path)
    rows = only_table(part)
    assert [row["users"] for row in rows] == list(MINIATURE.users)
    assert {row["per user (bytes)"] for row in rows} == {4 * WIDTH}
    assert len({row["gate, memory (bytes)"] for row in rows}) == 1
    claims = {claim.claim: claim for claim in part.claims}
    assert claims["z_table_of_40_users"].ratio == claims["gate_memory_40_vs_20_users_embedded"].ratio == 1.0
    flat = [claim for name, claim in claims.items() if name.startswith(("gate_time", "lookup_and_gate_time"))]
    assert len(flat) == 4 and {claim.target for claim in flat} == {1.05}
    assert "| users | z table (MB) |" in show_part(part)


def test_adaptations_store_what_the_formulas_say() -> None:
    rows = {str(row["adaptation"]): row for row in only_table(measure_adaptations(SERVED, (10, 1000)))}
    one = adapter_weights(SERVED.workload) * 4 / 1e6
    held = {name: row["their size, measured (MB)"] for name, row in rows.items()}
    assert held == pytest.approx(
        {"no adapter": 0, "LoRA": one, "iLoRA": one, "LoRA per cluster": 2 * one, "LoRA per user": 3 * one}
    )
    of_many = "stored for 1,000 users (MB)"
    assert rows["LoRA per user"][of_many] == pytest.approx(1000 * one)
    assert rows["iLoRA"][of_many] == pytest.approx(one + (1000 + EXPERTS + 2) * WIDTH * 4 / 1e6)


def test_the_weights_on_paper_are_those_of_the_models() -> None:
    model = instance_wise(random_llama(SERVED.workload, CPU, torch.float32))
    assert adapter_bytes(model) == 4 * adapter_weights(SERVED.workload)
    with torch.device("meta"):
        for workload in (SERVED.workload, SMOLLM2_135M, LLAMA_2_7B_GPU):
            meta = random_llama(workload, torch.device("meta"), torch.float32)
            linear = [module for module in meta.model.layers.modules() if isinstance(module, torch.nn.Linear)]
            assert layer_weights(workload) == sum(module.weight.numel() for module in linear)
    assert len(lora_layers(model, "default")) == 7


def test_llama_2_7b_on_paper() -> None:
    operations = operations_of(LLAMA_2_7B_GPU)
    assert operations.backbone == 2 * 6_476_005_376 * 400 + 4 * 32 * 4096 * 400**2
    assert operations.gate == 2 * 4 * 64 + 400 * 8 * 224
    assert stored_bytes(LLAMA_2_7B_GPU, 10**6) == 2 * 19_988_480 + 4 * 64 * (10**6 + 6)
    memory, requests = measure_large_model({"tiny": SERVED.workload}, users=(1000,), rounds=2).tables.values()
    assert memory[0]["one LoRA per user (GB)"] == pytest.approx(1000 * 2 * 19_988_480 / 1e9)
    (request,) = requests
    assert isinstance(request["rate (GFLOP/s)"], float)
    assert request["one request (s)"] == pytest.approx(operations.total / request["rate (GFLOP/s)"] / 1e9)


def test_new_users_are_computed_and_looked_up_one_and_many() -> None:
    rows = only_table(measure_new_users(MINIATURE, batch=3))
    assert [(row["z is"], row["users in the batch"]) for row in rows] == [
        ("computed", 1),
        ("looked up", 1),
        ("computed", 3),
        ("looked up", 3),
    ]


def test_candidates_are_compared_with_numpy_and_parquet(tmp_path: Path) -> None:
    drawn, written = measure_candidates(MINIATURE, tmp_path).claims
    assert drawn.claim == "candidate_sets_80_drawn_vs_numpy_and_parquet" and drawn.target == 3.0
    assert written.claim == "candidate_sets_80_drawn_and_written_vs_numpy_and_parquet"
    assert read_table(tmp_path / "ours.parquet", CANDIDATES).equals(
        read_table(tmp_path / "reference.parquet", CANDIDATES)
    )


def test_the_stages_make_what_they_say(tmp_path: Path) -> None:
    log = MINIATURE.log
    interactions = made_up_log(log.users, log.items_per_user, log.items)
    write_table(interactions, tmp_path / "interactions.parquet")
    used = {stage: preparation.run_stage(stage, tmp_path, MINIATURE) for stage in preparation.STAGES}
    assert read_table(tmp_path / "sequences.parquet", SEQUENCES).num_rows == 40 * (8 - 3)
    assert read_table(tmp_path / "candidates.parquet", CANDIDATES).num_rows == 40 * 2
    assert read_table(tmp_path / "metrics.parquet", METRICS).num_rows > 0
    assert used["train_recommender"].work.startswith("120 sequences read; ")
    assert used["train_recommender"].extrapolated.startswith("an epoch of 1 steps")
    assert all(usage.seconds > 0 and usage.gigabytes > 0.01 for usage in used.values())


@pytest.mark.slow
def test_the_whole_in_miniature(tmp_path: Path) -> None:
    assert main(["--miniature", "--folder", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "scale.json").read_text())
    assert list(report["parts"]) == [
        "users, embedded",
        "adaptations, embedded",
        "cold",
        "large_model",
        "candidates",
        "preparation",
    ]
    assert "Serving by the number of users" in (tmp_path / "scale.md").read_text()


def test_unknown_parts_and_backbones_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["warm"])
    assert (
        "found part warm, expected users, adaptations, cold, large_model, candidates, preparation"
        in capsys.readouterr().err
    )
    with pytest.raises(SystemExit, match="2"):
        main(["--backbone", str(tmp_path)])
    assert "found no config.json" in capsys.readouterr().err


def test_the_sizes_are_those_that_the_page_names() -> None:
    assert FULL.users == (1_000, 10_000, 100_000, 1_000_000) and FULL.threads == 8
    assert FULL.log.users * FULL.log.items_per_user == 10_000_000
    assert FULL.candidate_log.users * 2 == 1_000_000 and FULL.candidate_log.items == 100_000
    assert max(FULL.users) * WIDTH * 4 <= 256e6
