"""Resource requests of jobs: memory and time that grow with each attempt, and GPUs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.sections.resources import ResourcesSection

#: Memory (megabytes) and time (minutes) of a first attempt at most jobs.
USUAL_MEGABYTES, USUAL_MINUTES = 2000, 10

#: Memory of a job with the embedded backbone, or with a large one that has no plan.
EMBEDDED_MEGABYTES, LARGE_MEGABYTES = 2500, 64_000

#: Entries of a plan that a process holds in memory, in bytes; see `ilora.llm.training.memory_estimate.StepCost`.
HELD = ("frozen", "trained", "gradients", "optimizer", "activations")

#: Safety factor on a plan, and megabytes per process in addition to it: Python, libraries, data and CUDA's host memory.
MARGIN, BESIDE_MEGABYTES = 1.25, 3000

Growing = Callable[[Mapping[str, str], int], int]
PlanOf = Callable[[Mapping[str, str]], Sequence[str]]
"""Function from a job's wildcards to the plan of its fine-tuning; empty for the embedded backbone."""


@dataclass(frozen=True)
class Requests:
    """Resource requests of a study's rules.

    Attributes:
        limits: upper bounds for all jobs.
        backbone: backbone of the study.
    """

    limits: ResourcesSection
    backbone: BackboneSection

    def memory(self, first_attempt: int) -> Growing:
        """Return a `mem_mb` that grows with the attempt, up to the study's limit."""
        return _growing(first_attempt, self.limits.maximum_megabytes)

    def minutes(self, first_attempt: int) -> Growing:
        """Return a `runtime` that grows with the attempt, up to the study's limit."""
        return _growing(first_attempt, self.limits.maximum_minutes)

    @property
    def usual(self) -> dict[str, Growing]:
        """Default requests of a rule."""
        return {"mem_mb": self.memory(USUAL_MEGABYTES), "runtime": self.minutes(USUAL_MINUTES)}

    @property
    def threads(self) -> int:
        """Threads of the language model: a constant, because results depend on it through the order of summation."""
        return 1 if self.backbone.is_embedded else 4

    @property
    def inference(self) -> dict[str, Growing | int]:
        """Requests of one process with the backbone."""
        is_embedded = self.backbone.is_embedded
        return {
            "mem_mb": self.memory(EMBEDDED_MEGABYTES if is_embedded else LARGE_MEGABYTES),
            "runtime": self.minutes(30 if is_embedded else 480),
            "gpu": self.gpus(self.backbone),
        }

    def answering(self, plan: PlanOf) -> dict[str, Growing | int]:
        """Return the requests for answering with a tuned adapter: no more memory than a step of its fine-tuning."""
        return {**self.inference, "mem_mb": self._planned_memory(plan, processes=1)}

    def fine_tuning(self, plan: PlanOf) -> dict[str, Growing | int | str]:
        """Return the requests of a fine-tuning."""
        backbone = self.backbone
        return {
            **self._fine_tuning_gpus(),
            "mem_mb": self._planned_memory(plan, backbone.processes),
            "runtime": self.minutes(60 if backbone.is_embedded else 1440),
        }

    def _planned_memory(self, plan: PlanOf, processes: int) -> Growing:
        """Return a `mem_mb` for the processes of a node, from the plan once it exists."""

        def amount(wildcards: Mapping[str, str], attempt: int) -> int:
            return self.memory(self._megabytes(plan(wildcards), processes))(wildcards, attempt)

        return amount

    def _megabytes(self, plan: Sequence[str], processes: int) -> int:
        if self.backbone.is_embedded:
            return EMBEDDED_MEGABYTES
        if self.backbone.sharded:
            # A plan counts only a process's share of the weights, but each process reads all of them to take its share.
            return LARGE_MEGABYTES * processes
        held = held_bytes(plan)
        if held is None:
            return LARGE_MEGABYTES
        return (round(MARGIN * held / 1e6) + BESIDE_MEGABYTES) * processes

    def gpus(self, model: BackboneSection) -> int:
        """Return the GPUs of a job with one process of a model: one, unless the model or the study needs none."""
        return 0 if model.is_embedded else min(1, self.backbone.gpus)

    def _fine_tuning_gpus(self) -> dict[str, int | str]:
        """Return the GPU requests; on several nodes, the job itself starts one process per GPU."""
        backbone = self.backbone
        count = 0 if backbone.is_embedded else backbone.gpus
        # tasks_per_gpu is 0, or Slurm would start one task per GPU instead of one per job.
        if backbone.nodes > 1:
            # Requested per node, because `gpu` is the total over all nodes.
            total = count * backbone.nodes
            return {"gres": f"gpu:{count}", "tasks_per_gpu": 0, "nodes": backbone.nodes, "tasks": total, "mpi": "srun"}
        return {"gpu": count, "tasks_per_gpu": 0, "nodes": 1} if count > 1 else {"gpu": count}


def held_bytes(plan: Sequence[str]) -> int | None:
    """Return the bytes that a process holds according to its plan; None while there is no readable plan.

    Args:
        plan: the plan's file, if there is to be one.
    """
    try:
        cost = json.loads(Path(plan[0]).read_text(encoding="utf-8"))["longest"] if plan else None
        return None if cost is None else sum(cost[name] for name in HELD)
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _growing(first_attempt: int, limit: int) -> Growing:
    # Snakemake passes arguments by these names.
    def amount(wildcards: Mapping[str, str], attempt: int) -> int:
        return min(first_attempt * attempt, limit)

    return amount
