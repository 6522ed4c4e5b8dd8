"""Starting a fine-tuning: in this process, or with several that share its batches, on one node or on several.

Several processes form a group by the environment variables that torch and accelerate read. On one node they are started
here; on several by Slurm's srun, inside the allocation of the job, which tells each its place.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import PartialState
from torch.multiprocessing.spawn import ProcessContext, ProcessExitedException, start_processes

from ilora.llm.training import Interrupted
from ilora.llm.tuning_job import TuningJob, read_job, run_tuning, write_job
from ilora.progress import join_log

#: Exit status of a process that was told to stop and kept its state ("temporary failure" of sysexits.h).
INTERRUPTED = 75

#: Seconds that the other processes have to end when one has failed.
_GRACE = 30.0


def tune(job: TuningJob, processes: int = 1, nodes: int = 1) -> None:
    """Run a job on ``processes`` of each of ``nodes``, one for each GPU where there are any.

    Raises:
        Interrupted: if it was told to stop; run again, it goes on.
        RuntimeError: if a process failed; the job's log says why.
    """
    if processes * nodes == 1:
        run_tuning(job)
    elif nodes == 1:
        _tune_on_this_node(job, processes)
    else:
        _tune_with_srun(job, processes, nodes)


def _tune_on_this_node(job: TuningJob, processes: int) -> None:
    context = start_processes(
        _run_member, (job, processes, _free_port()), nprocs=processes, join=False, start_method="spawn"
    )
    assert context is not None  # which it is when nobody waits for the end
    with _signals_handed_on(context):
        try:
            while not context.join(grace_period=_GRACE):
                continue
        except ProcessExitedException as error:
            if error.exit_code == INTERRUPTED:
                raise Interrupted(f"fine-tuning of {job.settings.method} was told to stop; its state is kept") from None
            raise


@contextmanager
def _signals_handed_on(context: ProcessContext) -> Iterator[None]:
    """While it lasts, SIGTERM goes to the processes, which keep their state and end."""

    def hand_on(*_: object) -> None:
        for process in context.processes:
            process.terminate()

    previous = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run_member(rank: int, job: TuningJob, processes: int, port: int) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    os.environ.update(
        {name: str(value) for name, value in places.items()}, MASTER_ADDR="localhost", MASTER_PORT=str(port)
    )
    _run_in_group(job)


def _run_in_group(job: TuningJob) -> None:
    state = PartialState(cpu=not torch.cuda.is_available())
    if state.is_main_process:
        join_log(job.log)
    try:
        run_tuning(job)
    except Interrupted:
        sys.exit(INTERRUPTED)
    state.destroy_process_group()


def _tune_with_srun(job: TuningJob, processes: int, nodes: int) -> None:
    file = Path(job.folder) / "job.json"
    write_job(job, file)
    command = ["srun", f"--nodes={nodes}", f"--ntasks={nodes * processes}", f"--ntasks-per-node={processes}"]
    command += [sys.executable, "-m", "ilora.llm.launching", str(file)]
    address = {"MASTER_ADDR": socket.gethostname(), "MASTER_PORT": str(_free_port())}
    package = str(Path(__file__).parents[2])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    # What Slurm sends reaches every process of the step, and this one waits for their end.
    previous = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        status = subprocess.run(command, env={**os.environ, **address, "PYTHONPATH": search}, check=False).returncode
    finally:
        signal.signal(signal.SIGTERM, previous)
    if status == INTERRUPTED:
        raise Interrupted(f"fine-tuning of {job.settings.method} was told to stop; its state is kept")
    if status:
        raise RuntimeError(f"{' '.join(command)}: ended with status {status}; {job.log} says why")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def main(arguments: list[str]) -> None:
    """Run the job of a file, as one of the processes that srun started."""
    slurm = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "WORLD_SIZE": "SLURM_NTASKS"}
    os.environ.update({name: os.environ[variable] for name, variable in slurm.items()})
    _run_in_group(read_job(Path(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
