"""Deviations of fine-tuning: settings that differ from the paper's, and what no setting says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ilora.configuration.sections.finetuning_values import GATED, HYBRID, FinetuningValues
from ilora.deviations.declaration import Declared, Deviation, Settings, Values, counted, those_that_hold
from ilora.plotting.labels import dataset_label

#: What another value of a fine-tuning setting changes; it says so where that is not known.
_EFFECTS = {
    "batch_size": "Smaller batches give more steps for the same number of sequences.",
    "curriculum": "All batches hold behaviour tokens from the first step on. What the curriculum adds on this backbone "
    "is not known here.",
    "lora_dropout": "How strongly the tuned parameters are regularised.",
    "experts": "How many experts share out the rank.",
    "item_vectors": "The projector gets vectors without dominant directions, as the embedded backbone was taught to "
    "read them.",
    "learning_rate": "The size of each step. A model as small as the embedded one is usually tuned with larger ones "
    "than one of seven billion parameters.",
    "r": "How many parameters LoRA adds.",
    "scale": "By the paper's Eq. 3 (alpha/r), more experts make a smaller update, so that the number of experts and "
    "the size of the update change together. By alpha/(r/K), a uniform gate equals plain LoRA at every K.",
}
_OTHER_EFFECT = "Not known here."


@dataclass(frozen=True)
class _Switches:
    """Settings by which a study does what the released code does, and what that code does is no part of the text.

    Attributes:
        keys: of `finetuning`; the page names their values.
        subject: what they are about.
        paper: what text and code have.
        effect: what other values change.
        holds: for which studies they are read at all.
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
        "Not said. The released code has Adam (0.9, 0.999), an L2 of 1e-5 on projector and gate, and does not clip "
        "gradients.",
        "Which steps are taken. What the difference makes is not known here.",
    ),
    _Switches(
        ("learning_rate_floor",),
        "ends of the schedule",
        "A fraction of the peak learning rate, at the beginning. The released code begins and ends at a hundredth of "
        "the peak.",
        "Hardly any: the first and the last steps are smaller.",
    ),
    _Switches(
        ("projector_start",),
        "beginning of the projector",
        "Not said. The released code leaves the projector as it was initialised.",
        "Scaled or pretrained, its behaviour tokens have the norm of words, so that attention takes notice of them "
        "from the first step on.",
        lambda study: study.is_hybrid,
    ),
    _Switches(
        ("best_epoch",),
        "the state that is taken",
        "Not said. The released code takes the best of its epochs by validation.",
        "Where validation does not choose, a training that overfits is shown as it ends.",
    ),
    _Switches(
        ("curriculum_counter", "sequences_per_draw"),
        "the curriculum's counter",
        "By its text, the share of batches with behaviour tokens grows from none to all, half of all batches. In the "
        "released code the counter lives in workers of the data loader that begin anew in each epoch, so that one "
        "batch in ten has them.",
        "Counted over the whole training, the projector is trained on five times as many batches.",
        lambda study: study.is_hybrid and True in study.tuned_with("curriculum"),
    ),
)
#: Told in words of their own, here or with the prompts.
_TOLD_APART = (
    *("steps", "epochs", "gate", "prompt_texts", "maximum_new_tokens"),
    *(key for switches in _SWITCHES for key in switches.keys),
)

_DECLARED = (
    Declared(
        Deviation(
            "TALLRec",
            "Settings not said; TALLRec's own paper asks for a yes or no about one item.",
            "Asked to choose among the candidates, on the prompt of the untuned model; LoRA by finetuning.per_method, "
            "which has the rank, alpha and layers of TALLRec's own paper, and all else as for the other methods.",
            "What other settings would give is not known here. On a backbone that knows nothing of the titles, the "
            "text has little to learn from.",
        ),
        lambda study: study.compares_any_of(["tallrec"]),
    ),
)


def training_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of fine-tuning, those of single settings last, by data set."""
    yield from those_that_hold(_DECLARED, study)
    yield from _of_switches(study)
    if study.tunes:
        for dataset, ours in study.finetuning.items():
            yield from _of_one_dataset(study, dataset, ours)


def _of_switches(study: Settings) -> Iterator[Deviation]:
    """Yield what is not as in the released code on some data set."""
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
        yield Deviation(f"{subject}: length", _length(text), _length(ours), "For how long the adapter is tuned.")
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
    """Return whether a learning rate of a part is that of the whole, so that its difference is told already."""
    return key.endswith("_learning_rate") and bool(values[key] == values["learning_rate"])


def _named(key: str, text: Values, code: Values) -> str:
    """Return what text and code have; the text first, and the code where it differs."""
    if key not in text:
        return f"Not said; {_written(code[key])} in the released code"
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
