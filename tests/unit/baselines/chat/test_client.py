"""Servers that never finish, send too much or compress it: attempts respect their limits of time and size."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from chat_server import ChatServer, make_requests
from ilora.baselines.chat import bodies
from ilora.baselines.chat.client import ChatClient
from ilora.baselines.chat.errors import FailedAttemptError
from ilora.baselines.chat.replies import Reply, ReplyKind

ANSWER = b'{"choices": [{"message": {"content": "Alien"}}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}'
LIMIT = 100_000
#: Ten times the size limit, compressed to a thousandth.
# The bytes must be the same in every process, because they are part of test names.
PACKED = gzip.compress(ANSWER, mtime=0)
MUCH = gzip.compress(b" " * 10 * LIMIT + ANSWER, mtime=0)


@pytest.fixture(autouse=True)
def short_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LONGEST_BODY", LIMIT)


def ask(server: ChatServer, speak: Callable[[BaseHTTPRequestHandler], None], seconds: float = 20.0) -> Reply:
    server.speak = speak
    with ChatClient(server.root, "sk-of-a-test", seconds) as client:
        return client.ask(make_requests(server.root, 1)[0])


def sends(body: bytes, packing: str | None = None, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    def speak(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        if packing is not None:
            handler.send_header("Content-Encoding", packing)
        handler.end_headers()
        handler.wfile.write(body)

    return speak


def drips(beginning: bytes, byte: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a handler that sends a byte every 20 milliseconds for ten seconds."""

    def speak(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(beginning)
        for _ in range(500):
            handler.wfile.write(byte)
            time.sleep(0.02)

    return speak


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "],
    ids=["body", "headers"],
)
def test_an_answer_that_comes_byte_by_byte_has_a_deadline(server: ChatServer, beginning: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(FailedAttemptError, match="^timeout$") as failed:
        ask(server, drips(beginning, b"a"), seconds=0.3)
    assert failed.value.may_be_billed
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("body", "packing"),
    [(ANSWER + b" " * LIMIT, None), (MUCH, "gzip"), (zlib.compress(b" " * 10 * LIMIT), "deflate")],
    ids=["plain", "gzip", "deflate"],
)
def test_no_more_is_read_than_a_chat_completion_can_be(
    server: ChatServer, body: bytes, packing: str | None, status: int
) -> None:
    with pytest.raises(FailedAttemptError, match="a response of more than") as failed:
        ask(server, sends(body, packing, status))
    assert failed.value.may_be_billed


@pytest.mark.parametrize(
    ("body", "packing"),
    [(ANSWER, None), (ANSWER, "identity"), (PACKED, "gzip"), (zlib.compress(ANSWER), "deflate")],
)
def test_an_answer_is_read_also_where_it_is_packed(server: ChatServer, body: bytes, packing: str | None) -> None:
    assert ask(server, sends(body, packing)) == Reply("Alien", ReplyKind.COMPLETE, 7, 2)


@pytest.mark.parametrize(
    ("body", "packing", "reason"),
    [
        (ANSWER, "gzip", "a compressed response that is damaged"),
        (PACKED[:-9], "gzip", "a compressed response that is truncated"),
        (ANSWER, "br", "a response with an unsupported content encoding"),
    ],
)
def test_a_packed_response_that_is_none_is_a_failed_attempt(
    server: ChatServer, body: bytes, packing: str, reason: str
) -> None:
    with pytest.raises(FailedAttemptError, match=reason) as failed:
        ask(server, sends(body, packing))
    assert failed.value.may_be_billed


def test_brackets_in_thousands_of_brackets_are_no_chat_completion(server: ChatServer) -> None:
    with pytest.raises(FailedAttemptError, match="a response that is not a chat completion"):
        ask(server, sends(b"[" * (LIMIT - 1)))
