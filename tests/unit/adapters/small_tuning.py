"""Fine-tunings of seconds: settings, from which tests take theirs by `dataclasses.replace`, and what is left of one."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import torch

from ilora.artifacts.tensors import read_tensors
from ilora.llm.model.adapter import AdapterSettings
from ilora.llm.training.fine_tuning import FineTuningSettings
from ilora.llm.training.tuning_job import TuningJob

SMALL_TUNING = FineTuningSettings(
    seed=1,
    steps=6,
    batch_size=2,
    gradient_accumulation=1,
    length_grouped=False,
    warmup_fraction=0.0,
    learning_rate=0.01,
    projector_learning_rate=0.01,
    gate_learning_rate=0.01,
    curriculum=False,
    precision="float32",
    snapshots=(),
    log_every=10,
    validation_every=None,
    patience=None,
)

#: Instance-wise; with ``experts=None`` it is uniform.
SMALL_ADAPTER = AdapterSettings(
    rank=4,
    alpha=8.0,
    dropout=0.0,
    target_modules=("q_proj", "v_proj"),
    experts=2,
    gate="linear",
    active_experts=None,
    guidance="sequence_representation",
    scale="per_expert_rank",
    item_vectors="raw",
)


def with_finetuning(job: TuningJob, folder: str, **values: object) -> TuningJob:
    """Give a job with other values of `finetuning`, in a folder of its own."""
    changed = replace(job.settings, finetuning={**job.settings.finetuning, **values})
    return replace(job, folder=f"{job.folder}-{folder}", settings=changed)


def losses(job: TuningJob) -> list[float]:
    """Give the losses that a finished job logged."""
    return [float(loss) for loss in pq.read_table(job.training_log)["loss"].to_pylist()]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Give every tensor of an adapter."""
    return {
        f"{path.name}:{name}": tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in read_tensors(path).items()
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Give the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
