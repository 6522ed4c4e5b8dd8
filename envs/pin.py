"""Pin the requirements of pyproject.toml for Python 3.11 to 3.13: `make pins`; UPGRADE=1 takes the newest versions.

This writes, with hashes, `requirements.txt` (everything for a run except torch), `torch-cuda.txt` (the default build of
torch for Linux, with its dependencies) and `requirements-dev.txt` (additional packages for checks and tests), and
updates the versions in the conda environments. It needs uv, which resolves for all Pythons and systems at once.

`torch-cpu.txt` is maintained by hand: its hashes come from PyTorch's own index, and change only with torch's version.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent / "pyproject.toml"
RUN_EXTRAS = ("quantized", "recommenders", "workflow")
OLDEST_PYTHON = "3.11"
#: Python of the conda environments and the container.
CONTAINED_PYTHON = "3.13"

RUN, CUDA, DEVELOPMENT = "requirements.txt", "torch-cuda.txt", "requirements-dev.txt"
HEADINGS = {
    RUN: "Everything that a run needs but torch, which is in torch-cuda.txt and torch-cpu.txt.",
    CUDA: "torch for NVIDIA GPUs, with what that build brings. The three equals signs rule out a CPU build (+cpu).",
    DEVELOPMENT: "What the checks and tests need besides.",
}
NOTICE = "# Written by `make pins` from pyproject.toml; to be installed with --no-deps --require-hashes.\n"
_CUDA_NAMES = re.compile(r"torch|triton|(nvidia|cuda)-.*")


def main() -> None:
    """Resolve the requirements, and write the pins."""
    parser = argparse.ArgumentParser(description="Pin the requirements of pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of the pinned ones")
    upgrade = parser.parse_args().upgrade
    run = resolve(RUN_EXTRAS, upgrade)
    everything = resolve((*RUN_EXTRAS, "dev"), upgrade)
    names = {name_of(block) for block in run}
    # All versions come from one resolution, so that they are compatible.
    write(RUN, [block for block in everything if name_of(block) in names and not is_torch(block)])
    write(CUDA, [block.replace("==", "===", 1) for block in everything if is_torch(block)])
    write(DEVELOPMENT, [block for block in everything if name_of(block) not in names and not is_torch(block)])
    for environment in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.post-deploy.sh")):
        renew(environment, contained_versions(everything))


def resolve(extras: tuple[str, ...], upgrade: bool) -> list[str]:
    """Return the block of each pinned package: its line, and the hashes below it.

    Raises:
        subprocess.CalledProcessError: uv finds no compatible versions, or cannot reach an index.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # uv keeps the versions in this file, unless it is to upgrade.
        pinned = Path(scratch) / "pinned.txt"
        pinned.write_text("".join(_pinned_so_far()), encoding="utf-8")
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--output-file", str(pinned), str(PROJECT)]
        command += [part for extra in extras for part in ("--extra", extra)]
        if upgrade:
            command.append("--upgrade")
        subprocess.run(command, check=True)
        return re.findall(r"^\S.*\n(?:[ ]+.*\n)*", pinned.read_text(encoding="utf-8"), re.MULTILINE)


def write(file: str, blocks: list[str]) -> None:
    """Write a file of pins."""
    (FOLDER / file).write_text(f"# {HEADINGS[file]}\n{NOTICE}\n" + "".join(blocks), encoding="utf-8")


def contained_versions(blocks: list[str]) -> dict[str, str]:
    """Return the version of each package on Linux with the Python of the environments and the container."""
    system = {"python_version": CONTAINED_PYTHON, "python_full_version": f"{CONTAINED_PYTHON}.0"}
    system |= {"sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux"}
    versions: dict[str, str] = {}
    for block in blocks:
        requirement = requirement_of(block)
        if requirement.marker is None or requirement.marker.evaluate(system):
            (specifier,) = requirement.specifier
            versions[canonicalize_name(requirement.name)] = specifier.version
    return versions


def renew(environment: Path, versions: dict[str, str]) -> None:
    """Update the pinned versions and the Python in a conda environment or its post-deploy script."""

    def pinned(match: re.Match[str]) -> str:
        return f"{match[1]}=={versions[canonicalize_name(match[1])]}"

    text = re.sub(r"([\w.-]+)==\S+", pinned, environment.read_text(encoding="utf-8"))
    environment.write_text(re.sub(r"- python=\S+", f"- python={CONTAINED_PYTHON}", text), encoding="utf-8")


def requirement_of(block: str) -> Requirement:
    """Return the requirement in the first line of a block."""
    return Requirement(block.splitlines()[0].removesuffix("\\"))


def name_of(block: str) -> str:
    """Return the name of a block's package, normalised."""
    return canonicalize_name(requirement_of(block).name)


def is_torch(block: str) -> bool:
    """Return whether a block is torch, or a dependency of its CUDA build only."""
    return _CUDA_NAMES.fullmatch(name_of(block)) is not None


def _pinned_so_far() -> list[str]:
    files = [FOLDER / name for name in (RUN, CUDA, DEVELOPMENT)]
    return [file.read_text(encoding="utf-8").replace("===", "==") for file in files if file.exists()]


if __name__ == "__main__":
    main()
