"""Deviations of the compared methods, their seeds and the training of the recommenders."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings, counted
from ilora.plotting.labels import method_label
from ilora.plotting.paper_reference import SEEDS

#: Rows of the paper's Table 1.
PAPER_METHODS = ("gru4rec", "caser", "sasrec", "zero_shot", "chatrec", "morec", "tallrec", "llara", "ilora")


def recommender_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of the recommenders, the chat models, and the list of methods and seeds."""
    yield from _training(study)
    missing = [method_label(name) for name in PAPER_METHODS if name not in study.settings["methods"]]
    if missing:
        yield Deviation(
            "Methods",
            "All rows of its Table 1.",
            f"Without {', '.join(missing)}.",
            "The study makes no statement about these.",
        )
    yield from _seeds(study)
    yield from _chat_models(study)


_LOSSES = {
    "cross_entropy": "cross-entropy over all items",
    "binary_cross_entropy": "binary cross-entropy with one random negative",
}


def _training(study: Settings) -> Iterator[Deviation]:
    recommenders = study.settings["recommenders"]
    if study.compares_any_of(("gru4rec", "caser", "sasrec")):
        yield Deviation(
            "Training of GRU4Rec, Caser and SASRec",
            "Numbers copied from the LLaRA paper; L2 from a grid search over unspecified values, with other details "
            "unspecified too.",
            f"Trained here: {_LOSSES[recommenders['loss']]}; the best state on validation, after at most "
            f"{counted(recommenders['maximum_epochs'], 'epoch')}; {_weight_decay(study)}",
            "The conventional baselines may be stronger than the paper's: on random splits of MovieLens, a SASRec "
            "trained without special measures reached 0.41 to 0.50, where the paper prints 0.3444.",
        )
    if "morec" in study.settings["methods"]:
        yield Deviation(
            "MoRec",
            "Neither its text encoder nor its training is specified.",
            f"SASRec on titles; the encoder is {recommenders['morec']['encoder']}, {_encoder_training(study)}",
            _encoder_effect(study),
        )


def _seeds(study: Settings) -> Iterator[Deviation]:
    seeds = len(study.settings["seeds"])
    if seeds < SEEDS:
        yield Deviation(
            "Seeds",
            "Mean of five for the conventional recommenders; not specified for the language model.",
            f"{'One' if seeds == 1 else seeds}, for every trained method.",
            "No interval covers the run-to-run variance, so trained methods get no verdict."
            if seeds == 1
            else "Intervals cover the run-to-run variance; so few runs make them wide.",
        )


def _weight_decay(study: Settings) -> str:
    """Return how the L2 of the recommenders was set, as the end of a sentence."""
    recommenders = study.settings["recommenders"]
    if recommenders["weight_decay"] != "searched":
        return f"L2 is {recommenders['weight_decay']:g}, without a search."
    search = recommenders["weight_decay_search"]
    values = ", ".join(f"{value:g}" for value in search["values"])
    trainings = counted(len(search["seeds"]), "training")
    chosen = ", ".join(f"{found.chosen:g} for {found.label}" for found in study.weight_decays)
    return f"L2 is the best on validation among {values} ({trainings} of each): {chosen}."


def _is_encoder_trained(study: Settings) -> bool:
    return bool(study.settings["recommenders"]["morec"]["training"] == "end_to_end")


def _encoder_training(study: Settings) -> str:
    """Return how MoRec and its encoder are trained, as the end of a sentence."""
    if not _is_encoder_trained(study):
        return "which is frozen: a linear map to the item embeddings is trained with the rest."
    compared = {"all": "all items", "batch": "the items of the batch"}[
        study.settings["recommenders"]["morec"]["compared_items"]
    ]
    return f"trained with the rest; the loss is over {compared}."


def _encoder_effect(study: Settings) -> str:
    if _is_encoder_trained(study):
        effect = "Another encoder, or another learning rate for it, may do better."
    else:
        effect = "An encoder that is tuned with the recommender may do better."
    is_embedded = study.settings["recommenders"]["morec"]["encoder"] == "embedded"
    return effect + (" The embedded encoder has seen only the titles of the training split." if is_embedded else "")


def _chat_models(study: Settings) -> Iterator[Deviation]:
    if not study.chats:
        return
    chat, encoder = study.settings["chat"], study.settings["recommenders"]["sequence_encoder"]
    yield Deviation(
        "ChatRec and GPT-4",
        "A chat model behind an API; its version, prompt and candidates are not specified. No row of its table is "
        "named GPT-4.",
        f"{chat['model']}, queried on {counted(chat['draws'], 'candidate set')} of each sequence, once with the text "
        f"prompt and once as ChatRec: the candidate set in the order in which {method_label(encoder)} with the first "
        "seed ranks it, without a user profile. Words around a title make an answer invalid.",
        "The verdict on ChatRec is left open. The model behind a name may change, and it may have seen the data sets "
        "in its training.",
    )
