"""A local chat model server with faults planned by a seed, which keeps its own accounts."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from ilora.baselines.chat.prices import Prices
from ilora.baselines.chat.prompts import Message
from ilora.baselines.chat.requests import ChatModel, ChatRequest

PRICES = Prices(2.5, 10.0)
#: Faults after which a provider may bill what it sent or began to send.
BILLED_FAULTS = ("timeout", "garbage", "half", "dead")
#: Defects of answers that are nevertheless answers.
ANSWERS: dict[str, dict[str, Any]] = {
    "right": {"message": {"content": "Alien"}, "finish_reason": "stop"},
    "prose": {"message": {"content": "I would watch Alien, of course."}, "finish_reason": "stop"},
    "empty": {"message": {"content": None}, "finish_reason": "stop"},
    "refusal": {"message": {"content": None, "refusal": "I cannot help with that."}, "finish_reason": "stop"},
    "filtered": {"message": {"content": ""}, "finish_reason": "content_filter"},
    "truncated": {"message": {"content": "Alie"}, "finish_reason": "length"},
}


@dataclass
class ChatServer:
    """Answers every conversation, after the faults that `plan` sets for its attempts.

    What it answers depends on the conversation alone, so that two servers with the same plan answer alike. `billed`
    counts how often each conversation was paid for, `bill` what that cost, in picodollars. With `speak`, that
    sends what comes after the request, from the first byte on.
    """

    plan: Callable[[str], list[str]] = lambda conversation: []
    kind: Callable[[str], str] = lambda conversation: "right"
    answers_before_silence: int | None = None
    retry_after: str | None = None
    seconds: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    billed: Counter[str] = field(default_factory=Counter)
    bill: int = 0
    silent: int = 0
    keys: set[str] = field(default_factory=set)
    error: tuple[int, str] | None = None
    speak: Callable[[BaseHTTPRequestHandler], None] | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)
    root: str = ""

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until the accounts satisfy a condition."""
        with self.changed:
            assert self.changed.wait_for(holds, timeout=60), "the server waited in vain"

    def next_fault(self, conversation: str) -> str | None:
        """Count a request and return its fault; None if it is to be answered."""
        with self.changed:
            attempt = self.requests[conversation]
            self.requests[conversation] += 1
            planned = self.plan(conversation)
            if attempt < len(planned):
                self.faults[planned[attempt]] += 1
                return planned[attempt]
            limit = self.answers_before_silence
            if limit is not None and sum(self.billed.values()) >= limit:
                self.silent += 1
                self.changed.notify_all()
                return "silence"
            return None

    def pay(self, conversation: str, counted: dict[str, int]) -> None:
        with self.changed:
            self.billed[conversation] += 1
            self.bill += PRICES.cost(counted["prompt_tokens"], counted["completion_tokens"])
            self.changed.notify_all()

    def answer(self, conversation: str) -> dict[str, Any]:
        """Return the chat completion for a conversation."""
        counted = {"prompt_tokens": len(conversation.encode()) // 3, "completion_tokens": 5}
        return {"object": "chat.completion", "choices": [ANSWERS[self.kind(conversation)]], "usage": counted}


def handler_of(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of a server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.keys.add(self.headers["Authorization"])
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            conversation = "\n".join(message["content"] for message in sent["messages"])
            fault = server.next_fault(conversation)
            completion = server.answer(conversation)
            body = json.dumps(completion).encode()
            if fault in BILLED_FAULTS or fault is None:
                server.closing.wait(server.seconds)
                server.pay(conversation, completion["usage"])
            if server.speak is not None:
                with suppress(ConnectionError):
                    server.speak(self)
            elif server.error is not None:
                self._send(*server.error)
            elif fault is None:
                self._send(200, body.decode())
            elif fault in ("429", "500"):
                self._send(int(fault), '{"error": {"message": "busy"}}')
            elif fault == "garbage":
                self._send(200, '{"choices": [{"mess')
            elif fault == "half":
                self._send(200, body.decode(), len(body) // 2)
            elif fault in ("timeout", "silence"):
                server.closing.wait(30)

        def _send(self, status: int, body: str, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if server.retry_after is not None and status == 429:
                self.send_header("Retry-After", server.retry_after)
            self.end_headers()
            with suppress(ConnectionError):  # the client was killed
                self.wfile.write(body.encode()[:length])

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    return Handler


def seeded_faults(seed: int, shares: dict[str, float]) -> Callable[[str], list[str]]:
    """Return a plan in which each attempt of a conversation meets each fault with this probability."""

    def plan(conversation: str) -> list[str]:
        numbers = random.Random(hashlib.sha256(f"{seed}/{conversation}".encode()).digest())
        faults: list[str] = []
        while len(faults) < 4 and numbers.random() < sum(shares.values()):
            faults += numbers.choices(list(shares), list(shares.values()))
        return faults

    return plan


def seeded_kinds(seed: int) -> Callable[[str], str]:
    """Return the defect of the answer to each conversation; most have none."""

    def kind(conversation: str) -> str:
        numbers = random.Random(f"{seed}/{conversation}")
        return "right" if numbers.random() < 0.7 else numbers.choice(list(ANSWERS))

    return kind


def make_requests(address: str, count: int) -> list[ChatRequest]:
    """Return requests of the same length, each with its own conversation."""
    model = ChatModel(address, "stub", 0.0, 8, "max_tokens")
    return [
        ChatRequest(model, (Message("user", f"Question {number:04d}: Alien or Brazil?"),)) for number in range(count)
    ]
