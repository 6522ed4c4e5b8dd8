"""`envs/install.sh` with stubs for Python, pip and uv: its choices, and its messages if there are none."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOOLS = [
    "awk",
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "du",
    "grep",
    "ls",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sh",
    "tee",
    "uname",
]

#: Answers the installer's queries to Python, records pip's arguments, and copies itself into environments.
PYTHON = """#!/bin/sh
case "$1 $2" in
"-c "*ensurepip*) echo {version} ;;
"-c "*version_info*) echo {version}.1 ;;
"-c "*) exit 1 ;;
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
    case $3 in
    index) echo "Available versions: {torch}" ;;
    *) echo "$@" >>pip.log && echo "Collecting one==1" && echo "Installing collected packages: one" ;;
    esac ;;
esac
"""

UV = """#!/bin/sh
mkdir -p .venv/bin && cp {python} .venv/bin/python
"""


@dataclass
class Machine:
    """A folder with the installer, and its own PATH."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> Path:
        return self.folder / "bin"

    def add_python(self, version: str, name: str | None = None, torch: str = "2.13.0+cpu, 2.13.0") -> Path:
        """Put a Python on the PATH whose package index offers these versions of torch."""
        return self.add(name or f"python{version}", PYTHON.format(version=version, torch=torch))

    def add(self, name: str, script: str = "#!/bin/sh\n") -> Path:
        path = self.commands / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    def install(self, file: str = "requirements.txt") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.commands), "HOME": str(self.folder), **self.variables}
        return subprocess.run(
            ["sh", "envs/install.sh", f"envs/{file}"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> list[str]:
        """Return the names of the requirements files passed to pip, each with hashes and without dependencies."""
        calls = (self.folder / "pip.log").read_text().splitlines()
        assert all("--no-deps --require-hashes" in call for call in calls)
        return [Path(call.split()[-1]).name for call in calls]


@pytest.fixture
def machine(repository: Path, tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    (tmp_path / "envs").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    for file in ("install.sh", "requirements.txt", "requirements-dev.txt", "torch-cpu.txt", "torch-cuda.txt"):
        shutil.copy(repository / "envs" / file, tmp_path / "envs" / file)
    return Machine(tmp_path)


def test_the_newest_python_is_taken(machine: Machine) -> None:
    for version in ("3.11", "3.13", "3.12"):
        machine.add_python(version)
    run = machine.install()
    assert run.returncode == 0, run.stderr
    assert "creating .venv with python3.13 (3.13.1)" in run.stderr


def test_the_python_that_is_asked_for_is_taken(machine: Machine) -> None:
    machine.add_python("3.13")
    machine.variables["PYTHON"] = str(machine.add_python("3.11", "mine"))
    assert "mine (3.11.1)" in machine.install().stderr


def test_one_of_pyenvs_is_found(machine: Machine) -> None:
    python = machine.folder / ".pyenv" / "versions" / "3.12.4" / "bin" / "python"
    python.parent.mkdir(parents=True)
    shutil.move(machine.add_python("3.12"), python)
    assert f"creating .venv with {python} (3.12.1)" in machine.install().stderr


def test_where_none_fits_uv_fetches_one(machine: Machine) -> None:
    machine.add("uv", UV.format(python=machine.add_python("3.13", "fetched")))
    machine.add_python("3.10", "python3")
    run = machine.install()
    assert run.returncode == 0, run.stderr
    assert "downloading 3.13 with uv" in run.stderr and machine.installed()


def test_where_none_can_be_had_the_message_says_what_was_found(machine: Machine) -> None:
    machine.add_python("3.10", "python3")
    run = machine.install()
    assert run.returncode == 1
    assert "python3 is Python 3.10.1" in run.stderr and "make PYTHON=/path/to/python run" in run.stderr
    assert not (machine.folder / ".venv").exists()


def test_an_environment_of_another_python_is_refused(machine: Machine) -> None:
    python = machine.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    shutil.move(machine.add_python("3.10"), python)
    run = machine.install()
    assert run.returncode == 1 and "Remove .venv and run again" in run.stderr


@pytest.mark.parametrize(
    ("command", "asked", "offered", "taken"),
    [
        (None, None, "2.13.0+cpu, 2.13.0", "torch-cpu.txt"),
        (None, None, "2.13.0", "torch-cuda.txt"),
        ("sbatch", None, "2.13.0+cpu, 2.13.0", "torch-cuda.txt"),
        ("nvidia-smi", None, "2.13.0+cpu, 2.13.0", "torch-cuda.txt"),
        ("nvidia-smi", "cpu", "2.13.0+cpu, 2.13.0", "torch-cpu.txt"),
        (None, "cuda", "2.13.0+cpu, 2.13.0", "torch-cuda.txt"),
    ],
)
@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has a GPU")
def test_the_build_of_torch(machine: Machine, command: str | None, asked: str | None, offered: str, taken: str) -> None:
    machine.add_python("3.12", torch=offered)
    if command:
        machine.add(command)
    if asked:
        machine.variables["TORCH"] = asked
    run = machine.install()
    assert run.returncode == 0, run.stderr
    assert machine.installed() == ["requirements.txt", taken]


@pytest.mark.parametrize(
    ("asked", "message"), [("cpu", "offers no CPU build of torch"), ("rocm", "TORCH: found rocm, expected cpu or cuda")]
)
def test_a_build_that_cannot_be_had_is_an_error(machine: Machine, asked: str, message: str) -> None:
    machine.add_python("3.12", torch="2.13.0")
    machine.variables["TORCH"] = asked
    run = machine.install()
    assert run.returncode == 1 and message in run.stderr


def test_packages_for_development_leave_torch_alone(machine: Machine) -> None:
    machine.add_python("3.12")
    assert machine.install("requirements-dev.txt").returncode == 0
    assert machine.installed() == ["requirements-dev.txt"]


def test_a_failing_pip_is_an_error(machine: Machine) -> None:
    script = PYTHON.format(version="3.12", torch="").replace(
        'echo "$@" >>pip.log', "echo ERROR: no such hash && exit 1"
    )
    machine.add("python3.12", script)
    run = machine.install()
    assert run.returncode == 1 and "ERROR: no such hash" in run.stderr
    assert not (machine.folder / ".venv" / "bin" / "ilora").exists()
