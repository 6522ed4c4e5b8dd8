"""What a job asks for: memory and time that grow with each attempt, and GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.sections.resources import ResourcesSection

#: Memory (megabytes) and time (minutes) of a first attempt at most jobs.
USUAL_MEGABYTES, USUAL_MINUTES = 2000, 10

#: Memory of a job that holds the embedded backbone, or a large one.
EMBEDDED_MEGABYTES, LARGE_MEGABYTES = 2500, 64_000

Growing = Callable[[object, int], int]


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

    @property
    def fine_tuning(self) -> dict[str, Growing | int | str]:
        """What a fine-tuning asks for; weights that are to be divided are read by each process."""
        backbone = self.backbone
        megabytes = LARGE_MEGABYTES * (backbone.processes if backbone.sharded else 1)
        return {
            **self._fine_tuning_gpus(),
            "mem_mb": self.memory(EMBEDDED_MEGABYTES if backbone.is_embedded else megabytes),
            "runtime": self.minutes(60 if backbone.is_embedded else 1440),
        }

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


def _growing(first_attempt: int, limit: int) -> Growing:
    # Snakemake gives arguments by these names.
    def amount(wildcards: object, attempt: int) -> int:
        return min(first_attempt * attempt, limit)

    return amount
