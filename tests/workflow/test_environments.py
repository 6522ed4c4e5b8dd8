"""The environments of `--sdm conda`, as Snakemake reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import SMOKE, Checkout

#: Answers Snakemake's queries before planning; no environment is created.
STAND_IN = """#!/bin/sh
case "$1" in
info) echo '{"conda_version": "25.1.0", "conda_prefix": "/opt/conda", "platform": "linux-64"}' ;;
config) echo '{"get": {"channel_priority": "strict"}}' ;;
--version) echo "conda 25.1.0" ;;
*) exit 1 ;;
esac
"""


def test_snakemake_plans_with_an_environment_for_every_rule(checkout: Checkout, tmp_path: Path) -> None:
    """Conda is replaced by a stub, so this does not test whether the packages are found."""
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(STAND_IN)
    conda.chmod(0o755)
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--sdm", "conda", *SMOKE],
        cwd=checkout.folder,
        env={**checkout.environment, "PATH": f"{conda.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    for name in ("data", "recommenders", "llm", "evaluation"):
        assert f"Conda environment envs/{name}.yaml will be created." in process.stdout


def test_another_library_that_is_installed_is_refused(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs would import it in place of the checkout's own."""
    (tmp_path / "elsewhere" / "ilora").mkdir(parents=True)
    (tmp_path / "elsewhere" / "ilora" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    process = checkout.snakemake("--dry-run", "--cores", "1")
    assert process.returncode != 0
    assert "elsewhere/ilora/__init__.py: found an installed library ilora" in process.stdout
