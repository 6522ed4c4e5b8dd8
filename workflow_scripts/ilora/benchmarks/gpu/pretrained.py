"""Part ``pretrained``: fine-tuning and inference of LLaRA and iLoRA by the rules' scripts, with the study's steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.compute as pc
import torch

from ilora.artifacts.parquet import read_extended_table, read_table
from ilora.artifacts.records import recorded_artifact
from ilora.artifacts.schemas import TRAINING_LOG
from ilora.artifacts.writing import record_path
from ilora.benchmarks.fine_tuning import operations
from ilora.benchmarks.gpu.answering_rate import answering_figures
from ilora.benchmarks.gpu.child_process import child_process
from ilora.benchmarks.gpu.parcels import pack
from ilora.benchmarks.gpu.parts import Bench, Section
from ilora.benchmarks.gpu.peak_rate import peak_rate
from ilora.benchmarks.gpu.prepared_study import PreparedStudy, prepared_study
from ilora.benchmarks.gpu.report import Figure, Measurement
from ilora.benchmarks.gpu.rule_jobs import ANSWERING, TUNING, Ended, RuleJob
from ilora.benchmarks.gpu.timing import rate, repeated_seconds
from ilora.benchmarks.gpu.tuning_step import TuningStep, collated
from ilora.llm.model.backbones import DTYPES
from ilora.llm.model.gpu_rates import UTILISATION
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning
from ilora.llm.training.tuning_plan import plan_tuning
from ilora.predictions.schema import PREDICTIONS

METHODS = ("llara", "ilora")
#: Size of the parts of the returned parcel.
_PART_BYTES = 15 * 2**20


def sections(bench: Bench) -> Iterator[Section]:
    """Yield the sections: first the jobs, then the steps."""
    study = prepared_study(bench)
    yield Section("jobs", lambda: run_jobs(study, bench))
    for method in METHODS:
        job = study.tuning(method)
        yield Section(f"a step of {method}", lambda job=job: step_figures(job, bench))  # type: ignore[misc]


def run_jobs(study: PreparedStudy, bench: Bench) -> Iterator[Measurement]:
    """Run the jobs in a separate process in the folder of the study, and return their output as a parcel."""
    file = study.root / "jobs.json"
    file.write_text(json.dumps([asdict(job) for job in study.jobs]), encoding="utf-8")
    with child_process("ilora.benchmarks.gpu.rule_jobs", [str(file)], folder=study.root) as process:
        assert process.stdout is not None
        for job, line in zip(study.jobs, _json_lines(process.stdout), strict=False):
            yield from _job_figures(job, Ended(**json.loads(line)), study.root)
        if process.wait():
            raise RuntimeError(f"the jobs ended with exit status {process.returncode}; see the log on standard error")
    # In the order of the jobs, which is also the order of the import.
    recorded = [recorded_artifact(study.root / path) for job in study.jobs for path in job.outputs]
    artifacts = list(dict.fromkeys(str(path.relative_to(study.root)) for path in recorded if path is not None))
    parcel = bench.made / "made"
    files = {path: study.root / path for path in _files(artifacts, study.root)}
    benchmarks = [job.benchmark for job in study.jobs if job.benchmark is not None]
    about = {"study": study.name, "artifacts": artifacts, "benchmarks": benchmarks}
    pack(files, parcel, _PART_BYTES, about)
    yield Figure("handed back", sum(path.stat().st_size for path in parcel.iterdir()) / 1e6, "MB", note=str(parcel))


def step_figures(job: TuningJob, bench: Bench) -> Iterator[Measurement]:
    """Measure a step of a fine-tuning, and inference with its initial adapter, along with the workflow's plan."""
    model, examples = prepare_tuning(job)
    values, method, device = job.settings.finetuning, job.settings.method, bench.device
    rows = values.batch_size // values.gradient_accumulation
    parts = collated(examples, rows, values.gradient_accumulation)
    step = TuningStep.of(model, parts, _dtype(job, device))
    encoder = read_method_inputs(
        *(job.inputs[name] for name in ("catalogue", "sequences", "item_embeddings", "representations"))
    )
    assert encoder.sequence_encoder is not None
    plan = plan_tuning(job.settings, encoder, encoder.sequence_encoder.item_embeddings.shape[1], processes=1)
    seconds = repeated_seconds(step, device, bench.sizes.repeats, warm_up=2)
    yield rate(f"{method}: step", step.tokens, "tokens/s", seconds, note=f"{values.batch_size} sequences")
    counted = operations(step)
    share = rate(f"{method}: share of the peak", counted / peak_rate(device, bench.sizes.product), "", seconds)
    yield replace(share, predicted=UTILISATION)
    planned = plan.operations / plan.steps
    yield Figure(f"{method}: operations of a step", counted, "operations", predicted=planned, note="of a mean batch")
    yield Figure(f"{method}: peak memory of a step", step.peak_bytes() / 1e9, "GB", predicted=plan.gigabytes)
    yield from answering_figures(model, examples, bench, f" with {method}")


def _dtype(job: TuningJob, device: torch.device) -> torch.dtype:
    # The training loop uses the backbone's precision only on a GPU.
    return DTYPES[job.settings.backbone.precision] if device.type == "cuda" else torch.float32


def _json_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of JSON, one per finished job, from the output of the process."""
    yield from (line for line in lines if line.startswith("{"))


def _job_figures(job: RuleJob, ended: Ended, root: Path) -> Iterator[Measurement]:
    name = f"{ended.rule} {ended.method}"
    yield Figure(f"{name}: whole job", ended.seconds, "s", note="including loading, preparation and writing")
    if ended.peak_bytes is not None:
        yield Figure(f"{name}: peak memory of the job", ended.peak_bytes / 1e9, "GB")
    if job.script == TUNING:
        log = read_extended_table(root / job.output["log"], TRAINING_LOG)
        losses = log["loss"].drop_null().to_pylist()
        yield Figure(f"{name}: loss of the first row", losses[0], "nats")
        yield Figure(f"{name}: loss of the last row", losses[-1], "nats", note=f"step {log['step'][-1].as_py()}")
    if job.script == ANSWERING:
        predictions = read_table(root / job.output["predictions"], PREDICTIONS)
        valid = 1 - predictions["choice"].null_count / len(predictions)
        right = pc.sum(pc.equal(predictions["choice"], predictions["target"])).as_py() or 0
        yield Figure(f"{name}: answers that name a candidate", valid, "", note=f"of {len(predictions)}")
        yield Figure(f"{name}: right answers", right / len(predictions), "", note="validation and test together")


def _files(artifacts: list[str], root: Path) -> Iterator[str]:
    """Yield the paths of artifacts, their contents and their records."""
    for path in artifacts:
        yield from (path, str(record_path(path)))
        yield from (str(file.relative_to(root)) for file in (root / path).rglob("*"))
