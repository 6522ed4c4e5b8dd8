"""The precision that a machine supports natively."""

from pathlib import Path

import pytest

from ilora.configuration.native_precision import native_precision


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    native_precision.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))


def gpus(folder: Path, printed: str, status: int = 0) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\necho '{printed}'\nexit {status}\n")
    tool.chmod(0o755)


def processors(folder: Path, line: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: one\n{line}\n")
    return path


@pytest.mark.parametrize(
    "line, precision",
    [
        ("flags\t\t: fpu avx2 avx512_bf16 sha_ni", "float32"),
        ("flags\t\t: fpu avx512f amx_bf16 amx_tile", "bfloat16"),
        ("Features\t: fp asimd bf16 i8mm", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f", "float32"),
        ("bugs\t\t: bf16", "float32"),
    ],
)
def test_a_processor_without_gpus(tmp_path: Path, line: str, precision: str) -> None:
    assert native_precision(processors(tmp_path, line)) == precision


def test_no_list_of_processors(tmp_path: Path) -> None:
    assert native_precision(tmp_path / "none") == "float32"


@pytest.mark.parametrize(
    "printed, precision", [("9.0", "bfloat16"), ("8.0\n8.6", "bfloat16"), ("9.0\n7.5", "float32"), ("7.0", "float32")]
)
def test_gpus_decide(tmp_path: Path, printed: str, precision: str) -> None:
    gpus(tmp_path, printed)
    assert native_precision(processors(tmp_path, "flags\t\t: amx_bf16")) == precision


def test_a_tool_that_finds_no_gpu_leaves_it_to_the_processor(tmp_path: Path) -> None:
    gpus(tmp_path, "No devices were found", status=6)
    assert native_precision(processors(tmp_path, "flags\t\t: amx_bf16")) == "bfloat16"
