"""The jobs of an invented study, as the workflow would plan them, for use without a prepared study."""

from __future__ import annotations

from pathlib import Path

from ilora.benchmarks.gpu.rule_jobs import ANSWERING, TUNING, RuleJob
from ilora.benchmarks.gpu.small_study import write_candidates
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.tuning import MethodKind
from ilora.layout import Layout, fill
from ilora.llm.training.tuning_job import TuningJob
from ilora.methods.declaration import AdapterKind

_ADAPTERS: dict[str, AdapterKind] = {"llara": "uniform", "ilora": "instance_wise"}
_CANDIDATES = "candidates.parquet"
_LAYOUT = Layout("results")
_NEW_TOKENS = 16


def invented_jobs(job: TuningJob, root: Path) -> list[RuleJob]:
    """Return the fine-tuning and inference jobs of LLaRA and iLoRA, with paths relative to the study's folder.

    Args:
        job: fine-tuning from `ilora.benchmarks.gpu.small_study`.
        root: folder of the study.
    """
    write_candidates(job, root / _CANDIDATES)
    tunings = [_tuning(job, root, method) for method in _ADAPTERS]
    return [*tunings, *(_answering(tuning) for tuning in tunings)]


def _tuning(job: TuningJob, root: Path, method: str) -> RuleJob:
    backbone = job.settings.backbone.model_copy(update={"name": Path(job.settings.backbone.name).name})
    kind = MethodKind(prompt="hybrid", adapter=_ADAPTERS[method])
    settings = job.settings.model_copy(update={"method": method, "kind": kind, "backbone": backbone})
    wildcards = {
        "dataset": settings.dataset,
        "protocol": "random_users",
        "backbone": "invented",
        "method": method,
        "variant": "default",
        "seed": str(settings.seed),
    }
    made = {
        "configuration": _LAYOUT.adapter_config,
        "weights": _LAYOUT.adapter_weights,
        "settings": _LAYOUT.adapter_settings,
        "projector": _LAYOUT.adapter_projector,
        "snapshots": _LAYOUT.snapshots,
        "log": _LAYOUT.tuning_log,
    }
    return RuleJob(
        rule="fine_tune",
        script=TUNING,
        wildcards=wildcards,
        input={name: str(Path(path).relative_to(root)) for name, path in job.inputs.items()},
        output={name: fill(path, **wildcards) for name, path in made.items()},
        params={
            "code": "invented",
            "tuning": settings.plain(),
            "processes": {"processes": 1, "nodes": 1},
            "sharded": False,
        },
        threads=job.threads,
        log=f"fine_tune-{method}.log",
    )


def _answering(tuning: RuleJob) -> RuleJob:
    adapter = ("configuration", "weights", "settings", "projector")
    prompt = tuning.params["tuning"]["prompt"]
    return RuleJob(
        rule="answer_fine_tuned",
        script=ANSWERING,
        wildcards=tuning.wildcards,
        input={
            **tuning.input,
            **{f"adapter_{name}": tuning.output[name] for name in adapter},
            "candidates": _CANDIDATES,
        },
        output={"predictions": fill(_LAYOUT.tuned_predictions, **tuning.wildcards)},
        params={
            "code": "invented",
            "tuning": tuning.params["tuning"],
            "adapter": str(Path(tuning.output["weights"]).parent),
            "draws": 1,
            "config": {"prompt": prompt, "decoding": DecodingSection(maximum_new_tokens=_NEW_TOKENS).plain()},
        },
        threads=tuning.threads,
        log=f"answer_fine_tuned-{tuning.wildcards['method']}.log",
    )
