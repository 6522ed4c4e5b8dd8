"""A chat model's reply, read from the body of the response."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Of a prompt or an answer: more than any model takes, and few enough for sums of costs to fit into the ledger.
_MOST_TOKENS = 10**9


class ReplyKind(StrEnum):
    """How a reply ended. Whether it names a candidate is another question."""

    COMPLETE = "complete"
    TRUNCATED = "truncated at the limit of tokens"
    REFUSED = "refused"
    EMPTY = "empty"


@dataclass(frozen=True)
class Reply:
    """What the model wrote, and what the server counted.

    Attributes:
        text: the answer, or the words of a refusal; "" if there is neither.
        kind: how it ended.
        prompt_tokens: None where the server does not count, or counts what cannot be.
        answer_tokens: likewise.
    """

    text: str
    kind: ReplyKind
    prompt_tokens: int | None
    answer_tokens: int | None


class UnreadableReplyError(ValueError):
    """The body of a response is no chat completion."""


def read_reply(body: str) -> Reply:
    """Read the body of a response to a chat completion.

    Raises:
        UnreadableReplyError: it is no JSON, or holds no message.
    """
    try:
        completion = json.loads(body, parse_int=_whole_number)
        choice = completion["choices"][0]
        content, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        counted = completion.get("usage") or {}
        finish = choice.get("finish_reason")
    # Brackets in thousands of brackets end in a RecursionError.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UnreadableReplyError("a response that is no chat completion") from None
    if not all(isinstance(part, str | None) for part in (content, refusal)) or not isinstance(counted, dict):
        raise UnreadableReplyError("a chat completion whose content is no text")
    # JSON can escape halves of characters that no encoding takes.
    text = (content or refusal or "").encode(errors="replace").decode()
    return Reply(
        text, _kind(text, refusal, finish), _count(counted, "prompt_tokens"), _count(counted, "completion_tokens")
    )


def _kind(text: str, refusal: str | None, finish: object) -> ReplyKind:
    if refusal or finish == "content_filter":
        return ReplyKind.REFUSED
    if finish == "length":
        return ReplyKind.TRUNCATED
    return ReplyKind.COMPLETE if text.strip() else ReplyKind.EMPTY


def _whole_number(digits: str) -> int | float:
    """Return a number of JSON; as a float, which is no count, where it has more digits than any count."""
    return int(digits) if len(digits) <= len(str(_MOST_TOKENS)) else float(digits)


def _count(counted: dict[str, Any], name: str) -> int | None:
    count = counted.get(name)
    return count if type(count) is int and 0 <= count <= _MOST_TOKENS else None
