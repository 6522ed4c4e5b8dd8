"""What the rules share: the validated study, and functions that give their inputs, params and resources."""

import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from ilora.code_version import script_version
from ilora.configuration.loading import ConfigurationError, finetuning_values, load_study
from ilora.configuration.model import (
    BASELINES,
    DATASETS,
    EMBEDDED_BACKBONE,
    LLM_METHODS,
    PROTOCOLS,
    RECOMMENDERS,
)
from snakemake.exceptions import WorkflowError

try:
    STUDY = load_study(config)
except ConfigurationError as error:
    raise WorkflowError(str(error)) from None

RESULTS = STUDY.results
BACKBONE = STUDY.backbone.identifier
# The methods that tune the language model, and so have adapters, training logs and a guide.
TUNED_METHODS = [method for method in STUDY.methods if method in LLM_METHODS and method != "zero_shot"]


# Constant, since the order of sums depends on it: `--cores` must never change a number.
LLM_THREADS = 1 if STUDY.backbone.is_embedded else 4

# A tuned adapter, file by file: one that is missing is noticed, as in a folder it would not be. iLoRA adds its gate.
TUNED = f"{RESULTS}/finetune/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}"
ADAPTER_FILES = {
    "configuration": f"{TUNED}/adapter/adapter_config.json",
    "weights": f"{TUNED}/adapter/adapter_model.safetensors",
    "projector": f"{TUNED}/adapter/projector.safetensors",
    "settings": f"{TUNED}/adapter/ilora.json",
}
GATE_FILE = f"{TUNED}/adapter/gate.safetensors"


wildcard_constraints:
    dataset="|".join(DATASETS),
    protocol="|".join(PROTOCOLS),
    recommender="|".join(RECOMMENDERS),
    baseline="|".join(BASELINES),
    method="|".join(LLM_METHODS),
    backbone=r"[A-Za-z0-9._@-]+",
    variant=r"[A-Za-z0-9._~-]+",
    seed=r"\d+",


def code_version(script):
    """Return the version of all library code that `workflow_scripts/<script>.py` uses."""
    return script_version(SCRIPTS / f"{script}.py", SCRIPTS)


def section(*names):
    """Return the named sections of the study as plain values, for a rule's `params`."""
    return STUDY.model_dump(mode="json", include=set(names))


def minutes(first_attempt):
    """Return a `runtime` that grows with the attempt, up to what the study allows."""
    limit = STUDY.resources.maximum_minutes
    return lambda wildcards, attempt: min(first_attempt * attempt, limit)


def memory(first_attempt):
    """Return a `mem_mb` that grows with the attempt, up to what the study allows."""
    limit = STUDY.resources.maximum_megabytes
    return lambda wildcards, attempt: min(first_attempt * attempt, limit)


def gpus():
    """Return how many GPUs a job of the language model asks for; the embedded backbone needs none."""
    return 0 if STUDY.backbone.is_embedded else STUDY.backbone.gpus


def intervals():
    """Return how intervals are computed, for a rule's `params`."""
    return {
        "confidence": STUDY.statistics.confidence,
        "samples": STUDY.statistics.bootstrap_samples,
        "seed": STUDY.statistics.bootstrap_seed,
    }


def finetuning_of(wildcards):
    """Return the fine-tuning settings of the data set, its preset and its own values applied, for `params`."""
    return finetuning_values(STUDY.finetuning, wildcards.dataset).model_dump(mode="json")


def raw_folder(wildcards):
    """Return the folder of a data set's raw files. One that is missing stops the job, not the planning."""
    folder = Path(STUDY.data.sources.get(wildcards.dataset, ""))
    return [str(folder)] if folder.name and folder.is_dir() else []


def adapter_files(wildcards):
    """Return the files of a tuned adapter, by name; the gate only where the method has one."""
    files = {f"adapter_{name}": path for name, path in ADAPTER_FILES.items()}
    return files | ({"gate": GATE_FILE} if wildcards.method == "ilora" else {})


def guide_files(wildcards):
    """Return what the guide of the same seed gives: item embeddings and sequence representations."""
    folder = (
        f"{RESULTS}/recommenders/{wildcards.dataset}/{wildcards.protocol}/"
        f"{STUDY.recommenders.guide}/seed~{wildcards.seed}"
    )
    return {
        "item_embeddings": f"{folder}/item_embeddings.safetensors",
        "representations": f"{folder}/sequence_representations.safetensors",
    }


def backbone_folder(wildcards):
    """Return the folder of the embedded backbone."""
    return f"{RESULTS}/backbone/{wildcards.dataset}/{wildcards.protocol}/{EMBEDDED_BACKBONE}"


def backbone_files(wildcards):
    """Return the files of the embedded backbone, by name; one from elsewhere is no input of the workflow."""
    if wildcards.backbone != EMBEDDED_BACKBONE:
        return {}
    folder = backbone_folder(wildcards)
    return {
        "backbone_config": f"{folder}/config.json",
        "backbone_tokenizer": f"{folder}/tokenizer.json",
        "backbone_weights": f"{folder}/model.safetensors",
        "projector": f"{folder}/projector.safetensors",
    }


def backbone_source(wildcards):
    """Return where the backbone is loaded from and how, for a rule's `params`."""
    embedded = wildcards.backbone == EMBEDDED_BACKBONE
    return {
        "name": backbone_folder(wildcards) if embedded else STUDY.backbone.name,
        "revision": STUDY.backbone.revision,
        "precision": STUDY.backbone.precision,
        "attention": STUDY.backbone.attention,
    }
