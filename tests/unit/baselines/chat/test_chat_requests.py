"""Parameters, keys and maximum costs of requests, and the parsing of replies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ilora.baselines.chat.keys import NO_KEY, read_key, without_key
from ilora.baselines.chat.pace import Pace
from ilora.baselines.chat.prices import Prices, picodollars, show_usd
from ilora.baselines.chat.prompts import Message
from ilora.baselines.chat.replies import Reply, ReplyKind, UnreadableReplyError, read_reply
from ilora.baselines.chat.requests import ChatModel, ChatRequest
from ilora.baselines.chat.retries import asked_to_wait, pause_seconds

MODEL = ChatModel("http://localhost:8000/v1", "small", 0.0, 8, "max_tokens")
REQUEST = ChatRequest(MODEL, (Message("system", "Choose."), Message("user", "Amélie?")))


def test_what_is_sent() -> None:
    assert REQUEST.parameters == {
        "model": "small",
        "messages": [{"role": "system", "content": "Choose."}, {"role": "user", "content": "Amélie?"}],
        "max_tokens": 8,
        "temperature": 0.0,
    }
    other = replace(MODEL, temperature=None, answer_limit="max_completion_tokens")
    assert replace(REQUEST, model=other).parameters.keys() == {"model", "messages", "max_completion_tokens"}


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "http://localhost:8001/v1"},
        {"name": "large"},
        {"temperature": 0.5},
        {"temperature": None},
        {"maximum_answer_tokens": 9},
        {"answer_limit": "max_completion_tokens"},
    ],
)
def test_answers_are_kept_by_all_that_they_depend_on(change: dict[str, object]) -> None:
    assert replace(REQUEST, model=replace(MODEL, **change)).key != REQUEST.key  # type: ignore[arg-type]


def test_answers_are_kept_by_the_conversation() -> None:
    assert replace(REQUEST, messages=REQUEST.messages[::-1]).key != REQUEST.key
    assert replace(REQUEST, messages=REQUEST.messages[:1]).key != REQUEST.key
    assert ChatRequest(MODEL, REQUEST.messages).key == REQUEST.key


def test_a_prompt_has_no_more_tokens_than_bytes_and_a_template() -> None:
    assert REQUEST.maximum_prompt_tokens == len("Choose.") + len("Amélie?".encode()) + 2 * 16 + 128


def test_money_is_exact() -> None:
    prices = Prices(0.1, 0.075)
    assert prices.cost(1_000_000, 0) == picodollars(0.1) == 10**11
    assert prices.cost(3, 7) == 3 * 100_000 + 7 * 75_000
    assert sum(prices.cost(1, 1) for _ in range(10**5)) == prices.cost(10**5, 10**5)
    assert Prices(0.0, 0.0).cost(10**6, 10**6) == 0
    assert show_usd(picodollars(5.0)) == "5.000000 USD"
    assert show_usd(1) == "0.000001 USD"


def body(message: dict[str, object], **choice: object) -> str:
    usage = {"prompt_tokens": 12, "completion_tokens": 3}
    return json.dumps({"choices": [{"message": message, **choice}], "usage": usage})


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (body({"content": "Alien\n"}, finish_reason="stop"), Reply("Alien\n", ReplyKind.COMPLETE, 12, 3)),
        (body({"content": "Ali"}, finish_reason="length"), Reply("Ali", ReplyKind.TRUNCATED, 12, 3)),
        (body({"content": None, "refusal": "No."}, finish_reason="stop"), Reply("No.", ReplyKind.REFUSED, 12, 3)),
        (body({"content": ""}, finish_reason="content_filter"), Reply("", ReplyKind.REFUSED, 12, 3)),
        (body({"content": " \n"}, finish_reason="stop"), Reply(" \n", ReplyKind.EMPTY, 12, 3)),
        (body({"content": None}), Reply("", ReplyKind.EMPTY, 12, 3)),
        (body({"content": "A\ud800\x00"}, finish_reason="stop"), Reply("A?\x00", ReplyKind.COMPLETE, 12, 3)),
        ('{"choices": [{"message": {"content": "A"}}]}', Reply("A", ReplyKind.COMPLETE, None, None)),
        ('{"choices": [{"message": {"content": "A"}}], "usage": null}', Reply("A", ReplyKind.COMPLETE, None, None)),
    ],
)
def test_replies(text: str, reply: Reply) -> None:
    assert read_reply(text) == reply


@pytest.mark.parametrize(
    "text",
    ["", "busy", "[]", "null", "{}", '{"choices": []}', '{"choices": [{}]}', '{"choices": [{"message": null}]}', "{"]
    + [body({"content": 5}), body({"content": [{"type": "text"}]})],
)
def test_what_is_no_reply(text: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_reply(text)


def test_pauses_double_and_differ_between_requests() -> None:
    for attempt, longest in enumerate([1, 2, 4, 8, 16, 32, 60, 60]):
        pauses = {pause_seconds(f"request {number}", attempt) for number in range(50)}
        assert len(pauses) == 50
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_how_long_a_server_asks_to_wait() -> None:
    assert asked_to_wait(None) is None
    assert asked_to_wait("1.5") == 1.5
    assert asked_to_wait("-3") == 0.0
    assert asked_to_wait("soon") is None
    assert asked_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert (asked_to_wait("Fri, 31 Dec 2999 23:59:59 GMT") or 0.0) > 1e9


def test_requests_keep_their_distance() -> None:
    now, pauses = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    pace = Pace(30.0, lambda: now[0], sleep)
    for _ in range(3):
        pace.wait()
    assert pauses == [2.0, 2.0]
    pace.postpone(10.0)
    pace.wait()
    assert pauses[2:] == [10.0]
    now[0] += 60.0
    pace.wait()
    assert len(pauses) == 3


def test_keys() -> None:
    assert read_key("KEY", {"KEY": " sk-1234567 \n"}) == "sk-1234567"
    assert read_key("KEY", {"KEY": " "}) is None
    assert read_key("KEY", {}) is None
    assert read_key(None, {}) == NO_KEY
    assert without_key("wrong: sk-1234567!", "sk-1234567") == "wrong: [key]!"
    assert without_key("none of them", NO_KEY) == "none of them"
