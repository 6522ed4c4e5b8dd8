"""A private one-node Slurm with its own key, ports and folders, independent of the system's Slurm and munge."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

PARTITION = "tests"
NODE = "one"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
# Debian installs the services here, which may not be on the PATH.
SERVICES_PATH = "/usr/sbin:/sbin"
UNFINISHED = ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING")
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 20.0

# CPUs and GPUs are only counted (the devices are empty files): a job is granted what it requests, and sees what the
# machine has. Memory is measured every second, and a job that exceeds its request is killed.
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
MpiDefault=none
MinJobAge=3600
SlurmctldTimeout=10
KillWait=2
ReturnToService=2
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={megabytes} Gres=gpu:{gpus} State=UNKNOWN
PartitionName={partition} Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Job:
    """A job as reported by the controller: state in capitals, times in ISO 8601 or `N/A`, rule in the comment."""

    number: str
    state: str
    started: str
    ended: str
    name: str
    comment: str

    @property
    def rule(self) -> str:
        """The rule of the workflow, from the comment."""
        return self.comment.removeprefix("rule_").partition("_wildcards_")[0]


def missing_programs() -> list[str]:
    """Return the programs of Slurm and munge that this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


def _path() -> str:
    return f"{os.environ['PATH']}:{SERVICES_PATH}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class OneNodeSlurm:
    """Slurm with one partition and one node on this machine, in its own folder.

    The folder's path must be short: socket names are limited to 107 bytes.
    """

    def __init__(self, folder: Path, cpus: int, megabytes: int, gpus: int) -> None:
        self.folder = folder
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        # munge refuses keys that others can read, and folders that others can write to.
        folder.chmod(0o755)
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        controller_port, node_port = _free_ports(2)
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                host=socket.gethostname().split(".")[0],
                user=pwd.getpwuid(os.getuid()).pw_name,
                node=NODE,
                partition=PARTITION,
                controller_port=controller_port,
                node_port=node_port,
                cpus=cpus,
                megabytes=megabytes,
                gpus=gpus,
            ),
            encoding="utf-8",
        )
        devices = [folder / f"gpu{number}" for number in range(gpus)]
        for device in devices:
            device.touch()
        self._write_srun()
        lines = [f"Name=gpu File={device}\n" for device in devices]
        (folder / "gres.conf").write_text("".join(lines), encoding="utf-8")

    def _write_srun(self) -> None:
        """Write an srun for this Slurm: the plugin removes SLURM_CONF from the environment of a job's steps."""
        program = self.folder / "bin" / "srun"
        program.parent.mkdir()
        program.write_text(
            f"#!/bin/sh\nSLURM_CONF='{self.folder}/slurm.conf' exec {shutil.which('srun')} \"$@\"\n", encoding="utf-8"
        )
        program.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Slurm's commands find this Slurm, without variables of an outer Slurm."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        return {**outer, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{self.folder / 'bin'}:{_path()}"}

    def start(self) -> None:
        """Start all services, and wait until the node accepts jobs."""
        self.start_munged()
        self.start_controller()
        self.start_node()

    def start_munged(self) -> None:
        """Start munge, which authenticates Slurm's services to each other."""
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{option}={self.folder / name}" for option, name in files.items()]
        # With --force, a world-writable parent folder such as /tmp is a warning and not an error.
        self._serve("munged", "--foreground", "--force", *options)
        self._wait(lambda: (self.folder / "munge.socket").exists(), "munged opens no socket")

    def start_controller(self) -> None:
        """Start the controller with its previous jobs, and wait until it answers."""
        self._serve("slurmctld", "-D")
        self._wait(lambda: self._run("squeue").returncode == 0, "slurmctld does not answer")

    def start_node(self) -> None:
        """Start the node's service, and wait until the node accepts jobs."""
        self._serve("slurmd", "-D", "-N", NODE)
        self._wait(lambda: self.node_state in ("idle", "mixed", "allocated"), "the node takes no jobs")

    @property
    def node_state(self) -> str:
        """The state of the node in lower case, without Slurm's suffixes."""
        return self._run("sinfo", "--noheader", "--format=%T").stdout.strip().rstrip("*~#!%$@^-")

    def stop_service(self, name: str) -> None:
        """Stop `slurmctld`, `slurmd` or `munged`; jobs continue."""
        process = self._services.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Cancel running jobs, and stop all started services."""
        if "slurmctld" in self._services and "slurmd" in self._services:
            self._run("scancel", "--partition", PARTITION)
            self._wait(lambda: not self.jobs(UNFINISHED), "jobs cannot be cancelled")
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self._services:
                self.stop_service(name)

    def jobs(self, states: tuple[str, ...] = ("all",)) -> list[Job]:
        """Return the jobs in these states, in the order of their numbers."""
        process = self.command(
            "squeue", "--noheader", "--sort=i", f"--states={','.join(states)}", "--format=%i|%T|%S|%e|%j|%k"
        )
        return [Job(*line.split("|", 5)) for line in process.splitlines()]

    def processes_of(self, job: Job) -> list[psutil.Process]:
        """Return the live processes of a job, found by their environment."""
        marks = {"SLURM_JOB_ID": job.number, "SLURM_CONF": str(self.folder / "slurm.conf")}
        found = []
        for process in psutil.process_iter():
            try:
                if marks.items() <= process.environ().items():
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def command(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it prints; raise if it fails."""
        process = self._run(*command)
        assert process.returncode == 0, f"{' '.join(command)}: {process.stderr}{self.last_words()}"
        return process.stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    def last_words(self) -> str:
        """Return the end of each service's log."""
        logs = sorted(self.folder.glob("*.log"))
        return "".join(f"\n{log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}" for log in logs)

    def _serve(self, name: str, *arguments: str) -> None:
        program = shutil.which(name, path=_path())
        assert program is not None, f"{name} is not installed"
        with (self.folder / f"{name}.log").open("ab") as log:
            self._services[name] = subprocess.Popen(
                [program, *arguments], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _wait(self, is_so: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not is_so():
            assert time.monotonic() < deadline, f"{complaint}{self.last_words()}"
            time.sleep(0.2)
