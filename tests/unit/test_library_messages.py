"""What libraries print, which a reader of a terminal or a log can do nothing about."""

import os
import subprocess
import sys
from pathlib import Path

from ilora import library_messages

LIBRARY = {**os.environ, "PYTHONPATH": str(Path(library_messages.__file__).parents[1])}


def _standard_error(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env={**LIBRARY, **environment}, capture_output=True, text=True, check=True
    ).stderr


def test_bitsandbytes_warns_of_anything_but_the_kernel_that_nothing_calls() -> None:
    code = """
import logging

import ilora

logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s", "No module named 'kernels'")
logger.warning("The processor has no AVX-512")
"""
    assert _standard_error(code) == "The processor has no AVX-512\n"


def test_a_librarys_bar_is_not_drawn_in_jobs() -> None:
    code = "from tqdm import tqdm; list(tqdm(range(3)))"
    assert "3/3" in _standard_error(code)
    assert _standard_error(code, **library_messages.NO_PROGRESS_BARS) == ""
