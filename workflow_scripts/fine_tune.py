"""Fine-tune an adapter of a backbone: uniform or instance-wise LoRA, on hybrid or text-only prompts."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.configuration.tuning import TuningSettings
from ilora.llm.training.checkpoints import training_key
from ilora.llm.training.launching import tune
from ilora.llm.training.tuning_job import TuningJob
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

INPUTS = ("catalogue", "sequences", "item_embeddings", "representations", "projector")


def tuning_job(snakemake: "Snakemake", folder: Path) -> TuningJob:
    """Return the fine-tuning that the rule requests, with a folder for the training state."""
    return TuningJob(
        settings=TuningSettings.read(snakemake.params.tuning),
        inputs={name: snakemake.input[name] for name in INPUTS if snakemake.input.get(name)},
        threads=snakemake.threads,
        sharded=snakemake.params.sharded,
        folder=str(folder),
        log=snakemake.log[0],
    )


def publish(job: TuningJob, steps: Sequence[int], snakemake: "Snakemake") -> Path:
    """Move the results of the training to their outputs, and return the folder of the adapter."""
    adapter = Path(snakemake.output.weights).parent
    with atomic_path(snakemake.output.snapshots) as snapshots:
        snapshots.mkdir()
        for step in steps:
            shutil.copytree(job.snapshot(step), snapshots / f"step~{step}")
    with atomic_path(adapter) as folder:
        shutil.copytree(job.adapter, folder)
    with atomic_path(snakemake.output.log) as log:
        shutil.copy(job.training_log, log)
    return adapter


def main(snakemake: "Snakemake") -> None:
    """Write the adapter, its snapshots and the training log."""
    start_log(snakemake.log[0])
    # The plan is only for information: the adapter does not depend on it.
    files = [path for name, path in snakemake.input.items() if name != "plan"]
    provenance = provenance_of(snakemake, files)
    checkpoints = Path(snakemake.output.weights).parent.parent / "checkpoints"
    job = tuning_job(snakemake, checkpoints)
    key = training_key({"code": snakemake.params.code, **snakemake.params.tuning}, provenance.inputs.values())
    job = replace(job, folder=str(checkpoints / key))
    tune(job, **snakemake.params.processes)
    adapter = publish(job, job.settings.finetuning.snapshots, snakemake)
    artifacts = (adapter, snakemake.output.snapshots, snakemake.output.log)
    provenance.record(*artifacts, config=job.settings.model_dump(mode="json"))
    shutil.rmtree(checkpoints)


main(snakemake)
