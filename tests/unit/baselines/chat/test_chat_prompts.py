"""The prompts of chat models, word by word."""

from __future__ import annotations

from ilora.baselines.chat.prompts import Message, ranked_messages, text_messages
from ilora.datasets.register import DATASETS

HISTORY = ["Heat (1995)", "Brazil (1985)"]
CANDIDATES = ["Alien (1979)", "<s> Doors </s>", 'Maps, "Lost" and Found']
RULE = (
    "Answer with the title of exactly one candidate, copied letter by letter from the list. Write nothing else: no "
    "quotes, no number, no explanation."
)


def test_the_text_prompt() -> None:
    assert text_messages(DATASETS["movielens"].wording, HISTORY, CANDIDATES) == (
        Message("system", f"You predict what a user chooses next. {RULE}"),
        Message(
            "user",
            """The user has watched these movies, in this order:
Heat (1995)
Brazil (1985)

Candidates:
Alien (1979)
<s> Doors </s>
Maps, "Lost" and Found

Which candidate does the user watch next?""",
        ),
    )


def test_the_dialogue_of_chatrec() -> None:
    assert ranked_messages(DATASETS["lastfm"].wording, HISTORY, CANDIDATES) == (
        Message(
            "system",
            "You are a recommender that talks with its users. You learn what a user prefers from the history of the "
            "conversation, and choose from candidates that a recommender system has ranked for this user. The ranking "
            "may be wrong: weigh it against the history.",
        ),
        Message("user", "The user has listened to these artists before:\nHeat (1995)\nBrazil (1985)"),
        Message(
            "assistant",
            """The recommender system proposes these candidates for the user, the most suitable first:
Alien (1979)
<s> Doors </s>
Maps, "Lost" and Found""",
        ),
        Message("user", f"Which candidate does the user listen to next?\n{RULE}"),
    )
