"""The messages of requests to a chat model.

`text_messages` is the text prompt: history, candidates, question. `ranked_messages` follows ChatRec (Gao et al. 2023,
arXiv 2303.14524): the history is given in words, a recommender proposes ranked candidates, and the chat model chooses
among them. ChatRec's user profile is omitted, because the data sets have no common one. The candidates are the frozen
candidate set, so that all methods choose from the same items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ilora.datasets.wording import PromptWording

ANSWER_RULE = (
    "Answer with the title of exactly one candidate, copied letter by letter from the list. Write nothing else: no "
    "quotes, no number, no explanation."
)

_TEXT_ROLE = "You predict what a user chooses next."
_RANKED_ROLE = (
    "You are a recommender that talks with its users. You learn what a user prefers from the history of the "
    "conversation, and choose from candidates that a recommender system has ranked for this user. The ranking may be "
    "wrong: weigh it against the history."
)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


def text_messages(wording: PromptWording, history: Sequence[str], candidates: Sequence[str]) -> tuple[Message, ...]:
    """Write the text prompt.

    Args:
        wording: the data set's sentences.
        history: titles, oldest first.
        candidates: titles, in the order of the candidate set.
    """
    question = f"{wording.history}{_lines(history)}\n{wording.candidates}{_lines(candidates)}\n{wording.question}"
    return Message("system", f"{_TEXT_ROLE} {ANSWER_RULE}"), Message("user", question.rstrip("\n"))


def ranked_messages(wording: PromptWording, history: Sequence[str], ranked: Sequence[str]) -> tuple[Message, ...]:
    """Write the dialogue of ChatRec.

    Args:
        wording: the data set's sentences.
        history: titles, oldest first.
        ranked: titles of the candidate set, the recommender's first choice first.
    """
    proposal = (
        f"The recommender system proposes these candidates for the user, the most suitable first:\n{_lines(ranked)}"
    )
    return (
        Message("system", _RANKED_ROLE),
        Message("user", f"{wording.history}{_lines(history)}".rstrip("\n")),
        Message("assistant", proposal.rstrip("\n")),
        Message("user", f"{wording.question}{ANSWER_RULE}"),
    )


def _lines(titles: Sequence[str]) -> str:
    return "".join(f"{title}\n" for title in titles)
