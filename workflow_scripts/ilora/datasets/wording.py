"""The sentences of a data set's prompts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PromptWording:
    """The fixed sentences of a prompt; each ends with a newline.

    Attributes:
        history: the heading of the history.
        candidates: the heading of the candidates.
        question: which of the candidates comes next.
        open_question: which of all items comes next; None in the settings of a study whose prompts list candidates.
    """

    history: str
    candidates: str
    question: str
    open_question: str | None = None


def word_prompt(items: str, participle: str, verb: str) -> PromptWording:
    """Return the sentences for items in time order, as in ``word_prompt("books", "read", "read")``.

    Args:
        items: plural noun for the items.
        participle: past participle of what users do with items.
        verb: verb for what users do with an item.
    """
    return PromptWording(
        history=f"The user has {participle} these {items}, in this order:\n",
        candidates="Candidates:\n",
        question=f"Which candidate does the user {verb} next?\n",
        open_question=f"Which of all {items} does the user {verb} next?\n",
    )
