"""What all rules share: the validated study, its methods, constraints on wildcards, and limits of resources."""

import functools
import os
import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from ilora.baselines.chat.keys import read_key
from ilora.code_version import script_version
from ilora.configuration.endpoint import endpoint_address
from ilora.configuration.loading import load_study
from ilora.configuration.study import PROTOCOLS
from ilora.configuration.validation import ConfigurationError
from ilora.methods.register import BASELINES, CHAT_METHODS, LABELS, LANGUAGE_MODEL_METHODS, RECOMMENDERS
from ilora.recommenders.weight_decay import weight_decay_text
from snakemake.exceptions import WorkflowError

if " " in sys.executable:
    raise WorkflowError(
        f"{sys.executable}: found a space in the path of Python, with which Snakemake starts no scripts. Move this folder, or "
        "the virtual environment, to a path without one; results and data may lie anywhere."
    )
try:
    STUDY = load_study(config)
    CHAT_ADDRESS = endpoint_address(STUDY.chat, os.environ)
except ConfigurationError as error:
    raise WorkflowError(str(error)) from None

RESULTS = STUDY.results
BACKBONE = STUDY.backbone.identifier
CHAT_MODEL = STUDY.chat.identifier
# The methods that are run, in the order of the register, which is that of the rows of Table 1: those of a chat model only
# where its key is in the environment.
HAS_CHAT_KEY = read_key(STUDY.chat.key_variable, os.environ) is not None
METHODS = [
    method for method in LABELS if method in STUDY.methods and (HAS_CHAT_KEY or method not in CHAT_METHODS)
]
METHODS_WITHOUT_KEY = [method for method in STUDY.methods if method not in METHODS]
if not METHODS:
    raise WorkflowError(
        f"the study has no methods but {', '.join(STUDY.methods)}, and none of them can be run: the environment variable "
        f"{STUDY.chat.key_variable} holds no key. Set it, or add other methods."
    )
# Those of the backbone, and of these the ones that tune it, and so have adapters and training logs.
BACKBONE_METHODS = [method for method in METHODS if method in LANGUAGE_MODEL_METHODS]
TUNED_METHODS = [method for method in BACKBONE_METHODS if LANGUAGE_MODEL_METHODS[method].is_tuned]
GATED_METHODS = [method for method in TUNED_METHODS if LANGUAGE_MODEL_METHODS[method].is_gated]


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
