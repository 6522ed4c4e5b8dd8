"""Resource requests of jobs grow with each attempt, up to the study's limits."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.sections.resources import ResourcesSection
from ilora.llm.training.memory_estimate import StepCost
from ilora.study.requests import HELD, Requests

LARGE = "meta-llama/Llama-2-7b-hf"


def requests(**backbone: Any) -> Requests:
    limits = ResourcesSection(maximum_minutes=1000, maximum_megabytes=100_000)
    return Requests(limits, BackboneSection(**backbone))


def amounts(asked: dict[str, Any], attempt: int) -> dict[str, Any]:
    return {name: value({}, attempt) if callable(value) else value for name, value in asked.items()}


def no_plan(wildcards: Any) -> list[str]:
    return []


def test_requests_grow_up_to_the_limit() -> None:
    usual = requests().usual
    assert [amounts(usual, attempt) for attempt in (1, 2)] == [
        {"mem_mb": 2000, "runtime": 10},
        {"mem_mb": 4000, "runtime": 20},
    ]
    inference = requests(name=LARGE).inference
    assert amounts(inference, 1) == {"mem_mb": 64_000, "runtime": 480, "gpu": 1}
    assert amounts(inference, 3) == {"mem_mb": 100_000, "runtime": 1000, "gpu": 1}


def test_the_embedded_backbone_asks_for_no_gpu() -> None:
    assert amounts(requests(gpus=4).inference, 1)["gpu"] == 0
    assert amounts(requests(gpus=4).fine_tuning(no_plan), 1) == {"gpu": 0, "mem_mb": 2500, "runtime": 60}
    assert (requests().threads, requests(name=LARGE).threads) == (1, 4)


@pytest.mark.parametrize(
    ("backbone", "gpus"),
    [
        ({"gpus": 0}, {"gpu": 0}),
        ({"gpus": 1}, {"gpu": 1}),
        ({"gpus": 2}, {"gpu": 2, "tasks_per_gpu": 0, "nodes": 1}),
        # The sum of all nodes' GPUs could be spread unevenly.
        ({"gpus": 2, "nodes": 2}, {"gres": "gpu:2", "tasks_per_gpu": 0, "nodes": 2, "tasks": 4, "mpi": "srun"}),
    ],
)
def test_a_fine_tuning_asks_for_all_its_gpus(backbone: dict[str, int], gpus: dict[str, Any]) -> None:
    asked = amounts(requests(name=LARGE, **backbone).fine_tuning(no_plan), 1)
    assert asked == {**gpus, "mem_mb": 64_000, "runtime": 1000}


def test_weights_that_are_divided_are_read_by_each_process() -> None:
    limits = ResourcesSection(maximum_megabytes=1_000_000)
    backbone = BackboneSection(name=LARGE, gpus=2, sharded=True)
    assert amounts(Requests(limits, backbone).fine_tuning(no_plan), 1)["mem_mb"] == 128_000


def test_a_job_asks_for_what_its_plan_says_with_a_margin(tmp_path: Path) -> None:
    """A plan of 4.4 GB, found by wildcards: its file is made after the job is planned, before it is submitted."""
    plan = tmp_path / "ilora.json"
    asked = requests(name=LARGE)
    both = (asked.fine_tuning(lambda wildcards: [str(plan)]), asked.answering(lambda wildcards: [str(plan)]))
    assert [amounts(of_job, 1)["mem_mb"] for of_job in both] == [64_000, 64_000]
    plan.write_text("", encoding="utf-8")
    assert [amounts(of_job, 1)["mem_mb"] for of_job in both] == [64_000, 64_000]
    cost = StepCost(538_000_000, 10_000_000, 10_000_000, 20_000_000, 3_822_000_000, operations=10**15)
    assert cost.bytes == 4_400_000_000
    plan.write_text(json.dumps({"dataset": "movielens", "longest": asdict(cost)}), encoding="utf-8")
    assert [amounts(of_job, 1)["mem_mb"] for of_job in both] == [8500, 8500]
    assert [amounts(of_job, 20)["mem_mb"] for of_job in both] == [100_000, 100_000]
    of_three = requests(name=LARGE, gpus=3).fine_tuning(lambda wildcards: [str(plan)])
    assert amounts(of_three, 1)["mem_mb"] == 3 * 8500
    divided = requests(name=LARGE, gpus=2, sharded=True)
    assert amounts(divided.fine_tuning(lambda wildcards: [str(plan)]), 1)["mem_mb"] == 100_000
    assert amounts(requests().fine_tuning(lambda wildcards: [str(plan)]), 1)["mem_mb"] == 2500


def test_what_a_plan_holds_is_all_that_it_counts_in_bytes() -> None:
    assert {field.name for field in fields(StepCost)} - set(HELD) == {"operations"}
