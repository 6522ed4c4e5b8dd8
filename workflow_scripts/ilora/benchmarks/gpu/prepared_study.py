"""The jobs of the part ``pretrained`` with their files, from a prepared or an invented study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.benchmarks.gpu.invented_jobs import invented_jobs
from ilora.benchmarks.gpu.parcels import unpack
from ilora.benchmarks.gpu.parts import Bench
from ilora.benchmarks.gpu.rule_jobs import TUNING, RuleJob
from ilora.benchmarks.gpu.small_study import make_small_study
from ilora.configuration.tuning import TuningSettings
from ilora.llm.training.tuning_job import TuningJob

#: Names of the inputs of a fine-tuning.
_FILES = ("catalogue", "sequences", "item_embeddings", "representations", "projector")


@dataclass(frozen=True)
class PreparedStudy:
    """Jobs of a study, and the folder that their paths are relative to.

    Attributes:
        name: name of the study's file; "invented" for an invented study.
        root: the folder.
        jobs: fine-tuning jobs, followed by inference jobs.
    """

    name: str
    root: Path
    jobs: list[RuleJob]

    def tuning(self, method: str) -> TuningJob:
        """Return the fine-tuning of a method, with resolved paths."""
        (job,) = [job for job in self.jobs if job.script == TUNING and job.wildcards["method"] == method]
        settings = TuningSettings.read(job.params["tuning"])
        backbone = settings.backbone.model_copy(update={"name": self._whole(settings.backbone.name)})
        return TuningJob(
            settings=settings.model_copy(update={"backbone": backbone}),
            inputs={name: self._whole(job.input[name]) for name in _FILES if job.input.get(name)},
            threads=job.threads,
            sharded=False,
            folder=str(self.root / "measured" / method),
            log=str(self.root / "measured" / f"{method}.log"),
        )

    def _whole(self, path: str) -> str:
        place = self.root / path
        # If there is no such folder, it is the name of a model on the hub.
        return str(place) if place.exists() else path


@cache
def prepared_study(bench: Bench) -> PreparedStudy:
    """Unpack the prepared files once per process, or create an invented study if there are none.

    Raises:
        ArtifactError: a file differs from the prepared one.
    """
    if bench.prepared is None:
        root = bench.folder / "invented"
        return PreparedStudy("invented", root, invented_jobs(make_small_study(root, bench.sizes), root))
    root = bench.folder / "prepared"
    about = unpack(bench.prepared, root)
    for weights, origin in about["rebuilt"].items():
        _rebuild(root / weights, root / origin["gguf"], origin["sha256"])
    return PreparedStudy(about["study"], root, [RuleJob(**values) for values in about["jobs"]])


def _rebuild(weights: Path, gguf: Path, digest: str) -> None:
    """Repeat the workflow's conversion of a GGUF file into weights."""
    # Imported here, since nothing else needs the package gguf.
    contents = import_module("ilora.llm.gguf.contents").read_gguf(gguf)
    scratch = weights.parent.with_name(f"{weights.parent.name}.again")
    import_module("ilora.llm.gguf.conversion").convert_gguf(contents, scratch)
    found = sha256_of(scratch / weights.name)
    if found != digest:
        raise ArtifactError(
            f"{weights}: the conversion of {gguf.name} has sha256 {found}, expected {digest} as on the preparing "
            "machine. The versions of transformers or safetensors may differ too much: prepare with the versions here."
        )
    (scratch / weights.name).rename(weights)
