"""Launching a fine-tuning in this process, or in several processes that share its batches, on one or more nodes.

Several processes form a group through the environment variables that torch and accelerate read. On one node they are
started here; on several nodes, by Slurm's srun within the job's allocation, which assigns each its rank.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import PartialState

from ilora.endings import Interrupted
from ilora.garbage import spare_imports
from ilora.llm.training.tuning_job import TuningJob, read_job, run_tuning, write_job
from ilora.progress import join_log

#: Exit status of a process that was stopped by a signal and saved its state ("temporary failure" of sysexits.h).
INTERRUPTED = 75

#: Exit status of a process whose training produced numbers that are not finite ("data error").
NOT_FINITE = 65

#: Seconds that the other processes have to end after one has failed, and seconds between polls.
_GRACE, _PAUSE = 30.0, 0.1

_FROM_SLURM = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "WORLD_SIZE": "SLURM_NTASKS"}


def tune(job: TuningJob, processes: int = 1, nodes: int = 1) -> None:
    """Run a job with ``processes`` on each of ``nodes``, one per GPU if there are GPUs.

    Raises:
        Interrupted: if it was stopped by a signal; running it again resumes it.
        FloatingPointError: if the training produced numbers that are not finite.
        RuntimeError: if a process failed; see the job's log.
    """
    if processes * nodes == 1:
        run_tuning(job)
        return
    file = Path(job.folder) / "job.json"
    write_job(job, file)
    member = [sys.executable, "-m", "ilora.llm.training.launching", str(file)]
    members = _with_srun(member, processes, nodes) if nodes > 1 else _on_this_node(member, processes)
    with _signals_handed_on(members):
        status = _await_all(members)
    if status == INTERRUPTED:
        raise Interrupted(f"fine-tuning of {job.settings.method} was stopped by a signal; its state is kept")
    if status == NOT_FINITE:
        raise FloatingPointError(f"fine-tuning of {job.settings.method}: a number is not finite; see {job.log}")
    if status:
        raise RuntimeError(f"a process of the fine-tuning ended with status {status}; see {job.log}")


def _on_this_node(member: Sequence[str], processes: int) -> list[subprocess.Popen[bytes]]:
    shared = {**_environment("localhost"), "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [
        subprocess.Popen(member, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]


def _with_srun(member: Sequence[str], processes: int, nodes: int) -> list[subprocess.Popen[bytes]]:
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes * processes}", f"--ntasks-per-node={processes}"]
    try:
        return [subprocess.Popen([*srun, *member], env=_environment(socket.gethostname()))]
    except FileNotFoundError:
        raise RuntimeError("srun: not found; a fine-tuning on several nodes (backbone.nodes) needs Slurm") from None


def _environment(address: str) -> dict[str, str]:
    """Return an environment in which the processes find each other on this host, and this package on the path."""
    package = str(Path(__file__).parents[3])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": search, "MASTER_ADDR": address, "MASTER_PORT": str(_free_port())}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _signals_handed_on(members: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Forward SIGTERM to the members, which save their state and end, instead of handling it, within the context."""

    def hand_on(*_: object) -> None:
        for member in members:
            member.terminate()

    previous = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _await_all(members: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until all members have ended; return 0 if all succeeded, otherwise the status of one that failed."""
    try:
        while True:
            statuses = [member.poll() for member in members]
            failed = [status for status in statuses if status]
            if failed or None not in statuses:
                return failed[0] if failed else 0
            time.sleep(_PAUSE)
    finally:
        _end(members)


def _end(members: Sequence[subprocess.Popen[bytes]]) -> None:
    """Terminate the members: they synchronise with each other, so after one failed, the others would wait forever."""
    for member in members:
        member.terminate()
    deadline = time.monotonic() + _GRACE
    for member in members:
        try:
            member.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            member.kill()
            member.wait()


def main(arguments: list[str]) -> None:
    """Run the job of a file, as one of several processes."""
    spare_imports()
    if "RANK" not in os.environ:
        os.environ.update({name: os.environ[variable] for name, variable in _FROM_SLURM.items()})
    job = read_job(Path(arguments[0]))
    state = PartialState(cpu=not torch.cuda.is_available())
    if state.is_main_process:
        join_log(job.log)
    try:
        run_tuning(job)
    except Interrupted:
        sys.exit(INTERRUPTED)
    except FloatingPointError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(NOT_FINITE)
    state.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1:])
