"""A server with every fault: each answer is accounted for, none is paid for twice, and the ceiling is respected."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

import ask_in_a_process
from chat_server import BILLED_FAULTS, PRICES, ChatServer, make_requests, seeded_faults, seeded_kinds
from ilora.baselines.chat.answer_store import AnswerStore, Spending
from ilora.baselines.chat.answering import RequestLimits, Tally, answer_requests
from ilora.baselines.chat.client import ChatClient
from ilora.baselines.chat.errors import CeilingError, ChatError
from ilora.baselines.chat.prices import PICODOLLARS, show_usd
from ilora.baselines.chat.replies import Reply, ReplyKind, read_reply
from ilora.baselines.chat.requests import ChatRequest

FAULTS = {"429": 0.12, "500": 0.08, "garbage": 0.05, "half": 0.05, "dead": 0.05, "timeout": 0.02}
REASONS = {
    "429": "HTTP 429",
    "500": "HTTP 500",
    "garbage": "a response that is not a chat completion",
    "half": "connection lost",
    "dead": "connection lost",
    "timeout": "timeout",
}
MUCH = 100 * PICODOLLARS
KINDS = {
    "right": ReplyKind.COMPLETE,
    "prose": ReplyKind.COMPLETE,
    "empty": ReplyKind.EMPTY,
    "refusal": ReplyKind.REFUSED,
    "filtered": ReplyKind.REFUSED,
    "truncated": ReplyKind.TRUNCATED,
}


def highest_cost(request: ChatRequest) -> int:
    return PRICES.cost(request.maximum_prompt_tokens, request.model.maximum_answer_tokens)


def ask(
    server: ChatServer,
    path: Path,
    count: int,
    *,
    ceiling: int = MUCH,
    threads: int = 8,
    attempts: int = 6,
    seconds: float = 60.0,
    pauses: list[float] | None = None,
) -> tuple[list[Reply], Tally, Spending]:
    requests = make_requests(server.root, count)
    limits = RequestLimits(1e9, threads, attempts)
    sleep = ([] if pauses is None else pauses).append
    with AnswerStore(path, ceiling) as store, ChatClient(server.root, "sk-of-a-test", seconds) as client:
        replies, tally = answer_requests(
            requests, client, store, PRICES, limits, logging.getLogger("ilora"), sleep=sleep
        )
        return replies, tally, store.spending()


def spending_of(path: Path) -> Spending:
    with AnswerStore(path, MUCH) as store:
        return store.spending()


def test_a_hundred_requests_by_a_seeded_plan_of_faults(server: ChatServer, store_path: Path) -> None:
    server.plan, server.kind = seeded_faults(1, FAULTS), seeded_kinds(1)
    replies, tally, spending = ask(server, store_path, 100, seconds=5.0)
    requests = make_requests(server.root, 100)
    conversations = [request.messages[0].text for request in requests]

    expected = [server.answer(conversation) for conversation in conversations]
    assert [reply.text for reply in replies] == [
        answer["choices"][0]["message"]["content"] or answer["choices"][0]["message"].get("refusal") or ""
        for answer in expected
    ]
    assert [reply.kind for reply in replies] == [KINDS[server.kind(conversation)] for conversation in conversations]
    assert {reply.kind for reply in replies} == set(ReplyKind)

    # Every attempt is counted, and every failure is counted by reason.
    assert min(server.faults[fault] for fault in FAULTS) > 0
    reasons: Counter[str] = Counter()
    for fault, times in server.faults.items():
        reasons[REASONS[fault]] += times
    assert tally.failures == reasons
    assert tally.sent == sum(server.requests.values()) == 100 + sum(server.faults.values())

    # The ledger is exact if the server reported its counts, and never below the server's own accounts.
    assert spending.answers == 100
    assert spending.paid == sum(PRICES.cost(answer["usage"]["prompt_tokens"], 5) for answer in expected)
    lost = sum(server.faults[fault] for fault in BILLED_FAULTS)
    assert spending.unsure == lost * highest_cost(requests[0])
    assert spending.in_flight == 0
    assert spending.paid < server.bill <= spending.total
    print(f"\n{tally}; by the server {dict(server.faults)}")
    print(f"ledger: paid {show_usd(spending.paid)}, lost at most {show_usd(spending.unsure)}; ", end="")
    print(f"the server's bill: {show_usd(server.bill)}")

    again, tally, spent = ask(server, store_path, 100)
    assert (again, tally.sent, tally.kept, spent) == (replies, 0, 100, spending)


def process(server: ChatServer, path: Path, count: int, threads: int) -> subprocess.Popen[bytes]:
    script = Path(ask_in_a_process.__file__)
    libraries = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, str(script), server.root, str(path), str(count), str(threads)],
        env={**os.environ, "PYTHONPATH": libraries},
    )


def test_nothing_is_paid_twice_after_sigkill(server: ChatServer, store_path: Path) -> None:
    server.answers_before_silence = 37
    running = process(server, store_path, 80, 4)
    # Each thread sends its next request only after storing the last answer, so four waiting requests imply 37 answers.
    server.wait_until(lambda: server.silent == 4)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert sum(server.billed.values()) == 37

    server.answers_before_silence = None
    ask(server, store_path, 80)
    assert len(server.billed) == 80 and set(server.billed.values()) == {1}
    spending = spending_of(store_path)
    assert (spending.answers, spending.paid) == (80, server.bill)
    assert spending.unsure == 4 * highest_cost(make_requests(server.root, 1)[0])


def test_what_was_in_flight_at_sigkill_is_in_the_ledger(server: ChatServer, store_path: Path) -> None:
    server.seconds = 0.01
    running = process(server, store_path, 100, 4)
    server.wait_until(lambda: sum(server.billed.values()) >= 40)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    server.seconds = 0.0
    _, tally, spending = ask(server, store_path, 100)
    twice = [conversation for conversation, times in server.billed.items() if times > 1]
    assert len(twice) <= 4 and tally.kept >= 36
    assert server.bill <= spending.total


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("more", [-1, 0])
def test_the_ceiling_is_kept_to_the_last_picodollar(
    server: ChatServer, store_path: Path, threads: int, more: int
) -> None:
    request = make_requests(server.root, 1)[0]
    usage = server.answer(request.messages[0].text)["usage"]
    each, highest = PRICES.cost(usage["prompt_tokens"], usage["completion_tokens"]), highest_cost(request)
    assert each < highest
    # Room for 20 answers, the last of which might have had the maximum cost; and one picodollar less.
    ceiling = 19 * each + highest + more
    answers = 20 + more
    with pytest.raises(CeilingError) as stopped:
        ask(server, store_path, 40, ceiling=ceiling, threads=threads)
    assert sum(server.requests.values()) == answers
    spending = spending_of(store_path)
    assert server.bill == spending.total == answers * each <= ceiling
    message = str(stopped.value)
    assert f"{show_usd(spending.total)} are spent ({show_usd(spending.paid)} for {answers} answers" in message
    assert "raise chat.max_cost_usd and run again" in message and str(store_path) in message

    _, tally, _ = ask(server, store_path, 40)
    assert (tally.kept, tally.sent) == (answers, 40 - answers)
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize("seed", range(2))
def test_faults_that_are_billed_count_against_the_ceiling(server: ChatServer, store_path: Path, seed: int) -> None:
    server.plan = seeded_faults(seed, {"500": 0.1, "garbage": 0.2, "half": 0.1, "dead": 0.1})
    ceiling = 25 * highest_cost(make_requests(server.root, 1)[0])
    with pytest.raises(CeilingError):
        ask(server, store_path, 200, ceiling=ceiling)
    assert server.bill <= spending_of(store_path).total <= ceiling


def test_a_server_that_counts_more_than_can_be_stops_the_run(
    server: ChatServer, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = read_reply('{"choices": [{"message": {"content": "Alien"}}], "usage": {"prompt_tokens": 9999}}')
    assert counted.answer_tokens is None
    monkeypatch.setattr(ChatServer, "answer", lambda *_: {"choices": [{"message": {"content": "A"}}], "usage": MANY})
    with pytest.raises(
        ChatError, match="counted 99999 tokens in a prompt of .* chat.max_cost_usd cannot be guaranteed"
    ):
        ask(server, store_path, 20, threads=1)
    assert sum(server.requests.values()) == 1


@pytest.mark.parametrize("digits", ["1" + "0" * 30, "9" * 5000, "1" + "0" * 10], ids=["30", "5000", "10"])
def test_a_count_that_cannot_be_loses_no_answer_that_was_paid_for(
    server: ChatServer, store_path: Path, monkeypatch: pytest.MonkeyPatch, digits: str
) -> None:
    body = '{"choices": [{"message": {"content": "Alien"}}], "usage": {"prompt_tokens": %s, "completion_tokens": 5}}'
    server.error = (200, body % digits)
    replies, tally, spending = ask(server, store_path, 2, attempts=1)
    assert [(reply.text, reply.prompt_tokens) for reply in replies] == [("Alien", None)] * 2
    assert spending.answers == tally.sent == 2
    # As if nothing had been counted.
    assert spending.paid == 2 * highest_cost(make_requests(server.root, 1)[0])


@pytest.mark.parametrize("column", ["text", "kind", "request", "prompt_tokens", "answer_tokens", "checksum"])
def test_an_answer_that_was_changed_on_disk_is_refused(server: ChatServer, store_path: Path, column: str) -> None:
    ask(server, store_path, 2)
    changed = make_requests(server.root, 1)[0].key
    with closing(sqlite3.connect(store_path)) as database, database:
        database.execute(f"UPDATE answers SET {column} = '7' WHERE key = ?", (changed,))
    with pytest.raises(
        ChatError, match=f"answers.sqlite: an answer does not match its checksum .key {changed}.*Restore a backup"
    ):
        ask(server, store_path, 2)
    assert sum(server.requests.values()) == 2


def test_answers_of_an_earlier_version_have_no_checksum_and_are_kept(server: ChatServer, store_path: Path) -> None:
    replies, _, spending = ask(server, store_path, 3)
    with closing(sqlite3.connect(store_path)) as database, database:
        database.execute("ALTER TABLE answers DROP COLUMN checksum")
    assert ask(server, store_path, 3) == (replies, Tally(kept=3), spending)
    with closing(sqlite3.connect(store_path)) as database, database:
        database.execute("UPDATE answers SET text = 'Brazil'")
    with pytest.raises(ChatError, match="an answer does not match its checksum"):
        ask(server, store_path, 3)


MANY = {"prompt_tokens": 99_999, "completion_tokens": 5}


def test_the_server_is_left_alone_for_as_long_as_it_asks(server: ChatServer, store_path: Path) -> None:
    server.plan, server.retry_after = lambda conversation: ["429"], "17"
    pauses: list[float] = []
    ask(server, store_path, 1, threads=1, pauses=pauses)
    backoff, turn = pauses
    assert 0.5 <= backoff <= 1.0
    assert 16.0 < turn <= 17.0


def test_a_server_that_asks_for_hours_is_not_waited_for(server: ChatServer, store_path: Path) -> None:
    server.plan, server.retry_after = lambda conversation: ["429"], "7200"
    with pytest.raises(ChatError, match="HTTP 429"):
        ask(server, store_path, 1)


def test_a_request_that_always_fails_ends_the_run_and_what_was_answered_is_kept(
    server: ChatServer, store_path: Path
) -> None:
    last = make_requests(server.root, 10)[-1].messages[0].text
    server.plan = lambda conversation: ["500"] * 99 if conversation == last else []
    with pytest.raises(ChatError, match="no answer in 3 attempts at one request; .* failed with: HTTP 500"):
        ask(server, store_path, 10, threads=1, attempts=3)
    assert server.requests[last] == 3
    assert spending_of(store_path).answers == 9


def test_where_nobody_listens_nothing_is_spent(server: ChatServer, store_path: Path) -> None:
    server.root = "http://127.0.0.1:9/v1"
    pauses: list[float] = []
    with pytest.raises(ChatError, match="failed with: no connection"):
        ask(server, store_path, 3, threads=1, attempts=4, pauses=pauses)
    assert spending_of(store_path).total == 0
    assert len(pauses) == 3 and pauses == sorted(pauses)


def test_the_same_question_is_asked_once(server: ChatServer, store_path: Path, logger: logging.Logger) -> None:
    requests = make_requests(server.root, 1) * 5
    with AnswerStore(store_path, MUCH) as store, ChatClient(server.root, "sk-of-a-test", 60.0) as client:
        replies, tally = answer_requests(requests, client, store, PRICES, RequestLimits(1e9, 4, 1), logger)
    assert [reply.text for reply in replies] == ["Alien"] * 5
    assert tally.sent == sum(server.billed.values()) == 1


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_no_other_attempt_can_change_ends_the_run(server: ChatServer, store_path: Path, status: int) -> None:
    server.error = (status, '{"error": {"message": "no such model"}}')
    with pytest.raises(ChatError, match=f"HTTP {status}.*.*no such model.*Check chat.base_url"):
        ask(server, store_path, 5, threads=1)
    assert sum(server.requests.values()) == 1
    assert spending_of(store_path).total == 0


def test_an_account_without_money_is_not_asked_again(server: ChatServer, store_path: Path) -> None:
    server.error = (429, '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}')
    with pytest.raises(ChatError, match="You exceeded your quota"):
        ask(server, store_path, 5, threads=1)
    assert sum(server.requests.values()) == 1


def test_jobs_take_turns(store_path: Path) -> None:
    opened = threading.Event()

    def wait_for_turn() -> None:
        with AnswerStore(store_path, MUCH):
            opened.set()

    with AnswerStore(store_path, MUCH) as store:
        store.reserve("key", 5)
        waiting = threading.Thread(target=wait_for_turn)
        waiting.start()
        assert not opened.wait(0.3)
    assert opened.wait(10)
    waiting.join()


def test_a_damaged_file_is_named(store_path: Path) -> None:
    store_path.parent.mkdir()
    store_path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ChatError, match="answers.sqlite: cannot be opened .* contains paid answers"):
        AnswerStore(store_path, MUCH)
    assert store_path.read_bytes().startswith(b"no database")


def test_an_answer_that_cannot_be_kept_stops_the_run_and_blocks_nobody(
    server: ChatServer, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kind = lambda conversation: "right"
    monkeypatch.setattr(ChatRequest, "content", property(lambda self: "\ud800" + self.messages[0].text))
    monkeypatch.setattr(ChatRequest, "key", property(lambda self: self.messages[0].text))
    highest = highest_cost(make_requests(server.root, 1)[0])
    with pytest.raises(UnicodeEncodeError):
        ask(server, store_path, 20, ceiling=2 * highest)
    assert server.bill <= spending_of(store_path).total <= 2 * highest
