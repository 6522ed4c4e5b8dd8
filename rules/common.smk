"""What the rules share: the validated study, and functions that give their inputs, params and resources."""

import functools
import os
import sys
from pathlib import Path
from types import SimpleNamespace

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from ilora.baselines.chat.keys import read_key
from ilora.code_version import script_version
from ilora.configuration.decoding import decoding_values
from ilora.configuration.endpoint import endpoint_address
from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.loading import load_study
from ilora.configuration.model import DOWNLOAD, EMBEDDED_BACKBONE, PROTOCOLS, SEARCHED
from ilora.configuration.validation import ConfigurationError
from ilora.configuration.variants import DEFAULT, resolve_variant
from ilora.data.acquisition.catalogue import SOURCES
from ilora.methods.register import BASELINES, CHAT_METHODS, LABELS, LANGUAGE_MODEL_METHODS, RECOMMENDERS
from ilora.recommenders.weight_decay import weight_decay_text
from snakemake.exceptions import WorkflowError

try:
    STUDY = load_study(config)
    CHAT_ADDRESS = endpoint_address(STUDY.chat, os.environ)
except ConfigurationError as error:
    raise WorkflowError(str(error)) from None

RESULTS = STUDY.results
BACKBONE = STUDY.backbone.identifier
# What makes vectors of titles, for MoRec.
ENCODER = STUDY.recommenders.morec.model
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


# Constant, since the order of sums depends on it: `--cores` must never change a number.
LLM_THREADS = 1 if STUDY.backbone.is_embedded else 4

# A tuned adapter, file by file: one that is missing is noticed, as in a folder it would not be. A method with hybrid
# prompts adds its projector, one with an instance-wise adapter its gate.
TUNED = f"{RESULTS}/finetune/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}"
ADAPTER_FILES = {
    "configuration": f"{TUNED}/adapter/adapter_config.json",
    "weights": f"{TUNED}/adapter/adapter_model.safetensors",
    "settings": f"{TUNED}/adapter/ilora.json",
}
PROJECTOR_FILE = f"{TUNED}/adapter/projector.safetensors"
GATE_FILE = f"{TUNED}/adapter/gate.safetensors"

# What a fine-tuning with the study's own settings will need.
FINETUNING_PLAN = f"{RESULTS}/plans/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}.json"


# A recommender and all that is trained of it. One whose L2 was searched lies apart from one with the study's own L2, so
# that neither study trains anew what the other has.
RECOMMENDER = f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}"
L2_FOLDER = f"weight_decay~{SEARCHED}/" if STUDY.recommenders.is_weight_decay_searched else ""
TRAINED = f"{RECOMMENDER}/{L2_FOLDER}seed~{{seed}}"
# A training of that search, and what is chosen by all of them.
TRIAL_LOG = f"{RECOMMENDER}/weight_decay~{{weight_decay}}/seed~{{seed}}/training_log.parquet"
CHOICE = f"{RECOMMENDER}/weight_decays.parquet"
# Those that train an encoder of titles, by a rule of their own; no other rule trains them.
WITH_ENCODER = ["morec"] if STUDY.recommenders.morec.is_end_to_end else []

# The models of the study that may come from the hub, by identifier; and the record of which commit of one lies in the
# hub's cache, which nodes without a network read.
MODELS = {model.identifier: model for model in (STUDY.backbone, ENCODER)}
HUB_RECORD = f"{RESULTS}/backbone/hub/{{backbone}}.json"


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


def gpus_of_encoder():
    """Return how many GPUs a training of the encoder of titles asks for: one, unless the study has none."""
    return 0 if ENCODER.is_embedded else min(1, STUDY.backbone.gpus)


def gpus_of_fine_tuning():
    """Return the resources of a fine-tuning's GPUs: on several nodes, the job itself starts a process for each."""
    if gpus() <= 1 and STUDY.backbone.nodes == 1:
        return {"gpu": gpus()}
    # Without tasks_per_gpu, Slurm would be asked for a task on each GPU, and a job has one.
    if STUDY.backbone.nodes == 1:
        return {"gpu": gpus(), "tasks_per_gpu": 0}
    total = gpus() * STUDY.backbone.nodes
    return {"gpu": total, "tasks_per_gpu": 0, "nodes": STUDY.backbone.nodes, "tasks": total, "mpi": "srun"}


def intervals():
    """Return how intervals are computed, for a rule's `params`."""
    return {
        "confidence": STUDY.statistics.confidence,
        "samples": STUDY.statistics.bootstrap_samples,
        "seed": STUDY.statistics.bootstrap_seed,
    }


@functools.cache
def settings_of_variant(dataset, method, name):
    """Return the settings of a variant; a name that is not the study's for them stops the planning."""
    try:
        return resolve_variant(STUDY, dataset, method, name)
    except ConfigurationError as error:
        raise WorkflowError(str(error)) from None


def finetuning_of(wildcards):
    """Return the fine-tuning settings of the data set and the variant, if there is one, for `params`."""
    variant = wildcards.get("variant", DEFAULT)
    return settings_of_variant(wildcards.dataset, wildcards.method, variant).finetuning.model_dump(
        mode="json"
    )


def tuning_of(wildcards):
    """Return how the method is tuned for the data set, as the library takes it, for `params`."""
    return {
        "dataset": wildcards.dataset,
        "method": wildcards.method,
        "kind": kind_of(wildcards),
        # A plan is made for all seeds.
        "seed": int(wildcards.get("seed", STUDY.seeds[0])),
        "backbone": backbone_source(wildcards),
        "finetuning": finetuning_of(wildcards),
        **section("prompt"),
        "words": words_of(wildcards),
        "candidates": STUDY.data.candidates,
        "candidate_seed": STUDY.data.candidate_seed,
    }


def kind_of(wildcards):
    """Return what kind of method it is, as the library takes it, for `params`."""
    method = LANGUAGE_MODEL_METHODS[wildcards.method]
    return {"prompt": method.prompt, "adapter": method.adapter}


def answering_of(wildcards):
    """Return the settings of prompts and of the method's decoding, for `params`."""
    decoding = decoding_values(STUDY.decoding, wildcards.method)
    return {**section("prompt"), "decoding": decoding.model_dump(mode="json")}


def guide_of(wildcards):
    """Return the recommender behind behaviour tokens and gate: the variant's, where the job has one."""
    if wildcards.get("variant", DEFAULT) == DEFAULT:
        return STUDY.recommenders.guide
    return settings_of_variant(wildcards.dataset, wildcards.method, wildcards.variant).guide


def raw_source(wildcards):
    """Return where the raw files of a built-in data set lie, as its reader takes it; None for one of the user's own."""
    if wildcards.dataset in STUDY.data.own:
        return None
    source = STUDY.data.sources[wildcards.dataset]
    return f"{RESULTS}/raw/{wildcards.dataset}" if source == DOWNLOAD else source


def raw_files(wildcards):
    """Return a data set's raw files, or their folder. A user's that are missing stop the job, not the planning."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is not None:
        return [path for path in (own.interactions, own.items) if Path(path).is_file()]
    folder = raw_source(wildcards)
    if STUDY.data.sources[wildcards.dataset] == DOWNLOAD:
        return [f"{folder}/{name}" for name in SOURCES[wildcards.dataset].file_names]
    return [folder] if Path(folder).is_dir() else []


def tables_of(wildcards):
    """Return the files of a user's own data set and how to read them, for `params`; None for a built-in one."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is None:
        return None
    tables = own.model_dump(include={"interactions", "items", "columns", "timestamps", "encoding"})
    # Without a minimum, no rating has to be there.
    tables["columns"]["rating"] = None if own.minimum_rating is None else own.columns.rating
    return tables


def filters_of(wildcards):
    """Return what the study chooses about filtering a data set, and nothing about another, for `params`."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is not None:
        return own.model_dump(include={"minimum_rating", "minimum_users_per_item", "minimum_items_per_user"})
    choices = {
        "movielens": {"minimum_rating": STUDY.data.minimum_rating},
        "steam": {"sample_seed": STUDY.data.sample_seed},
    }
    return choices.get(wildcards.dataset, {})


def words_of(wildcards):
    """Return the words of a user's own data set in prompts, for `params`; built-in ones have sentences of their own."""
    own = STUDY.data.own.get(wildcards.dataset)
    return None if own is None else own.words.model_dump()


def data_of_run(name):
    """Return a function that gives the file of this name of the run's data set and protocol."""

    def path(wildcards):
        _, dataset, protocol, *_ = wildcards.run.split("/")
        return f"{RESULTS}/data/{dataset}/{protocol}/{name}"

    return path


def data_files(name):
    """Return the file of this name of every data set of the study."""
    return expand(f"{RESULTS}/data/{{dataset}}/{STUDY.protocol}/{name}", dataset=STUDY.datasets)


def adapter_files(wildcards):
    """Return the files of a tuned adapter, by name; projector and gate only where the method has them."""
    method = LANGUAGE_MODEL_METHODS[wildcards.method]
    files = {f"adapter_{name}": path for name, path in ADAPTER_FILES.items()}
    files |= {"adapter_projector": PROJECTOR_FILE} if method.is_hybrid else {}
    return files | ({"gate": GATE_FILE} if method.is_gated else {})


def fine_tuning_plan(wildcards):
    """Return the plan that is to be read before a fine-tuning is submitted; the embedded backbone's needs none."""
    return {} if STUDY.backbone.is_embedded else {"plan": ancient(FINETUNING_PLAN.format(**wildcards))}


def guide_files(wildcards):
    """Return what the guide of the same seed gives: item embeddings and sequence representations."""
    folder = TRAINED.format(
        dataset=wildcards.dataset,
        protocol=wildcards.protocol,
        recommender=guide_of(wildcards),
        seed=wildcards.seed,
    )
    return {
        "item_embeddings": f"{folder}/item_embeddings.safetensors",
        "representations": f"{folder}/sequence_representations.safetensors",
    }


def guide_files_of_method(wildcards):
    """Return the files of the guide of a method with hybrid prompts; a method with text alone has no guide."""
    return guide_files(wildcards) if LANGUAGE_MODEL_METHODS[wildcards.method].is_hybrid else {}


def guide_of_method(wildcards):
    """Return the guide of a method with hybrid prompts; None for a method with text alone."""
    return guide_of(wildcards) if LANGUAGE_MODEL_METHODS[wildcards.method].is_hybrid else None


def tuning_rule(method):
    """Return the rule that tunes a method, whose outputs are the files of its adapter."""
    declared = LANGUAGE_MODEL_METHODS[method]
    if declared.is_gated:
        return rules.fine_tune_gated
    return rules.fine_tune if declared.is_hybrid else rules.fine_tune_text_only


def backbone_folder(wildcards):
    """Return the folder of the embedded backbone."""
    return f"{RESULTS}/backbone/{wildcards.dataset}/{wildcards.protocol}/{EMBEDDED_BACKBONE}"


def backbone_files(wildcards):
    """Return the files of the embedded backbone, by name, or the record of one from the hub; a directory has none."""
    if wildcards.backbone != EMBEDDED_BACKBONE:
        from_hub = MODELS[wildcards.backbone].is_on_hub
        return {"backbone_record": HUB_RECORD.format(backbone=wildcards.backbone)} if from_hub else {}
    folder = backbone_folder(wildcards)
    return {
        "backbone_config": f"{folder}/config.json",
        "backbone_tokenizer": f"{folder}/tokenizer.json",
        "backbone_weights": f"{folder}/model.safetensors",
        "projector": f"{folder}/projector.safetensors",
    }


def backbone_source(wildcards):
    """Return where the backbone is loaded from and how, for a rule's `params`."""
    return model_source(STUDY.backbone, wildcards)


def encoder_files(wildcards):
    """Return the files of the encoder of titles, as `backbone_files` does."""
    return backbone_files(
        SimpleNamespace(dataset=wildcards.dataset, protocol=wildcards.protocol, backbone=ENCODER.identifier)
    )


def encoder_source(wildcards):
    """Return where the encoder of titles is loaded from and how, for a rule's `params`."""
    return model_source(ENCODER, wildcards)


def model_source(model, wildcards):
    """Return where a model is loaded from and how, for a rule's `params`."""
    return {
        "name": backbone_folder(wildcards) if model.is_embedded else model.name,
        "revision": model.revision,
        "precision": model.precision,
        "quantization": model.quantization,
        "attention": model.attention,
    }


def title_vectors(wildcards):
    """Return the titles' vectors for the recommender that reads titles; none for another."""
    if wildcards.recommender != "morec":
        return {}
    folder = f"{RESULTS}/title_vectors/{wildcards.dataset}/{wildcards.protocol}/{ENCODER.identifier}"
    return {"title_vectors": f"{folder}/title_vectors.safetensors"}


def architecture_of(wildcards):
    """Return the settings of a recommender's model, for `params`; MoRec's is SASRec."""
    name = "sasrec" if wildcards.recommender == "morec" else wildcards.recommender
    return getattr(STUDY.recommenders, name).model_dump()


def training_of_trials():
    """Return how every recommender is trained, for `params`, but for its L2: no recommender's own settings, no guide."""
    others = {"guide", "embedding_size", "weight_decay", "weight_decay_search", *RECOMMENDERS}
    return STUDY.recommenders.model_dump(exclude=others)


def training_of_recommenders():
    """Return the same with the L2, unless that is searched."""
    searched = STUDY.recommenders.is_weight_decay_searched
    return training_of_trials() | ({} if searched else {"weight_decay": STUDY.recommenders.weight_decay})


def searched_weight_decay(wildcards):
    """Return the table that holds the chosen L2; none where the study names the value itself."""
    return {"weight_decay": CHOICE.format(**wildcards)} if STUDY.recommenders.is_weight_decay_searched else {}


def weight_decay_trials():
    """Return weight decay and seed of every training of the search, as they stand in paths."""
    search = STUDY.recommenders.weight_decay_search
    return [(weight_decay_text(value), seed) for value in search.values for seed in search.seeds]


def trial_logs(wildcards):
    """Return the training log of every training of the search for one recommender."""
    return [
        TRIAL_LOG.format(**wildcards, weight_decay=weight_decay, seed=seed)
        for weight_decay, seed in weight_decay_trials()
    ]


def slurm_run_id():
    """Return the name that the executor of Slurm gives all jobs of this run; None for a local run."""
    # Its log says it too, but not with `--quiet`.
    return getattr(workflow.scheduler._executor, "run_uuid", None)
