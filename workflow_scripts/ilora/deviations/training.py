"""Deviations of fine-tuning: settings that differ from the paper's, and deviations that no setting controls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ilora.configuration.sections.finetuning_values import GATED, HYBRID, FinetuningValues
from ilora.deviations.declaration import Declared, Deviation, Settings, Values, counted, those_that_hold
from ilora.plotting.labels import dataset_label

#: Effect of another value of a fine-tuning setting.
_EFFECTS = {
    "batch_size": "Smaller batches give more steps for the same number of sequences.",
    "curriculum": "All batches contain behaviour tokens from the first step on. The effect of the curriculum on this "
    "backbone is unknown.",
    "lora_dropout": "Changes how strongly the tuned parameters are regularised.",
    "experts": "Changes among how many experts the rank is divided.",
    "item_vectors": "The projector reads vectors without dominant directions, as in the pretraining of the embedded "
    "backbone.",
    "learning_rate": "Changes the size of each step. Models as small as the embedded one are usually tuned with larger "
    "learning rates than models of seven billion parameters.",
    "r": "Changes the number of parameters that LoRA adds.",
    "scale": "By the paper's Eq. 3 (alpha/r), more experts make the update smaller, so the number of experts and the "
    "size of the update change together. By alpha/(r/K), a uniform gate equals plain LoRA at every K.",
}
_OTHER_EFFECT = "Unknown."


@dataclass(frozen=True)
class _Switches:
    """Settings that choose a behaviour of the released code that the paper's text does not describe.

    Attributes:
        keys: keys of `finetuning`; the page lists their values.
        subject: topic of the deviation.
        paper: what the text and the released code do.
        effect: effect of other values.
        holds: returns whether a study reads these settings at all.
    """

    keys: tuple[str, ...]
    subject: str
    paper: str
    effect: str
    holds: Callable[[Settings], bool] = lambda study: study.tunes


_SWITCHES = (
    _Switches(
        ("adam_beta2", "l2", "maximum_gradient_norm"),
        "optimiser",
        "Not specified. The released code uses Adam (0.9, 0.999) with an L2 of 1e-5 on projector and gate, and does "
        "not clip gradients.",
        "Changes the optimiser steps. The effect on the numbers is unknown.",
    ),
    _Switches(
        ("learning_rate_floor",),
        "learning-rate floor",
        "The schedule begins at a fraction of the peak. In the released code it begins and ends at a hundredth of the "
        "peak.",
        "Hardly any effect: only the first and the last steps differ in size.",
    ),
    _Switches(
        ("projector_start",),
        "projector initialisation",
        "Not specified. The released code keeps PyTorch's initialisation of the projector.",
        "A scaled or pretrained projector gives behaviour tokens the norm of word embeddings, so attention responds to "
        "them from the first step on.",
        lambda study: study.is_hybrid,
    ),
    _Switches(
        ("best_epoch",),
        "selection of the epoch",
        "Not specified. The released code keeps the best epoch on validation.",
        "Without selection on validation, a run that overfits is evaluated in its final state.",
    ),
    _Switches(
        ("curriculum_counter", "sequences_per_draw"),
        "curriculum counter",
        "In its text, the share of batches with behaviour tokens grows from none to all over the training, so that "
        "half of all batches have them. In the released code, the counter lives in data-loader workers that restart "
        "in each epoch, so that one batch in ten has them.",
        "With a counter over the whole training, the projector is trained on five times as many batches.",
        lambda study: study.is_hybrid and True in study.tuned_with("curriculum"),
    ),
)
#: Settings with their own deviations, here or with the prompts.
_TOLD_APART = (
    *("steps", "epochs", "gate", "prompt_texts", "maximum_new_tokens"),
    *(key for switches in _SWITCHES for key in switches.keys),
)

_DECLARED = (
    Declared(
        Deviation(
            "TALLRec",
            "Settings not specified; TALLRec's own paper asks for a yes or no about one item.",
            "It chooses among the candidates, with the prompt of the untuned model. Its LoRA follows "
            "finetuning.per_method, with the rank, alpha and layers of TALLRec's own paper; all else is as for the "
            "other methods.",
            "The effect of other settings is unknown. On a backbone that knows nothing about the titles, there is "
            "little to learn from text alone.",
        ),
        lambda study: study.compares_any_of(["tallrec"]),
    ),
)


def training_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of fine-tuning; those of single settings come last, by data set."""
    yield from those_that_hold(_DECLARED, study)
    yield from _of_switches(study)
    if study.tunes:
        for dataset, ours in study.finetuning.items():
            yield from _of_one_dataset(study, dataset, ours)


def _of_switches(study: Settings) -> Iterator[Deviation]:
    """Yield the behaviours that differ from the released code on at least one data set."""
    for switches in _SWITCHES:
        released = {key: preset[key] for preset in study.presets["released"].values() for key in switches.keys}
        if switches.holds(study) and any(study.tuned_with(key) != [released.get(key)] for key in switches.keys):
            here = "; ".join(f"{key}: {' or '.join(map(_written, study.tuned_with(key)))}" for key in switches.keys)
            yield Deviation(f"Fine-tuning: {switches.subject}", switches.paper, f"{here}.", switches.effect)


def _of_one_dataset(study: Settings, dataset: str, ours: Values) -> Iterator[Deviation]:
    """Yield the settings in which a study differs from the paper's text or from the released code."""
    text, code = (study.presets[preset].get(dataset, {}) for preset in ("paper", "released"))
    subject = f"{dataset_label(dataset)}, fine-tuning"
    if text and _length(ours) != _length(text):
        yield Deviation(f"{subject}: length", _length(text), _length(ours), "Changes how long the adapter is tuned.")
    for key in dict.fromkeys([*text, *code]):
        named = [values for values in (text, code) if key in values]
        if key in _TOLD_APART or not _is_read(study, key) or all(_agree(ours, values, key) for values in named):
            continue
        effect = _EFFECTS.get(key, _OTHER_EFFECT)
        yield Deviation(f"{subject}: {key.replace('_', ' ')}", _named(key, text, code), _written(ours[key]), effect)


def _is_read(study: Settings, key: str) -> bool:
    """Return whether a method of the study reads a fine-tuning setting."""
    metadata = FinetuningValues.model_fields[key].metadata
    return (GATED not in metadata or study.is_gated) and (HYBRID not in metadata or study.is_hybrid)


def _agree(ours: Values, theirs: Values, key: str) -> bool:
    return bool(ours[key] == theirs[key]) or (_follows(ours, key) and _follows(theirs, key))


def _follows(values: Values, key: str) -> bool:
    """Return whether a part's learning rate equals the general one, whose deviation is already listed."""
    return key.endswith("_learning_rate") and bool(values[key] == values["learning_rate"])


def _named(key: str, text: Values, code: Values) -> str:
    """Return the value in the paper's text, and that of the released code if it differs."""
    if key not in text:
        return f"Not specified; {_written(code[key])} in the released code"
    if key not in code or text[key] == code[key]:
        return _written(text[key])
    return f"{_written(text[key])}; {_written(code[key])} in the released code"


def _length(values: Values) -> str:
    if values["steps"] is not None:
        return counted(values["steps"], "step")
    return f"{values['epochs']:g} passes over the training sequences"


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
