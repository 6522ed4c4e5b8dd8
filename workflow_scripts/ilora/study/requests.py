"""What a job asks for: memory and time that grow with each attempt, and GPUs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.sections.resources import ResourcesSection

#: Memory (megabytes) and time (minutes) of a first attempt at most jobs.
USUAL_MEGABYTES, USUAL_MINUTES = 2000, 10

#: Memory of a job that holds the embedded backbone, or a large one of which there is no plan.
EMBEDDED_MEGABYTES, LARGE_MEGABYTES = 2500, 64_000

#: What a plan counts as held by a process, in bytes: see `ilora.llm.training.memory_estimate.StepCost`.
HELD = ("frozen", "trained", "gradients", "optimizer", "activations")

#: Of a plan, what is asked for; and megabytes of a process beside it: Python, libraries, data, what CUDA keeps there.
MARGIN, BESIDE_MEGABYTES = 1.25, 3000

Growing = Callable[[Mapping[str, str], int], int]
PlanOf = Callable[[Mapping[str, str]], Sequence[str]]
"""Gives the plan of a job's fine-tuning, from its wildcards; nothing for the embedded backbone."""


@dataclass(frozen=True)
class Requests:
    """What the rules of a study ask for.

    Attributes:
        limits: what no job may exceed.
        backbone: of the study.
    """

    limits: ResourcesSection
    backbone: BackboneSection

    def memory(self, first_attempt: int) -> Growing:
        """Return a `mem_mb` that grows with the attempt, up to what the study allows."""
        return _growing(first_attempt, self.limits.maximum_megabytes)

    def minutes(self, first_attempt: int) -> Growing:
        """Return a `runtime` that grows with the attempt, up to what the study allows."""
        return _growing(first_attempt, self.limits.maximum_minutes)

    @property
    def usual(self) -> dict[str, Growing]:
        """What a rule asks for that names nothing else."""
        return {"mem_mb": self.memory(USUAL_MEGABYTES), "runtime": self.minutes(USUAL_MINUTES)}

    @property
    def threads(self) -> int:
        """Threads of the language model: a constant, since the order of sums, and so every number, depends on them."""
        return 1 if self.backbone.is_embedded else 4

    @property
    def inference(self) -> dict[str, Growing | int]:
        """What one process of the backbone asks for."""
        is_embedded = self.backbone.is_embedded
        return {
            "mem_mb": self.memory(EMBEDDED_MEGABYTES if is_embedded else LARGE_MEGABYTES),
            "runtime": self.minutes(30 if is_embedded else 480),
            "gpu": self.gpus(self.backbone),
        }

    def answering(self, plan: PlanOf) -> dict[str, Growing | int]:
        """Return what answering with a tuned adapter asks for: no more than a step of its fine-tuning held."""
        return {**self.inference, "mem_mb": self._planned_memory(plan, processes=1)}

    def fine_tuning(self, plan: PlanOf) -> dict[str, Growing | int | str]:
        """Return what a fine-tuning asks for."""
        backbone = self.backbone
        return {
            **self._fine_tuning_gpus(),
            "mem_mb": self._planned_memory(plan, backbone.processes),
            "runtime": self.minutes(60 if backbone.is_embedded else 1440),
        }

    def _planned_memory(self, plan: PlanOf, processes: int) -> Growing:
        """Return a `mem_mb` for the processes of a node: what the plan says, once it is made."""

        def amount(wildcards: Mapping[str, str], attempt: int) -> int:
            return self.memory(self._megabytes(plan(wildcards), processes))(wildcards, attempt)

        return amount

    def _megabytes(self, plan: Sequence[str], processes: int) -> int:
        if self.backbone.is_embedded:
            return EMBEDDED_MEGABYTES
        if self.backbone.sharded:
            # A plan counts a process's share of the weights, and each reads all of them to take its own.
            return LARGE_MEGABYTES * processes
        held = held_bytes(plan)
        if held is None:
            return LARGE_MEGABYTES
        return (round(MARGIN * held / 1e6) + BESIDE_MEGABYTES) * processes

    def gpus(self, model: BackboneSection) -> int:
        """Return how many GPUs a job with one process of a model asks for: one, unless it or the study needs none."""
        return 0 if model.is_embedded else min(1, self.backbone.gpus)

    def _fine_tuning_gpus(self) -> dict[str, int | str]:
        """On several nodes, the job itself starts a process for each GPU."""
        backbone = self.backbone
        count = 0 if backbone.is_embedded else backbone.gpus
        # Without tasks_per_gpu, Slurm would be asked for a task on each GPU, and a job has one.
        if backbone.nodes > 1:
            # As many on each node, which `gpu`, their sum over the nodes, would not say.
            total = count * backbone.nodes
            return {"gres": f"gpu:{count}", "tasks_per_gpu": 0, "nodes": backbone.nodes, "tasks": total, "mpi": "srun"}
        return {"gpu": count, "tasks_per_gpu": 0, "nodes": 1} if count > 1 else {"gpu": count}


def held_bytes(plan: Sequence[str]) -> int | None:
    """Return the bytes that a process holds by its plan; None while there is none that can be read.

    Args:
        plan: the file, if there is to be one.
    """
    try:
        cost = json.loads(Path(plan[0]).read_text(encoding="utf-8"))["longest"] if plan else None
        return None if cost is None else sum(cost[name] for name in HELD)
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _growing(first_attempt: int, limit: int) -> Growing:
    # Snakemake gives arguments by these names.
    def amount(wildcards: Mapping[str, str], attempt: int) -> int:
        return min(first_attempt * attempt, limit)

    return amount
