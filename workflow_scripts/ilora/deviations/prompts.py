"""Deviations of the language model and its prompts."""

from collections.abc import Iterator

from ilora.deviations.declaration import Declared, Deviation, Settings, those_that_hold

PAPER_BACKBONE = "llama-2-7b"
RELEASED_NEW_TOKENS = 64

_PROMPT = (
    Declared(
        Deviation(
            "Order of the prompt",
            "The history, then the candidates.",
            "The candidates, then the history.",
            "The question follows the latest items directly. The small backbone learns the task in this order; the "
            "effect of the order on a large model is unknown.",
        ),
        lambda study: study.lists_candidates and study.settings["prompt"]["order"] != "history_first",
    ),
    Declared(
        Deviation(
            "Candidates in the prompt",
            "Listed: the model chooses among the titles that it reads.",
            "Not listed: the model is asked for any item of the data set, and its answer is constrained to the "
            "candidates.",
            "The full ranking needs this. The model must know the titles and cannot copy one, so its HitRatio@1 "
            "measures another task on the same candidates.",
        ),
        lambda study: not study.lists_candidates,
    ),
    Declared(
        Deviation(
            "Position of behaviour tokens",
            "After the item's title.",
            "Before the item's title.",
            "The model can copy the title that follows the matching behaviour token, which the small backbone can do; "
            "the effect of the position on a large model is unknown.",
        ),
        lambda study: study.settings["prompt"]["behaviour_token"] != "after_title",
    ),
)

#: Wording of tuned methods by `finetuning.prompt_texts`; untuned methods always use the first.
_WORDS = {
    "lists": "always the same, with one item per line",
    "sentences": "for tuned methods one of three, drawn as in the released code, with lists joined by commas",
}


def prompt_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of the language model, its prompts and the length of its answers."""
    backbone = study.settings["backbone"]
    if study.is_embedded:
        yield Deviation(
            "Language model",
            "Llama-2-7B, pretrained on general text.",
            "A Llama of a few million parameters at most, pretrained by the pipeline on the training split: it learns "
            "to compare behaviour tokens and to copy titles, and knows nothing about films, artists or games.",
            "The language model's rows are not comparable with the paper's and do not show what the methods reach with "
            "Llama-2-7B. Their verdict is therefore left open.",
        )
    elif PAPER_BACKBONE not in backbone["name"].lower():
        yield Deviation(
            "Language model",
            "Llama-2-7B.",
            backbone["name"],
            "The language model's rows are not comparable with the paper's. Their verdict is therefore left open.",
        )
    yield from those_that_hold(_PROMPT, study)
    if study.settings["prompt"]["template"] == "chat":
        yield Deviation(
            "Prompt template",
            "None: the prompt is plain text, and the answer is its next line.",
            f"The chat template of {backbone['name']}: the prompt is the user's message, and the answer is the "
            "assistant's.",
            "A chat model is prompted in the format that it was tuned on. The effect on tuned methods is unknown.",
        )
    yield _words(study)
    yield from _length_of_an_answer(study)


def _words(study: Settings) -> Deviation:
    texts = study.tuned_with("prompt_texts") if study.tunes else ["lists"]
    here = " or ".join(_WORDS[text] for text in texts)
    return Deviation(
        "Wording of the prompt",
        "The sentences that it prints. The released code draws one of three wordings per batch and joins the items of "
        "a list with commas.",
        f"Our own sentences with the same parts (history, candidates, question): {here}.",
        "Tuned methods learn the wording; an untuned model may depend on it. In a list on one line, a title with a "
        "comma looks like two titles.",
    )


def _length_of_an_answer(study: Settings) -> Iterator[Deviation]:
    decoding = study.settings["decoding"]
    if not study.generates:
        return
    if decoding["constrained"]:
        yield Deviation(
            "Constrained answers",
            "Any text can be generated.",
            "Only titles of candidates can be generated.",
            "Every answer is valid unless candidates share its title, so ValidRatio carries no information.",
        )
    elif decoding["maximum_new_tokens"] != RELEASED_NEW_TOKENS:
        yield Deviation(
            "Length of an answer",
            f"At most {RELEASED_NEW_TOKENS} new tokens in the released code.",
            f"At most {decoding['maximum_new_tokens']}.",
            "A title with more tokens cannot be generated; the log counts such titles.",
        )
