"""PEFT's own tests, from its source distribution, in a folder ignored by Git."""

import hashlib
import re
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPOSITORY / "envs" / "requirements.txt"
PARAMETERIZED = "parameterized==0.9.0"


def pinned_version(requirements: Path = REQUIREMENTS) -> str:
    """Return the pinned version of PEFT.

    Raises:
        ValueError: it is not pinned.
    """
    found = re.search(r"^peft==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{requirements}: found no line peft==VERSION, expected one; run `make pins`")
    return found[1]


def pinned_digests(requirements: Path = REQUIREMENTS) -> set[str]:
    """Return the SHA-256 digests of that version's files, as written by `make pins`."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("peft=="))
    digests = set()
    for line in lines[start + 1 :]:
        found = re.search(r"--hash=sha256:([0-9a-f]{64})", line)
        if found is None:
            break
        digests.add(found[1])
    return digests


def fetch(version: str, folder: Path) -> Path:
    """Download the source distribution with pip, once (PIP_FIND_LINKS and pip's other settings apply).

    Returns:
        The archive in ``folder``.

    Raises:
        subprocess.CalledProcessError: if pip fails.
    """
    archive = folder / f"peft-{version}.tar.gz"
    if not archive.is_file():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "peft"]
        subprocess.run([*pip, "--dest", str(folder), f"peft=={version}"], check=True)
    return archive


def install_parameterized(folder: Path) -> None:
    """Install the one small package that PEFT's tests need, and this project does not, into ``folder`` with pip.

    Raises:
        subprocess.CalledProcessError: if pip fails.
    """
    if not (folder / "parameterized").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, PARAMETERIZED], check=True)


def check_digest(archive: Path, digests: set[str]) -> None:
    """Check that an archive is the pinned one.

    Raises:
        ValueError: it is not.
    """
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found not in digests:
        raise ValueError(
            f"{archive}: found SHA-256 {found}, expected one of peft's in {REQUIREMENTS.name}: delete it, or give the "
            "archive of the pinned version"
        )


def unpack_tests(archive: Path, folder: Path) -> Path:
    """Unpack the Python files directly in PEFT's ``tests``, which import each other as a package.

    Returns:
        The folder that holds ``tests``.

    Raises:
        ValueError: the archive has no tests.
    """
    tests = folder / "tests"
    tests.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as opened:
        members = [member for member in opened if re.fullmatch(r"peft-[^/]+/tests/\w+\.py", member.name)]
        if not members:
            raise ValueError(f"{archive}: found no tests in it, expected peft-VERSION/tests/*.py")
        for member in members:
            content = opened.extractfile(member) if member.isfile() else None
            if content is None:
                raise ValueError(f"{archive}: {member.name} is no ordinary file")
            # Only the file name: nothing in the archive decides the destination.
            (tests / Path(member.name).name).write_bytes(content.read())
    (tests / "__init__.py").touch()
    return folder


def files_naming_lora(folder: Path) -> list[Path]:
    """Return the test files that mention `LoraConfig`, sorted; no others can use our adapter."""
    return sorted(
        path for path in (folder / "tests").glob("test_*.py") if re.search(r"\bLoraConfig\b", path.read_text("utf-8"))
    )
