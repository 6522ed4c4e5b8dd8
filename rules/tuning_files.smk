"""The files of a tuned adapter, and the settings and the guide that it is tuned and asked with."""

import functools

from ilora.configuration.decoding import decoding_values
from ilora.configuration.variants import resolve_variant
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.tuning import MethodKind, TuningSettings
from ilora.configuration.types import DEFAULT_VARIANT as DEFAULT

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


@functools.cache
def settings_of_variant(dataset, method, name):
    """Return the settings of a variant; a name that is not the study's for them stops the planning."""
    try:
        return resolve_variant(STUDY, dataset, method, name)
    except ConfigurationError as error:
        raise WorkflowError(str(error)) from None


def finetuning_of(wildcards):
    """Return the fine-tuning settings of the data set and the variant, if there is one, for `params`."""
    return variant_of(wildcards).finetuning.plain()


def variant_of(wildcards):
    """Return the settings of the variant of a path."""
    variant = wildcards.get("variant", DEFAULT)
    return settings_of_variant(wildcards.dataset, wildcards.method, variant)


def tuning_of(wildcards):
    """Return how the method is tuned for the data set, as the library takes it, for `params`."""
    method = LANGUAGE_MODEL_METHODS[wildcards.method]
    return TuningSettings(
        dataset=wildcards.dataset,
        method=wildcards.method,
        kind=MethodKind(prompt=method.prompt, adapter=method.adapter),
        # A plan is made for all seeds.
        seed=int(wildcards.get("seed", str(STUDY.seeds[0]))),
        backbone=BackboneSource.read(backbone_source(wildcards)),
        finetuning=variant_of(wildcards).finetuning,
        prompt=STUDY.prompt,
        words=words_of(wildcards),
        candidates=STUDY.data.candidates,
        candidate_seed=STUDY.data.candidate_seed,
    ).plain()


def kind_of(wildcards):
    """Return what kind of method it is, as the library takes it, for `params`."""
    method = LANGUAGE_MODEL_METHODS[wildcards.method]
    return {"prompt": method.prompt, "adapter": method.adapter}


def answering_of(wildcards):
    """Return the settings of prompts and of the method's decoding, for `params`."""
    decoding = decoding_values(STUDY.decoding, wildcards.method)
    return {"prompt": STUDY.prompt.plain(), "decoding": decoding.plain()}


def guide_of(wildcards):
    """Return the recommender behind behaviour tokens and gate: the variant's, where the job has one."""
    if wildcards.get("variant", DEFAULT) == DEFAULT:
        return STUDY.recommenders.sequence_encoder
    return settings_of_variant(wildcards.dataset, wildcards.method, wildcards.variant).sequence_encoder


def guide_of_method(wildcards):
    """Return the guide of a method with hybrid prompts; None for a method with text alone."""
    return guide_of(wildcards) if LANGUAGE_MODEL_METHODS[wildcards.method].is_hybrid else None


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


def adapter_files(wildcards):
    """Return the files of a tuned adapter, by name; projector and gate only where the method has them."""
    method = LANGUAGE_MODEL_METHODS[wildcards.method]
    files = {f"adapter_{name}": path for name, path in ADAPTER_FILES.items()}
    files |= {"adapter_projector": PROJECTOR_FILE} if method.is_hybrid else {}
    return files | ({"gate": GATE_FILE} if method.is_gated else {})


def tuning_rule(method):
    """Return the rule that tunes a method, whose outputs are the files of its adapter."""
    declared = LANGUAGE_MODEL_METHODS[method]
    if declared.is_gated:
        return rules.fine_tune_gated
    return rules.fine_tune if declared.is_hybrid else rules.fine_tune_text_only


def fine_tuning_plan(wildcards):
    """Return the plan that is to be read before a fine-tuning is submitted; the embedded backbone's needs none."""
    return {} if STUDY.backbone.is_embedded else {"plan": ancient(FINETUNING_PLAN.format(**wildcards))}


def gpus_of_fine_tuning():
    """Return the resources of a fine-tuning's GPUs: on several nodes, the job itself starts a process for each."""
    backbone = STUDY.backbone
    count = 0 if backbone.is_embedded else backbone.gpus
    # Without tasks_per_gpu, Slurm would be asked for a task on each GPU, and a job has one.
    if backbone.nodes > 1:
        # As many on each node, which `gpu`, their sum over the nodes, would not say.
        total = count * backbone.nodes
        return {
            "gres": f"gpu:{count}",
            "tasks_per_gpu": 0,
            "nodes": backbone.nodes,
            "tasks": total,
            "mpi": "srun",
        }
    return {"gpu": count, "tasks_per_gpu": 0, "nodes": 1} if count > 1 else {"gpu": count}


def megabytes_of_fine_tuning():
    """Return the memory of a fine-tuning's first attempt; weights that are to be divided are read by each process."""
    backbone = STUDY.backbone
    if backbone.is_embedded:
        return 2500
    return 64000 * (backbone.processes if backbone.sharded else 1)
