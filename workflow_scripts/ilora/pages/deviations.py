"""Known deviations from the paper (arXiv 2408.10159), with what each one changes.

"The paper" is its text, and where the text leaves something open, the code and the split files released with it. A
deviation belongs to a study if the study's settings say so; all of them are written down here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.configuration.finetuning import finetuning_values, values_by_dataset
from ilora.configuration.presets import LEARNING_RATES, preset_values
from ilora.configuration.study import StudyConfig
from ilora.datasets.register import DATASETS, PAPER_DATASETS
from ilora.layout import REPORT
from ilora.methods.register import TUNED_METHODS
from ilora.plotting.html_page import html_page, html_table
from ilora.plotting.labels import dataset_label, method_label
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.weight_decays import WeightDecaySearch, read_search

if TYPE_CHECKING:
    from ilora.study.study import Study

NOTES = (
    "The paper: arXiv 2408.10159, and where its text leaves something open, the code and the split files released with "
    "it. Chosen by the study's settings; what is not listed follows the paper, as far as is known.",
)

#: Rows of the paper's Table 1.
PAPER_METHODS = ("gru4rec", "caser", "sasrec", "zero_shot", "chatrec", "morec", "tallrec", "llara", "ilora")
PAPER_BACKBONE = "llama-2-7b"
PAPER_SEEDS = 5

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Deviation:
    """One departure from the paper.

    Attributes:
        subject: what it is about.
        paper: what the paper, or what was released with it, does.
        here: what this study does.
        effect: what that changes in the numbers or in what they mean; it says so where that is not known.
    """

    subject: str
    paper: str
    here: str
    effect: str


@dataclass(frozen=True)
class Settings:
    """What the deviations are chosen by.

    Attributes:
        settings: the study's, as its configuration nests them.
        finetuning: for each data set, its resolved fine-tuning settings.
        paper_finetuning: for each data set, those of them that the paper names, with its values.
        weight_decays: the searches for the recommenders' L2; none where the settings name the value.
    """

    settings: Values
    finetuning: Mapping[str, Values]
    paper_finetuning: Mapping[str, Values]
    weight_decays: Sequence[WeightDecaySearch] = ()

    @property
    def is_published(self) -> bool:
        """Whether the splits are rebuilt like those that the paper was measured on."""
        return bool(self.settings["protocol"] == "published")

    @property
    def is_embedded(self) -> bool:
        """Whether the language model is the one that the pipeline makes itself."""
        return bool(self.settings["backbone"]["name"] == "embedded")

    @property
    def tunes(self) -> bool:
        """Whether any method of the study fine-tunes the language model."""
        return bool(set(TUNED_METHODS).intersection(self.settings["methods"]))

    def has(self, dataset: str) -> bool:
        """Return whether the study is on this data set."""
        return dataset in self.settings["datasets"]


def deviations_of(study: Settings) -> list[Deviation]:
    """Return the deviations of a study, those of the data first."""
    return [deviation for part in _PARTS for deviation in part(study)]


def deviation_table(study: Settings) -> str:
    """Return the deviations of a study as an HTML table."""
    rows = [(found.subject, found.paper, found.here, found.effect) for found in deviations_of(study)]
    return html_table(("Subject", "Paper", "This study", "What it changes"), rows)


def _data(study: Settings) -> Iterator[Deviation]:
    if study.is_published:
        yield Deviation(
            "Test users",
            "The released split files, 8:1:1 by user.",
            f"Splits rebuilt from the raw data by the same rules; which users go where is drawn with seed "
            f"{study.settings['data']['split_seed']}.",
            "Other users are tested than the paper's. Chance alone moves a number by much: with MovieLens' 95 test "
            "users, the 95 % interval around a HitRatio@1 of 0.45 reaches from 0.36 to 0.55.",
        )
    else:
        yield Deviation(
            "Splits",
            "8:1:1 by user; a validation or test user gives one sequence, the last.",
            "Leave-one-out in time order: of every user the last item is the test target, the one before it the "
            "validation target; other candidates come from outside of the user's whole sequence.",
            "No number can be set against the paper's. About ten times as many test sequences make the intervals "
            "about a third as wide.",
        )
    yield from _data_sets(study)


def _data_sets(study: Settings) -> Iterator[Deviation]:
    labels = [dataset_label(dataset) for dataset in PAPER_DATASETS]
    missing = [dataset_label(dataset) for dataset in PAPER_DATASETS if not study.has(dataset)]
    if missing:
        yield Deviation(
            "Data sets",
            f"{', '.join(labels[:-1])} and {labels[-1]}.",
            f"Without {', '.join(missing)}.",
            "What is shown holds for fewer data sets than the paper's claims.",
        )
    for name, dataset in DATASETS.items():
        for found in dataset.published.departures:
            if study.has(name) and (not found.protocols or study.settings["protocol"] in found.protocols):
                here = found.here.format_map(study.settings["data"])
                yield Deviation(found.subject, found.paper, here, found.effect)


def _candidates(study: Settings) -> Iterator[Deviation]:
    data = study.settings["data"]
    if data["draws"] != 1:
        yield Deviation(
            "Candidate sets of a user",
            "One random set for each test sequence.",
            f"{data['draws']} sets for each, drawn once and shared by all methods; intervals take a user's sets "
            "together.",
            "Less of a number is due to which other items were drawn: on rebuilt MovieLens splits, SASRec's HitRatio@1 "
            "moved by 0.04 between single draws.",
        )
    yield Deviation(
        "Size of a candidate set",
        "20 items besides the target by its appendix; 20 with the target in the released files.",
        f"{data['candidates']} with the target among them.",
        f"Chance is 1/{data['candidates']}; with one more item it would be 1/{data['candidates'] + 1}.",
    )


def _metrics(study: Settings) -> Iterator[Deviation]:
    yield Deviation(
        "HitRatio@1",
        "iLoRA's is counted by the released code: hits among valid answers, without the last, partial batch (0.5275 on "
        "MovieLens is 48 of 91). The others' are hits among all answers.",
        "Hits among all answers, for every method. The released code's count stands beside it under a name of its own, "
        "and the verdict on iLoRA's cell uses it.",
        "Leaving out invalid answers can only raise a method's number, the more of them it gives.",
    )
    yield Deviation(
        "Valid answers",
        "Exactly one candidate's title occurs somewhere in the output.",
        "The first line is the title of exactly one candidate.",
        "By the released rule, a right answer whose title contains another candidate's (Portal 2 and Portal) is "
        "invalid, and an answer with words around a title is valid.",
    )
    yield Deviation(
        "Equal scores",
        "Not said.",
        "The first of the tied candidates in the shuffled set is chosen; the notes of Table 1 say how often.",
        "As good as choosing among them at random: the order of a set says nothing of its target.",
    )


def _recommenders(study: Settings) -> Iterator[Deviation]:
    recommenders = study.settings["recommenders"]
    if {"gru4rec", "caser", "sasrec"}.intersection(study.settings["methods"]):
        yield Deviation(
            "Training of GRU4Rec, Caser and SASRec",
            "Numbers taken over from the LLaRA paper; L2 by a grid search over values that are not said, nor are other "
            "details.",
            "Trained here: cross-entropy over all items; the best state by validation, after at most "
            f"{_plural(recommenders['maximum_epochs'], 'epoch')}; {_weight_decay(study)}",
            "The conventional baselines may be stronger than the paper's: on rebuilt MovieLens splits, a plainly "
            "trained SASRec reached 0.41 to 0.50 where the paper prints 0.3444.",
        )
    if "morec" in study.settings["methods"]:
        yield Deviation(
            "MoRec",
            "Neither its text encoder nor how it was trained is said.",
            f"SASRec on titles; the encoder is {recommenders['morec']['encoder']}, {_encoder_training(study)}",
            _encoder_effect(study),
        )
    missing = [method_label(name) for name in PAPER_METHODS if name not in study.settings["methods"]]
    if missing:
        yield Deviation(
            "Methods",
            "All rows of its Table 1.",
            f"Without {', '.join(missing)}.",
            "Nothing is said of these.",
        )
    seeds = len(study.settings["seeds"])
    if seeds < PAPER_SEEDS:
        yield Deviation(
            "Seeds",
            "Mean of five for the conventional recommenders; for the language model not said.",
            f"{'One' if seeds == 1 else seeds}, for every method that is trained.",
            "Variation between trainings is not covered by any interval here, and what is trained has no verdict."
            if seeds == 1
            else "Intervals cover the variation between trainings; so few of them make these wide.",
        )


def _weight_decay(study: Settings) -> str:
    """Return how the L2 of the recommenders was found, as the end of a sentence."""
    recommenders = study.settings["recommenders"]
    if recommenders["weight_decay"] != "searched":
        return f"L2 is {recommenders['weight_decay']:g}, without a search."
    search = recommenders["weight_decay_search"]
    values = ", ".join(f"{value:g}" for value in search["values"])
    trainings = _plural(len(search["seeds"]), "training")
    chosen = ", ".join(f"{found.chosen:g} for {found.label}" for found in study.weight_decays)
    return f"L2 is what is best on validation among {values} ({trainings} of each): {chosen}."


def _chat_models(study: Settings) -> Iterator[Deviation]:
    if not {"gpt4", "chatrec"}.intersection(study.settings["methods"]):
        return
    chat, encoder = study.settings["chat"], study.settings["recommenders"]["sequence_encoder"]
    yield Deviation(
        "ChatRec and GPT-4",
        "A chat model by its API; which version, which prompt and which candidates is not said. No row of its table "
        "is named GPT-4.",
        f"{chat['model']}, asked about {_plural(chat['draws'], 'candidate set')} of each sequence, once with the text "
        f"prompt, once as ChatRec: the candidate set as {method_label(encoder)} with the first seed ranks it, without "
        "a user profile. Words around a title make an answer invalid.",
        "The verdict on ChatRec is left open. What stands behind a model's name may change, and it may have read about "
        "the data sets.",
    )


def _is_encoder_trained(study: Settings) -> bool:
    return bool(study.settings["recommenders"]["morec"]["training"] == "end_to_end")


def _encoder_effect(study: Settings) -> str:
    if _is_encoder_trained(study):
        effect = "Another encoder, or another learning rate of it, may do better."
    else:
        effect = "An encoder that is tuned with the recommender may do better."
    return effect + (" The embedded one knows the training split's titles alone." if _embedded_encoder(study) else "")


def _encoder_training(study: Settings) -> str:
    """Return what the training of MoRec changes, as the end of a sentence."""
    if not _is_encoder_trained(study):
        return "which stays as it is: a linear map to the items' embeddings is trained with the rest."
    compared = {"all": "all items", "batch": "the items of the batch"}[
        study.settings["recommenders"]["morec"]["compared_items"]
    ]
    return f"trained with the rest; the loss is over {compared}."


def _embedded_encoder(study: Settings) -> bool:
    return bool(study.settings["recommenders"]["morec"]["encoder"] == "embedded")


def _language_model(study: Settings) -> Iterator[Deviation]:
    backbone = study.settings["backbone"]
    if study.is_embedded:
        yield Deviation(
            "Language model",
            "Llama-2-7B, pretrained on text of all kinds.",
            "A Llama of a few million parameters at most, pretrained by the pipeline on the training split: it is "
            "taught to compare behaviour tokens and to copy titles, and knows nothing of films, artists or games.",
            "Rows of the language model cannot be set against the paper's, and say nothing of what the methods reach "
            "with Llama-2-7B. The verdict on them is therefore left open.",
        )
    elif PAPER_BACKBONE not in backbone["name"].lower():
        yield Deviation(
            "Language model",
            "Llama-2-7B.",
            backbone["name"],
            "Rows of the language model cannot be set against the paper's. The verdict on them is therefore left open.",
        )
    yield from _prompt(study)


def _prompt(study: Settings) -> Iterator[Deviation]:
    prompt = study.settings["prompt"]
    if prompt["order"] != "history_first":
        yield Deviation(
            "Order of the prompt",
            "The history, then the candidates.",
            "The candidates, then the history.",
            "The question stands next to the latest items. The small backbone learns the task in this order; what the "
            "order does to a large model is not known here.",
        )
    if prompt["behaviour_token"] != "after_title":
        yield Deviation(
            "Place of a behaviour token",
            "After the item's title.",
            "Before it.",
            "A title can be copied from behind the behaviour token that matches, which the small backbone can do; what "
            "the place does to a large model is not known here.",
        )
    if prompt["template"] == "chat":
        yield Deviation(
            "Template of the prompt",
            "None: the prompt is a text, and the answer its next line.",
            f"The chat template of {study.settings['backbone']['name']}: the prompt is the user's message, and the "
            "answer the assistant's.",
            "A model that was tuned for chats is asked as it was tuned. What it changes for tuned methods is not known "
            "here.",
        )
    yield Deviation(
        "Words of the prompt",
        "The sentences that it prints.",
        "Sentences of our own with the same parts: history, candidates, question.",
        "Tuned methods learn the wording; an untuned model may depend on it.",
    )


#: What another value of a fine-tuning setting changes; it says so where that is not known.
_EFFECTS = {
    "batch_size": "Smaller batches give more steps for the same number of sequences.",
    "curriculum": "All batches hold behaviour tokens from the first step on. What the curriculum adds on this backbone "
    "is not known here.",
    "lora_dropout": "How strongly the tuned parameters are regularised.",
    "experts": "How many experts share out the rank.",
    "gate": "How a sequence's representation becomes weights of the experts.",
    "item_vectors": "The projector gets vectors without dominant directions, as the embedded backbone was taught to "
    "read them.",
    "learning_rate": "The size of each step. A model as small as the embedded one is usually tuned with larger ones "
    "than one of seven billion parameters.",
    "r": "How many parameters LoRA adds.",
    "scale": "By the paper's Eq. 3 (alpha/r), more experts make a smaller update, so that the number of experts and "
    "the size of the update change together. By alpha/(r/K), a uniform gate equals plain LoRA at every K.",
}
_OTHER_EFFECT = "Not known here."
_LENGTH = ("steps", "epochs")


def _finetuning(study: Settings) -> Iterator[Deviation]:
    if not study.tunes:
        return
    if "tallrec" in study.settings["methods"]:
        yield Deviation(
            "TALLRec",
            "Settings not said; TALLRec's own paper asks for a yes or no about one item.",
            "Asked to choose among the candidates, on the prompt of the untuned model; LoRA by finetuning.per_method, "
            "which has the rank, alpha and layers of TALLRec's own paper, and all else as for the other methods.",
            "What other settings would give is not known here. On a backbone that knows nothing of the titles, the "
            "text has little to learn from.",
        )
    for dataset, paper in study.paper_finetuning.items():
        ours, subject = study.finetuning[dataset], f"{dataset_label(dataset)}, fine-tuning"
        if _length(ours) != _length(paper):
            yield Deviation(f"{subject}: length", _length(paper), _length(ours), "For how long the adapter is tuned.")
        for key, value in paper.items():
            if key not in _LENGTH and ours[key] != value and not (_follows(ours, key) and _follows(paper, key)):
                effect = _EFFECTS.get(key, _OTHER_EFFECT)
                yield Deviation(f"{subject}: {key.replace('_', ' ')}", _written(value), _written(ours[key]), effect)


def _length(values: Values) -> str:
    if values["steps"] is not None:
        return _plural(values["steps"], "step")
    return f"{values['epochs']:g} passes over the training sequences"


def _follows(values: Values, key: str) -> bool:
    """Return whether a learning rate of a part is that of the whole, so that its difference is told already."""
    return key.endswith("_learning_rate") and bool(values[key] == values["learning_rate"])


def _plural(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


_PARTS: tuple[Callable[[Settings], Iterator[Deviation]], ...] = (
    _data,
    _candidates,
    _metrics,
    _recommenders,
    _chat_models,
    _language_model,
    _finetuning,
)


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"study": study.config.plain()}


def _finetuning_of_the_paper(config: StudyConfig) -> dict[str, dict[str, Any]]:
    """Return the fine-tuning settings that the paper names, for each data set of the study that it is about."""
    as_paper = config.finetuning.model_copy(update={"preset": "paper", "per_dataset": {}})
    return {
        dataset: finetuning_values(as_paper, dataset).model_dump(mode="json", include=set(preset_values("paper", 1.0)))
        for dataset in config.datasets
        if dataset in LEARNING_RATES["paper"]
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Where this study (protocol {study.config.protocol}, backbone ``{study.config.backbone.name}``) departs from "
        "arXiv 2408.10159, and what each departure changes in the numbers or in what they mean."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    config = StudyConfig.read(given.settings["study"])
    settings = Settings(
        settings=config.model_dump(mode="json"),
        finetuning=values_by_dataset(config.finetuning, config.datasets),
        paper_finetuning=_finetuning_of_the_paper(config),
        weight_decays=[read_search(path) for path in given.inputs["weight_decays"]],
    )
    table = deviation_table(settings)
    return {"html": html_page("Known deviations from the paper", table, NOTES)}


DOCUMENT = Document(
    folder=REPORT,
    path="deviations",
    formats=("html",),
    inputs=lambda study: {"weight_decays": study.targets.recommenders.weight_decays()},
    settings=_settings,
    caption=_caption,
    category="Study",
    labels=lambda study: {"page": "deviations from the paper"},
    wildcards=of_the_study,
    make=_make,
)
