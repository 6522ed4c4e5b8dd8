"""Deviations of fine-tuning: settings that differ from the paper's, and what no setting says."""

from collections.abc import Iterator

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
#: Told in words of their own.
_TOLD_APART = ("steps", "epochs", "gate")

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
    Declared(
        Deviation(
            "Fine-tuning: optimiser",
            "Not said. The released code has Adam (0.9, 0.999), an L2 of 1e-5 on projector and gate, and does not clip "
            "gradients.",
            "AdamW (0.9, 0.98), no weight decay, gradients clipped to a norm of 1.",
            "Which steps are taken. What the difference makes is not known here.",
        ),
        lambda study: study.tunes,
    ),
    Declared(
        Deviation(
            "Fine-tuning: ends of the schedule",
            "A fraction of the peak learning rate, at the beginning. The released code begins and ends at a hundredth "
            "of the peak.",
            "Warm-up begins at zero, and the cosine ends there.",
            "Hardly any: the first and the last steps are smaller.",
        ),
        lambda study: study.tunes,
    ),
    Declared(
        Deviation(
            "Fine-tuning: beginning of the projector",
            "Not said. The released code leaves the projector as it was initialised.",
            "Its last layer is scaled so that behaviour tokens have the norm of words.",
            "From the first step on, attention takes notice of behaviour tokens.",
        ),
        lambda study: study.is_hybrid,
    ),
    Declared(
        Deviation(
            "Fine-tuning: the state that is taken",
            "Not said. The released code takes the best of its epochs by validation.",
            "The last; validation does not choose.",
            "A training that overfits is shown as it ends.",
        ),
        lambda study: study.tunes and None in study.tuned_with("patience"),
    ),
    Declared(
        Deviation(
            "Fine-tuning: the curriculum's counter",
            "By its text, the share of batches with behaviour tokens grows from none to all, half of all batches. In "
            "the released code the counter lives in workers of the data loader that begin anew in each epoch, so that "
            "one batch in ten has them.",
            "Counted over the whole training, as the text says.",
            "The projector is trained on five times as many batches.",
        ),
        lambda study: study.is_hybrid and True in study.tuned_with("curriculum"),
    ),
)


def training_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of fine-tuning, those of single settings last, by data set."""
    yield from those_that_hold(_DECLARED, study)
    if study.tunes:
        for dataset, ours in study.finetuning.items():
            yield from _of_one_dataset(study, dataset, ours)


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
    return f"{value:g}" if isinstance(value, float) else str(value)
