"""A fine-tuning on two processes (gloo, CPU) has the same results as on one, and after a kill."""

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from ilora.artifacts.parquet import read_table
from ilora.llm.training.launching import tune
from ilora.llm.training.loop import LANGUAGE_MODEL_LOG
from ilora.llm.training.tuning_job import TuningJob, write_job
from small_tuning import contents, losses, tensors, with_finetuning

pytestmark = pytest.mark.slow

TUNE = """
import sys
from pathlib import Path
from ilora.llm.training.launching import tune
from ilora.llm.training.tuning_job import read_job
if __name__ == "__main__":
    tune(read_job(Path(sys.argv[1])), processes=int(sys.argv[2]))
"""


def start(job: TuningJob, processes: int, folder: Path) -> subprocess.Popen[bytes]:
    """Tune in a separate process, which can be killed."""
    script, file = folder / "tune.py", folder / "job.json"
    script.write_text(TUNE, encoding="utf-8")
    write_job(job, file)
    paths = {"PYTHONPATH": str(Path(__file__).parents[4] / "workflow_scripts"), "PATH": "", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(script), str(file), str(processes)], env=paths)


def kill_whole(process: subprocess.Popen[bytes]) -> None:
    for member in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


@pytest.mark.timeout(900)
def test_two_processes_are_as_one_and_survive_kill_and_signal(job: TuningJob, tmp_path: Path) -> None:
    Path(job.log).touch()
    values = {"checkpoint_every": 5, "steps": 30, "curriculum": True, "snapshots": [3], "log_every": 1}
    one, two = with_finetuning(job, "one", **values), with_finetuning(job, "two", **values)
    tune(one)
    tune(two, processes=2)
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    expected, found = tensors(one.adapter), tensors(two.adapter)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5)

    divided = replace(with_finetuning(job, "divided", **values, gradient_checkpointing=True), sharded=True)
    tune(divided, processes=2)
    assert losses(divided) == losses(two)
    assert all(torch.equal(tensor, found[name]) for name, tensor in tensors(divided.adapter).items())

    disturbed = with_finetuning(job, "disturbed", **values)
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
    assert contents(disturbed.adapter) == contents(two.adapter)
    assert contents(disturbed.snapshot(3)) == contents(two.snapshot(3))
    assert disturbed.training_log.read_bytes() == two.training_log.read_bytes()


@pytest.mark.timeout(600)
def test_the_main_process_alone_keeps_the_best_state_of_divided_weights(job: TuningJob) -> None:
    """It would wait for the others forever if the weights were still gathered after a validation."""
    Path(job.log).touch()
    values = {"steps": 6, "validation_every": 2, "patience": 2, "snapshots": [], "log_every": 1}
    divided = replace(with_finetuning(job, "divided", **values), sharded=True)
    tune(divided, processes=2)
    measured = read_table(divided.training_log, LANGUAGE_MODEL_LOG)["validation_loss"].to_pylist()
    assert [loss is not None for loss in measured] == [False, True] * 3
    assert (Path(divided.folder) / "best").is_dir() and tensors(divided.adapter)


def await_file(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.005)
