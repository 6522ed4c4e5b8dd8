"""The models that the study takes: their files, where they are loaded from, and the GPUs they need."""

from ilora.configuration.sections.backbone import EMBEDDED_BACKBONE

# What makes vectors of titles, for MoRec.
ENCODER = STUDY.recommenders.morec.model

# The models of the study that may come from the hub, by identifier; and the record of which commit of one lies in the
# hub's cache, which nodes without a network read.
MODELS = {model.identifier: model for model in (STUDY.backbone, ENCODER)}
HUB_RECORD = f"{RESULTS}/backbone/hub/{{backbone}}.json"

# Constant, since the order of sums depends on it: `--cores` must never change a number.
LLM_THREADS = 1 if STUDY.backbone.is_embedded else 4


def gpu_for(model):
    """Return how many GPUs a job with one process of a model asks for: one, unless it is embedded or the study has none."""
    return 0 if model.is_embedded else min(1, STUDY.backbone.gpus)


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


def model_source(model, wildcards):
    """Return where a model is loaded from and how, for a rule's `params`."""
    return model.source(backbone_folder(wildcards), HUB_RECORD.format(backbone=model.identifier)).plain()
