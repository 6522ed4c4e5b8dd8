"""Fine-tunings that take seconds: settings, which tests vary with `with_values`, and readers of the results."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import torch

from ilora.adapters.digests import DIGESTS
from ilora.artifacts.tensors import read_tensors
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sections.prompt import PromptSection
from ilora.configuration.tuning import AdapterShape, MethodKind, TuningSettings
from ilora.datasets.register import DATASETS
from ilora.llm.training.tuning_job import TuningJob
from ilora.methods.declaration import AdapterKind, PromptKind

#: Instance-wise, with hybrid prompts, but without a data set or backbone.
SMALL_TUNING = TuningSettings(
    dataset="movielens",
    method="ilora",
    kind=MethodKind(prompt="hybrid", adapter="instance_wise"),
    seed=1,
    backbone=BackboneSource(name="none"),
    finetuning=FinetuningValues(
        r=4,
        lora_alpha=8.0,
        target_modules=("q_proj", "v_proj"),
        experts=2,
        item_vectors="raw",
        steps=6,
        batch_size=2,
        warmup_fraction=0.0,
        learning_rate=0.01,
        projector_learning_rate=0.01,
        gate_learning_rate=0.01,
        snapshots=(),
    ),
    prompt=PromptSection(),
    wording=DATASETS["movielens"].wording,
    candidates=3,
    candidate_seed=0,
)


def with_values(settings: TuningSettings, **values: object) -> TuningSettings:
    """Return the settings with changed values of `finetuning`."""
    changed = FinetuningValues.read({**settings.finetuning.model_dump(mode="json"), **values})
    return settings.model_copy(update={"finetuning": changed})


def small_adapter(
    adapter: AdapterKind = "instance_wise", prompt: PromptKind = "hybrid", **values: object
) -> AdapterShape:
    """Return the shape of a small adapter, with the given values in place of those of `SMALL_TUNING`."""
    return AdapterShape(with_values(SMALL_TUNING, **values).finetuning, MethodKind(prompt=prompt, adapter=adapter))


def with_finetuning(job: TuningJob, folder: str, **values: object) -> TuningJob:
    """Return a job with changed values of `finetuning`, in its own folder."""
    return replace(job, folder=f"{job.folder}-{folder}", settings=with_values(job.settings, **values))


def losses(job: TuningJob) -> list[float]:
    """Return the losses that a finished job logged."""
    return [float(loss) for loss in pq.read_table(job.training_log)["loss"].to_pylist()]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of an adapter except the digests, which depend on settings and rounding."""
    return {
        f"{path.name}:{name}": tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in read_tensors(path).items()
        if not name.endswith(DIGESTS)
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
