"""The files of a recommender, and what it is trained with."""

from types import SimpleNamespace

from ilora.configuration.types import SEARCHED

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


def title_vectors(wildcards):
    """Return the titles' vectors for the recommender that reads titles; none for another."""
    if wildcards.recommender != "morec":
        return {}
    folder = f"{RESULTS}/title_vectors/{wildcards.dataset}/{wildcards.protocol}/{ENCODER.identifier}"
    return {"title_vectors": f"{folder}/title_vectors.safetensors"}


def encoder_files(wildcards):
    """Return the files of the encoder of titles, as `backbone_files` does."""
    return backbone_files(
        SimpleNamespace(dataset=wildcards.dataset, protocol=wildcards.protocol, backbone=ENCODER.identifier)
    )


def encoder_source(wildcards):
    """Return where the encoder of titles is loaded from and how, for a rule's `params`."""
    return model_source(ENCODER, wildcards)


def architecture_of(wildcards):
    """Return the settings of a recommender's model, for `params`; MoRec's is SASRec."""
    name = "sasrec" if wildcards.recommender == "morec" else wildcards.recommender
    return getattr(STUDY.recommenders, name).model_dump()


def training_of_recommenders():
    """Return the same with the L2, unless that is searched."""
    searched = STUDY.recommenders.is_weight_decay_searched
    return training_of_trials() | ({} if searched else {"weight_decay": STUDY.recommenders.weight_decay})


def training_of_trials():
    """Return how every recommender is trained, for `params`, but for its L2: no recommender's own settings, no guide."""
    others = {"sequence_encoder", "embedding_size", "weight_decay", "weight_decay_search", *RECOMMENDERS}
    return STUDY.recommenders.model_dump(exclude=others)


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
