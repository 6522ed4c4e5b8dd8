"""What all rules share: the validated study, its methods, constraints on wildcards, and limits of resources."""

import functools
import os
import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from ilora.code_version import script_version
from ilora.configuration.study import PROTOCOLS
from ilora.configuration.validation import ConfigurationError
from ilora.methods.register import BASELINES, CHAT_METHODS, LABELS, LANGUAGE_MODEL_METHODS, RECOMMENDERS
from ilora.recommenders.weight_decay import weight_decay_text
from ilora.study.study import Study
from ilora.study.targets import Targets
from snakemake.exceptions import WorkflowError

if " " in sys.executable:
    raise WorkflowError(
        f"{sys.executable}: found a space in the path of Python, with which Snakemake starts no scripts. Move this folder, or "
        "the virtual environment, to a path without one; results and data may lie anywhere."
    )
try:
    study = Study.load(config, os.environ)
except ConfigurationError as error:
    raise WorkflowError(str(error)) from None

targets = Targets(study)
STUDY, CHAT_ADDRESS, RESULTS = study.config, study.chat_address, study.config.results
BACKBONE, CHAT_MODEL = study.backbone_id, study.chat_model_id
METHODS, METHODS_WITHOUT_KEY = study.methods, study.methods_without_key
BACKBONE_METHODS, TUNED_METHODS, GATED_METHODS = (
    study.backbone_methods,
    study.tuned_methods,
    study.gated_methods,
)


def one_of(names):
    """Return a pattern that matches these names, and nothing if there are none."""
    return "|".join(names) or "(?!)"


def methods_with(**properties):
    """Return a pattern that matches the methods of the language model, in any study, with these properties."""
    return one_of(
        name
        for name, method in LANGUAGE_MODEL_METHODS.items()
        if all(getattr(method, key) == value for key, value in properties.items())
    )


wildcard_constraints:
    dataset="|".join(STUDY.known_datasets),
    protocol="|".join(PROTOCOLS),
    recommender=one_of(RECOMMENDERS),
    weight_decay=one_of(map(weight_decay_text, STUDY.recommenders.weight_decay_search.values)),
    baseline=one_of(BASELINES),
    method=one_of(LANGUAGE_MODEL_METHODS),
    backbone=r"[A-Za-z0-9._@-]+",
    variant=r"[A-Za-z0-9._~-]+",
    seed=r"\d+",


cached_version = functools.cache(script_version)


def code_version(script, *modules):
    """Return what gives the version of all library code that `workflow_scripts/<script>.py` uses.

    It is asked for where a job is planned: a process that runs one job parses what this one uses alone.
    """
    return lambda wildcards: cached_version(SCRIPTS / f"{script}.py", SCRIPTS, modules)


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


def intervals():
    """Return how intervals are computed, for a rule's `params`."""
    return {
        "confidence": STUDY.statistics.confidence,
        "samples": STUDY.statistics.bootstrap_samples,
        "seed": STUDY.statistics.bootstrap_seed,
    }


def slurm_run_id():
    """Return the name that the executor of Slurm gives all jobs of this run; None for a local run."""
    # Its log says it too, but not with `--quiet`.
    return getattr(workflow.scheduler._executor, "run_uuid", None)
