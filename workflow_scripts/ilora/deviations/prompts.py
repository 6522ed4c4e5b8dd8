"""Deviations of the language model and of what it is asked."""

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
            "The question stands next to the latest items. The small backbone learns the task in this order; what the "
            "order does to a large model is not known here.",
        ),
        lambda study: study.lists_candidates and study.settings["prompt"]["order"] != "history_first",
    ),
    Declared(
        Deviation(
            "Candidates in the prompt",
            "Listed: the model chooses among what it reads.",
            "Not listed: the model is asked for any item of the data set, and is then held to the candidates.",
            "It is what the full ranking needs. The model has to know the titles, and cannot copy one; its "
            "HitRatio@1 is that of another task, for the same candidates.",
        ),
        lambda study: not study.lists_candidates,
    ),
    Declared(
        Deviation(
            "Place of a behaviour token",
            "After the item's title.",
            "Before it.",
            "A title can be copied from behind the behaviour token that matches, which the small backbone can do; what "
            "the place does to a large model is not known here.",
        ),
        lambda study: study.settings["prompt"]["behaviour_token"] != "after_title",
    ),
)

#: How `finetuning.prompt_texts` words a tuned method's prompt; an untuned one's is always the first.
_WORDS = {
    "lists": "always the same, each item on a line of its own",
    "sentences": "for tuned methods one of three, drawn like the released code's, with lists joined by commas",
}


def prompt_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of the language model, of its prompts and of how long it may answer."""
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
    yield from those_that_hold(_PROMPT, study)
    if study.settings["prompt"]["template"] == "chat":
        yield Deviation(
            "Template of the prompt",
            "None: the prompt is a text, and the answer its next line.",
            f"The chat template of {backbone['name']}: the prompt is the user's message, and the answer the "
            "assistant's.",
            "A model that was tuned for chats is asked as it was tuned. What it changes for tuned methods is not known "
            "here.",
        )
    yield _words(study)
    yield from _length_of_an_answer(study)


def _words(study: Settings) -> Deviation:
    texts = study.tuned_with("prompt_texts") if study.tunes else ["lists"]
    here = " or ".join(_WORDS[text] for text in texts)
    return Deviation(
        "Words of the prompt",
        "The sentences that it prints. The released code draws one of three wordings for each batch, and joins the "
        "items of a list by commas.",
        f"Sentences of our own with the same parts (history, candidates, question): {here}.",
        "Tuned methods learn the wording, and on one line a title with a comma cannot be told from two; an untuned "
        "model may depend on the wording.",
    )


def _length_of_an_answer(study: Settings) -> Iterator[Deviation]:
    decoding = study.settings["decoding"]
    if not study.generates:
        return
    if decoding["constrained"]:
        yield Deviation(
            "What can be answered",
            "Any text.",
            "Titles of candidates alone.",
            "Every answer is valid unless candidates share its title, so that ValidRatio says nothing.",
        )
    elif decoding["maximum_new_tokens"] != RELEASED_NEW_TOKENS:
        yield Deviation(
            "Length of an answer",
            f"At most {RELEASED_NEW_TOKENS} new tokens in the released code.",
            f"At most {decoding['maximum_new_tokens']}.",
            "A title with more tokens cannot be named; the log counts them.",
        )
