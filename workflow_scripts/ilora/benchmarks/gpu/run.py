"""Execution of all or selected parts with one report."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from ilora.artifacts.hardware import describe_machine
from ilora.artifacts.provenance import git_revision
from ilora.benchmarks.devices import describe
from ilora.benchmarks.gpu import correctness, large_model, pretrained
from ilora.benchmarks.gpu.parts import Bench, Part, run_part
from ilora.benchmarks.gpu.report import Report
from ilora.benchmarks.gpu.requirements import LEAST_VERSIONS, OF_ANY_VERSION
from ilora.benchmarks.gpu.sizes import Sizes, sizes_for

PARTS: Mapping[str, Part] = {
    "correctness": Part(80, correctness.sections),
    "seven_billion": Part(150, large_model.sections),
    "pretrained": Part(150, pretrained.sections),
    "seven_billion_nf4": Part(80, large_model.sections_nf4),
}

_OPTIONAL = ("bitsandbytes", "flash_attn", "gguf")


def run(names: Sequence[str], folder: Path, prepared: Path | None, parts: Mapping[str, Part] = PARTS) -> int:
    """Run parts in the order of `parts`; return an exit status, 1 if a part failed or ran out of time.

    Args:
        names: names of the parts; empty for all.
        folder: folder for ``gpu.json`` and the output of the prepared jobs.
        prepared: folder of prepared files; None for none.
        parts: available parts.
    """
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f"found part {', '.join(unknown)}, expected {', '.join(parts)}", file=sys.stderr)
        return 2
    disable_progress_bar()
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    sizes, begun = sizes_for(device), time.monotonic()
    report = Report(folder / "gpu.json", _about(device, sizes, prepared))
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(device, sizes, Path(temporary), prepared, folder)
        for name, part in parts.items():
            if name in names or not names:
                run_part(name, part, bench, report)
                report.about["seconds"] = time.monotonic() - begun
    report.about["complete"] = True
    report.write()
    failed = [name for name, part in report.parts.items() if part.status != "done"]
    print(f"{report.path}: {report.about['hardware']}; {report.about['seconds']:.0f} s", *failed, sep="\nincomplete: ")
    return 1 if failed else 0


def _about(device: torch.device, sizes: Sizes, prepared: Path | None) -> dict[str, Any]:
    is_gpu = device.type == "cuda"
    return {
        "hardware": describe(device, torch.bfloat16),
        "sizes": sizes.name,
        "note": "" if is_gpu else "in miniature on a processor; times are meaningless",
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "complete": False,
        "machine": describe_machine(),
        "gpu": _gpu(device) if is_gpu else None,
        "python": platform.python_version(),
        "packages": _versions((*LEAST_VERSIONS, *OF_ANY_VERSION, *_OPTIONAL)),
        "git_revision": git_revision(),
        "prepared": None if prepared is None else str(prepared),
        "settings": asdict(sizes),
    }


def _gpu(device: torch.device) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "name": properties.name,
        "bytes": properties.total_memory,
        "capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "cuda": torch.version.cuda,
    }


def _versions(packages: Sequence[str]) -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions
