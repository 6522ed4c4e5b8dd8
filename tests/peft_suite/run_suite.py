"""Run PEFT's own tests on the instance-wise adapter: `make test-peft`.

ARGUMENTS are passed to pytest: ARGUMENTS="-k test_merge" runs a subset.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from outcomes import Kind, Outcome, compared, read_outcomes, reasons, table
from sdist import (
    REPOSITORY,
    check_digest,
    fetch,
    files_naming_lora,
    install_parameterized,
    pinned_digests,
    pinned_version,
    unpack_tests,
)
from twins import write_twins

CACHE = REPOSITORY / ".peft_suite"
PACKAGES = CACHE / "packages"
HERE = Path(__file__).resolve().parent
PLAIN = 0
#: Skipped: each needs a GPU or packages for one, or compiles every case with torch, which takes half a minute.
#: X-LoRA loads its experts as plain LoRA; its renaming of their tensors never terminates on names without `model.`, as
#: those of our gate.
LEFT_OUT = (
    "test_common_gpu.py",
    "test_gpu_examples.py",
    "test_gptqmodel.py",
    "test_torch_compile.py",
    "test_xlora.py",
)


def main() -> int:
    """Fetch, unpack and run the tests for each K, rerun failures with PEFT's own LoRA; write and print the outcomes.

    Returns:
        1 if our adapter raised an uninformative error, otherwise 0: refusals are expected, see README.md.
    """
    arguments, for_pytest = _parser().parse_known_args()
    version = pinned_version()
    CACHE.mkdir(exist_ok=True)
    archive = arguments.archive or fetch(version, CACHE)
    check_digest(archive, pinned_digests())
    folder = unpack_tests(archive, CACHE / f"peft-{version}")
    install_parameterized(PACKAGES)
    write_twins(CACHE / "hub", print)
    started = time.monotonic()
    files = [str(path.relative_to(folder)) for path in files_naming_lora(folder) if path.name not in LEFT_OUT]
    found = {
        experts: _run(folder, experts, arguments.processes, [*for_pytest, *files]) for experts in arguments.experts
    }
    of_lora = _of_lora(folder, found, arguments.processes)
    ours = {experts: compared(outcomes, of_lora) for experts, outcomes in found.items()}
    minutes = (time.monotonic() - started) / 60
    text = _report(ours, f"PEFT {version}, {time.strftime('%Y-%m-%d')}, {minutes:.1f} minutes")
    (CACHE / "report.md").write_text(text, encoding="utf-8")
    print(text)
    return int(any(one.kind is Kind.UNNAMED for outcomes in ours.values() for one in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="PEFT's source distribution, where it is at hand")
    parser.add_argument("--experts", type=int, nargs="+", default=[1, 4], metavar="K", help="default: 1 4")
    parser.add_argument("--processes", type=int, default=2, help="at once; default: 2")
    return parser


def _of_lora(folder: Path, found: Mapping[int, Mapping[str, Outcome]], processes: int) -> dict[str, Outcome]:
    """Rerun the tests that failed with our adapter with PEFT's own LoRA."""
    failed = {test for outcomes in found.values() for test, one in outcomes.items() if one.kind is Kind.FAILED}
    if not failed:
        return {}
    names = CACHE / "failed.txt"
    names.write_text("".join(f"{test}\n" for test in sorted(failed)), encoding="utf-8")
    return _run(folder, PLAIN, processes, [f"@{names}"])


def _run(folder: Path, experts: int, processes: int, tests: Sequence[str]) -> dict[str, Outcome]:
    path = CACHE / f"outcomes_{experts}.jsonl"
    settings = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(folder), "-p", "substitution"]
    settings += ["--experts", str(experts), "--outcomes", str(path), "--numprocesses", str(processes)]
    settings += ["--quiet", "--tb=no", "--no-header", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), str(REPOSITORY / "workflow_scripts"), str(folder), str(PACKAGES)]),
        "HF_HUB_CACHE": str(CACHE / "hub"),
        "HF_HOME": str(CACHE),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    print(f"PEFT's tests with {f'K = {experts}' if experts else 'its own LoRA: those that failed'}", flush=True)
    subprocess.run([sys.executable, "-m", "pytest", *settings, *tests], cwd=folder, env=environment, check=False)
    return read_outcomes(path)


def _report(ours: dict[int, list[Outcome]], made: str) -> str:
    return f"{made}\n\n{table(ours)}\n\n{reasons(ours)}\n"


if __name__ == "__main__":
    sys.exit(main())
