"""Checks that a short fine-tuning on this device matches one on the processor, and one that was killed and resumed.

Both references run in separate processes: one has no visible GPU, the other kills itself midway.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import torch

from ilora.artifacts.tensors import read_tensors
from ilora.benchmarks.gpu.child_process import child_process
from ilora.benchmarks.gpu.report import Check
from ilora.benchmarks.gpu.small_study import in_folder
from ilora.llm.training.checkpoints import Checkpointing
from ilora.llm.training.fine_tuning import fine_tune
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning, read_job, run_tuning, write_job

#: Adam normalises by the gradient's magnitude, so rounding errors of small gradients have a large effect on weights.
_ALLOWED_LOSS, _ALLOWED_WEIGHT = 2e-3, 2e-2


def measure(job: TuningJob, device: torch.device) -> Iterator[Check]:
    """Compare an uninterrupted fine-tuning with one on the processor, and with one that was killed and resumed.

    Args:
        job: fine-tuning in float32, with a snapshot at the step at which it is killed, and an earlier checkpoint.
        device: device of the other fine-tunings.
    """
    on_processor, killed, undisturbed = (in_folder(job, name) for name in ("processor", "killed", "undisturbed"))
    for each in (on_processor, killed):
        write_job(each, _file(each))
    with (
        child_process(__name__, ["whole", str(_file(on_processor))], {"CUDA_VISIBLE_DEVICES": ""}) as whole,
        child_process(__name__, ["killed", str(_file(killed))]) as ended,
    ):
        run_tuning(undisturbed)
        statuses = [process.wait() for process in (whole, ended)]
    if statuses != [0, -signal.SIGKILL]:
        raise RuntimeError(
            f"found exit statuses {statuses} of the fine-tunings in separate processes, expected 0 and -9 (killed)"
        )
    kept = sum(1 for _ in Path(killed.folder).glob("checkpoint-*"))
    yield Check("killed: checkpoints that are missing", 0 if kept else 1, 0, "checkpoints")
    run_tuning(killed)
    resumed = f"killed and resumed on {device.type}"
    for name, other, loss, weight in (
        (f"tuned on {device.type} and on the processor", on_processor, _ALLOWED_LOSS, _ALLOWED_WEIGHT),
        (resumed, killed, _ALLOWED_LOSS, _ALLOWED_WEIGHT),
    ):
        yield Check(f"{name}: losses", _loss_deviation(undisturbed, other), loss, "of the loss")
        yield Check(f"{name}: weights", _weight_deviation(undisturbed, other), weight, "of the norm of its tensor")


def _file(job: TuningJob) -> Path:
    return Path(f"{job.folder}.json")


def _loss_deviation(one: TuningJob, other: TuningJob) -> float:
    losses = [pq.read_table(job.training_log)["loss"].to_numpy() for job in (one, other)]
    return float(max(abs(losses[1] - losses[0]) / abs(losses[0])))


def _weight_deviation(one: TuningJob, other: TuningJob) -> float:
    """Return the largest deviation among the tensors of the adapters, relative to the norm of the tensor."""
    found = read_tensors(one.adapter / "adapter_model.safetensors")
    expected = read_tensors(other.adapter / "adapter_model.safetensors")
    return max(
        float((found[name].double() - tensor.double()).norm() / tensor.double().norm().clamp_min(1e-12))
        for name, tensor in expected.items()
        if tensor.is_floating_point()
    )


def main(arguments: list[str]) -> None:
    """Run the job in a file, either completely or until its first snapshot, where this process kills itself."""
    how, file = arguments
    job = read_job(Path(file))
    torch.set_num_threads(job.threads)
    if how == "whole":
        run_tuning(job)
        return
    model, examples = prepare_tuning(job)
    checkpointing = Checkpointing(Path(job.folder), job.settings.finetuning.checkpoint_every)
    fine_tune(model, examples, lambda step: os.kill(os.getpid(), signal.SIGKILL), checkpointing)


if __name__ == "__main__":
    main(sys.argv[1:])
