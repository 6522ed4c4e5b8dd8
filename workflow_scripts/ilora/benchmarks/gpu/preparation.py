"""Export of a study's jobs to a machine without Snakemake and network: `ilora bench gpu --prepare FOLDER`.

Snakemake plans the jobs that fine-tune LLaRA and iLoRA and answer with them on this machine. They are exported as
planned, with all files that they read. Weights that the workflow converted from a GGUF file are not exported. Instead,
the GGUF file is, which is a sixth of their size; the conversion is repeated on the target machine and must yield
identical bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ilora.artifacts.acceptance import plan_study
from ilora.artifacts.provenance import as_json, sha256_of
from ilora.artifacts.records import read_record, recorded_artifact
from ilora.artifacts.writing import record_path
from ilora.benchmarks.gpu.parcels import pack
from ilora.benchmarks.gpu.rule_jobs import ANSWERING, TUNING, RuleJob
from ilora.run import checkout_around, command

METHODS = ("llara", "ilora")

#: Scripts in the order in which they run.
_SCRIPTS = (TUNING, ANSWERING)
_WEIGHTS = "backbone_weights"
_PART_BYTES = 60 * 2**20


def prepare(folder: Path, study: Path, dataset: str) -> int:
    """Write the parcel for the first seed of a study; return an exit status.

    Args:
        folder: folder to create.
        study: file of the study.
        dataset: one of the study's data sets.
    """
    checkout = checkout_around(Path.cwd())
    if Path.cwd().resolve() != checkout.resolve():
        print(f"{Path.cwd()}: run this command in {checkout}, the folder of the workflow", file=sys.stderr)
        return 1
    jobs = planned_jobs(study, dataset)
    if not jobs:
        print(f"{study}: fine-tunes neither {' nor '.join(METHODS)} on {dataset}", file=sys.stderr)
        return 1
    made = {path for job in jobs for path in job.outputs}
    read = sorted({path for job in jobs for path in job.inputs} - made)
    status = subprocess.run(command(checkout, study, ["--", *read]), check=False).returncode
    if status:
        return status
    rebuilt = rebuilt_weights(jobs)
    files = [path for path in with_records(read) if path not in rebuilt]
    absolute = [path for path in files if Path(path).is_absolute()]
    if absolute:
        print(f"{absolute[0]}: is outside {checkout}; set results to a folder inside it", file=sys.stderr)
        return 1
    sources = {path: Path(path) for path in files} | {_in_parcel(gguf): Path(gguf) for gguf in rebuilt.values()}
    again = {path: {"gguf": _in_parcel(gguf), "sha256": sha256_of(path)} for path, gguf in rebuilt.items()}
    about = {"study": str(study), "jobs": [asdict(job) for job in jobs], "rebuilt": again}
    pack(sources, folder, _PART_BYTES, about)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {len(jobs)} jobs, {size / 1e6:.0f} MB in parts of at most {_PART_BYTES / 2**20:.0f} MiB")
    return 0


def planned_jobs(study: Path, dataset: str) -> list[RuleJob]:
    """Return the fine-tuning and inference jobs of a study for its first seed and default variant."""
    workflow = plan_study(["predictions", "--configfile", str(study)])
    found = [
        rule_job(job)
        for job in workflow.dag.jobs
        if job.rule.script
        and Path(job.rule.script).name in _SCRIPTS
        and job.wildcards.get("method") in METHODS
        and job.wildcards.get("dataset") == dataset
        and job.wildcards.get("variant", "default") == "default"
        and job.wildcards.get("step") is None
    ]
    first = min((int(job.wildcards["seed"]) for job in found), default=0)
    of_seed = [job for job in found if int(job.wildcards["seed"]) == first]
    return sorted(of_seed, key=lambda job: (_SCRIPTS.index(job.script), METHODS.index(job.wildcards["method"])))


def rule_job(job: Any) -> RuleJob:
    """Return a job of Snakemake's plan in exportable form."""
    return RuleJob(
        rule=job.rule.name,
        script=Path(job.rule.script).name,
        wildcards={name: str(value) for name, value in job.wildcards.items()},
        input=_paths(job.input),
        output=_paths(job.output),
        params=as_json(dict(job.params.items())),
        threads=int(job.threads),
        log=str(job.log[0]),
        benchmark=None if job.benchmark is None else str(job.benchmark),
    )


def rebuilt_weights(jobs: Iterable[RuleJob]) -> dict[str, str]:
    """Return the weights that the target machine converts again, with the GGUF file of each."""
    found = {}
    for weights in {job.input[_WEIGHTS] for job in jobs if _WEIGHTS in job.input}:
        artifact = recorded_artifact(Path(weights))
        record = None if artifact is None else read_record(artifact)
        if record is not None and record.content.get("rule") == "convert_gguf":
            (source,) = record.inputs
            found[weights] = source
    return found


def with_records(paths: Iterable[str]) -> list[str]:
    """Return files with their records, and with all other files of the recorded folders that contain them.

    Recorded folders are verified as a whole and must therefore be complete.
    """
    found: dict[str, None] = {}
    for path in paths:
        found[path] = None
        artifact = recorded_artifact(Path(path))
        if artifact is not None:
            found[str(record_path(artifact))] = None
            found.update(dict.fromkeys(map(str, read_record(artifact).files)))
    return list(found)


def _in_parcel(gguf: str) -> str:
    """Return the path of a GGUF file in the parcel; the original may belong to a package outside this folder."""
    return f"gguf/{Path(gguf).name}"


def _paths(files: Any) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return str(value) if isinstance(value, str) else [str(path) for path in value]

    names: Sequence[tuple[str, Any]] = list(files.items())
    return {name: plain(value) for name, value in names}
