"""Fixtures of the tests that plan and run the workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout import Checkout


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Checkout:
    """A fresh copy of the workflow."""
    return Checkout(repository, tmp_path / "checkout")


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which the smoke study was made. Tests put back what they change."""
    copy = Checkout(repository, tmp_path_factory.mktemp("finished") / "checkout")
    copy.run_smoke()
    return copy
