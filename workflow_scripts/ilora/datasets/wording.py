"""The sentences of a prompt, which a data set words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PromptWording:
    """The fixed sentences of a prompt; each ends with a newline.

    Attributes:
        history: the heading of the history.
        candidates: the heading of the candidates.
        question: which of the candidates comes next.
        open_question: what comes next, of all items; None in the settings of a study whose prompts list candidates.
    """

    history: str
    candidates: str
    question: str
    open_question: str | None = None


def word_prompt(items: str, participle: str, verb: str) -> PromptWording:
    """Give the sentences about items that users use in time order, as in ``word_prompt("books", "read", "read")``.

    Args:
        items: what the items are called, in the plural.
        participle: what a user has done with them.
        verb: what a user does with one.
    """
    return PromptWording(
        history=f"The user has {participle} these {items}, in this order:\n",
        candidates="Candidates:\n",
        question=f"Which candidate does the user {verb} next?\n",
        open_question=f"Which of all {items} does the user {verb} next?\n",
    )
