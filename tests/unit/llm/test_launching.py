"""A fine-tuning on two processes (gloo, CPU): the same as on one, and the same after a kill."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import torch

from ilora.artifacts.tensors import read_tensors
from ilora.llm.launching import tune
from ilora.llm.tuning_job import TuningJob, write_job

TUNE = """
import sys
from pathlib import Path
from ilora.llm.launching import tune
from ilora.llm.tuning_job import read_job
if __name__ == "__main__":
    tune(read_job(Path(sys.argv[1])), processes=int(sys.argv[2]))
"""


def of(job: TuningJob, folder: str, **values: object) -> TuningJob:
    Path(job.log).touch()
    changed = replace(job.settings, finetuning={**job.settings.finetuning, **values})
    return replace(job, folder=f"{job.folder}-{folder}", settings=changed)


def start(job: TuningJob, processes: int, folder: Path) -> subprocess.Popen[bytes]:
    """Tune in a process of its own, which can be killed."""
    script, file = folder / "tune.py", folder / "job.json"
    script.write_text(TUNE, encoding="utf-8")
    write_job(job, file)
    paths = {"PYTHONPATH": str(Path(__file__).parents[3] / "workflow_scripts"), "PATH": "", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(script), str(file), str(processes)], env=paths)


def kill_whole(process: subprocess.Popen[bytes]) -> None:
    for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        child.kill()
    process.wait()


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{path.name}:{name}": tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in read_tensors(path).items()
    }


def losses(job: TuningJob) -> list[float]:
    return [float(loss) for loss in pq.read_table(job.training_log)["loss"].to_pylist()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.timeout(300)
def test_two_processes_are_as_one_and_survive_kill_and_signal(job: TuningJob, tmp_path: Path) -> None:
    values = {"checkpoint_every": 5, "steps": 30, "curriculum": True, "snapshots": [3], "log_every": 1}
    one, two = of(job, "one", **values), of(job, "two", **values)
    tune(one)
    tune(two, processes=2)
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    expected, found = tensors(one.adapter), tensors(two.adapter)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5)

    divided = replace(of(job, "divided", **values, gradient_checkpointing=True), sharded=True)
    tune(divided, processes=2)
    assert losses(divided) == losses(two)
    assert all(torch.equal(tensor, found[name]) for name, tensor in tensors(divided.adapter).items())

    disturbed = of(job, "disturbed", **values)
    seed = int(time.time())
    wanted = random.Random(seed).choice([5, 10, 15, 20])
    print(f"seed {seed}: SIGKILL after step {wanted}")
    process = start(disturbed, 2, tmp_path)
    await_file(Path(disturbed.folder) / f"checkpoint-{wanted}" / "complete", process)
    kill_whole(process)
    assert not disturbed.adapter.exists()
    process = start(disturbed, 2, tmp_path)
    await_file(Path(disturbed.folder) / f"checkpoint-{wanted + 5}", process)
    process.send_signal(signal.SIGTERM)
    interrupted = process.wait()
    print(f"SIGTERM after step {wanted + 5}: status {interrupted}")
    assert interrupted or disturbed.adapter.exists()
    tune(disturbed, processes=2)
    assert files(disturbed.adapter) == files(two.adapter)
    assert files(disturbed.snapshot(3)) == files(two.snapshot(3))
    assert disturbed.training_log.read_bytes() == two.training_log.read_bytes()


def await_file(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.005)
