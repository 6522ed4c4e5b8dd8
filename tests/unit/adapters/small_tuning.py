"""Fine-tunings of seconds: settings, from which tests take theirs by `with_values`, and what is left of one."""

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

#: Instance-wise, of hybrid prompts, without any data set or backbone of its own.
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
    """Give settings with other values of `finetuning`."""
    changed = FinetuningValues.read({**settings.finetuning.model_dump(mode="json"), **values})
    return settings.model_copy(update={"finetuning": changed})


def small_adapter(
    adapter: AdapterKind = "instance_wise", prompt: PromptKind = "hybrid", **values: object
) -> AdapterShape:
    """Give the shape of a small adapter, with other values than `SMALL_TUNING` has where they are given."""
    return AdapterShape(with_values(SMALL_TUNING, **values).finetuning, MethodKind(prompt=prompt, adapter=adapter))


def with_finetuning(job: TuningJob, folder: str, **values: object) -> TuningJob:
    """Give a job with other values of `finetuning`, in a folder of its own."""
    return replace(job, folder=f"{job.folder}-{folder}", settings=with_values(job.settings, **values))


def losses(job: TuningJob) -> list[float]:
    """Give the losses that a finished job logged."""
    return [float(loss) for loss in pq.read_table(job.training_log)["loss"].to_pylist()]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Give every tensor of an adapter but the digests, which are others for other settings or bits."""
    return {
        f"{path.name}:{name}": tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in read_tensors(path).items()
        if not name.endswith(DIGESTS)
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Give the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
