"""Fixtures of the tests that run the workflow on a private Slurm."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from checkout import Checkout
from one_node_slurm import OneNodeSlurm, missing_programs
from slurm_checkout import SlurmCheckout

# Possibly more CPUs than the machine has: most jobs wait for files and for Slurm, and some have four threads.
CPUS = 4
MEGABYTES = 16_000
GPUS = 2
# These take minutes: started last, they would run alone at the end.
LONGEST = ("test_interruptions.py", "test_smoke_on_slurm.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def slurm() -> Iterator[OneNodeSlurm]:
    """A running one-node Slurm."""
    missing = missing_programs()
    if missing:
        pytest.fail(
            f"the tests on a real Slurm did not run: this machine lacks {', '.join(missing)} (Debian and Ubuntu: "
            "apt-get install slurm-wlm munge)",
            pytrace=False,
        )
    # Not pytest's own folder, whose path is too long for a socket name.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    slurm = OneNodeSlurm(folder, CPUS, MEGABYTES, GPUS)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy with the smoke study, made without Slurm on this machine, once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if (folder / "done").exists():
            return Checkout.at(folder)
        copy = Checkout(repository, folder)
        copy.run_smoke()
        (folder / "done").touch()
        return copy


@pytest.fixture
def on_slurm(slurm: OneNodeSlurm, repository: Path, tmp_path: Path) -> Iterator[SlurmCheckout]:
    """A fresh copy of the workflow whose profile names the partition of the private Slurm, and nothing else."""
    place = SlurmCheckout(slurm, Checkout(repository, tmp_path / "checkout"))
    yield place
    place.stop()
