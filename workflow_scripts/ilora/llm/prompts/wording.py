"""The sentences of a prompt, data set by data set."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PromptWording:
    """The fixed sentences of a prompt; each ends with a newline."""

    history: str
    candidates: str
    question: str


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
    )


WORDING = {
    "movielens": word_prompt("movies", "watched", "watch"),
    # Nothing about order: by the protocol `published`, LastFM's histories stand in that of the artists' ids.
    "lastfm": PromptWording(
        history="The user has listened to these artists before:\n",
        candidates="Candidates:\n",
        question="Which candidate does the user listen to next?\n",
    ),
    "steam": word_prompt("games", "played", "play"),
}


def prompt_wording(dataset: str, words: Mapping[str, str] | None) -> PromptWording:
    """Give the sentences of a data set.

    Args:
        dataset: its name.
        words: the arguments of `word_prompt`, for a data set that has no sentences of its own; else None.
    """
    return WORDING[dataset] if words is None else word_prompt(**words)
