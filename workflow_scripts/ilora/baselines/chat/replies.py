"""A chat model's reply, parsed from the response body."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Maximum tokens of a prompt or answer: above any model's limit, and low enough for sums of costs to fit the ledger.
_MOST_TOKENS = 10**9


class ReplyKind(StrEnum):
    """How a reply ended, regardless of whether it names a candidate."""

    COMPLETE = "complete"
    TRUNCATED = "truncated at the limit of tokens"
    REFUSED = "refused"
    EMPTY = "empty"


@dataclass(frozen=True)
class Reply:
    """A model's reply and the server's token counts.

    Attributes:
        text: answer, or text of a refusal; "" if there is neither.
        kind: how the reply ended.
        prompt_tokens: prompt tokens; None if the server does not report them, or reports an invalid number.
        answer_tokens: answer tokens; None likewise.
    """

    text: str
    kind: ReplyKind
    prompt_tokens: int | None
    answer_tokens: int | None


class UnreadableReplyError(ValueError):
    """A response body is not a valid chat completion."""


def read_reply(body: str) -> Reply:
    """Parse the response body of a chat completion.

    Raises:
        UnreadableReplyError: the body is not JSON, or does not contain a message.
    """
    try:
        completion = json.loads(body, parse_int=_whole_number)
        choice = completion["choices"][0]
        content, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        counted = completion.get("usage") or {}
        finish = choice.get("finish_reason")
    # Thousands of nested brackets end in a RecursionError.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UnreadableReplyError("a response that is not a chat completion") from None
    if not all(isinstance(part, str | None) for part in (content, refusal)) or not isinstance(counted, dict):
        raise UnreadableReplyError("a chat completion whose content is not text")
    # JSON can escape lone surrogates, which cannot be encoded.
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
    """Parse a JSON integer; return a float, which is not accepted as a count, if it has too many digits."""
    return int(digits) if len(digits) <= len(str(_MOST_TOKENS)) else float(digits)


def _count(counted: dict[str, Any], name: str) -> int | None:
    count = counted.get(name)
    return count if type(count) is int and 0 <= count <= _MOST_TOKENS else None
