"""A local server with answers and faults prepared by a test."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Answer:
    """The server's answer to one request.

    The connection is closed, or stalls if `stalls`, after `sent` bytes; `declared` is the length in the header, None
    for no such header.
    """

    body: bytes
    status: int
    headers: dict[str, str]
    ranges: bool
    sent: int | None
    stalls: bool
    declared: int | None


@dataclass
class FaultyServer:
    """Sends the prepared answers in order, repeats the last one, and records the requests."""

    requests: list[dict[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    root: str = ""

    def address(self, name: str) -> str:
        return f"{self.root}/{name}"

    def gives(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        etag: str | None = None,
        headers: dict[str, str] | None = None,
        ranges: bool = True,
        sent: int | None = None,
        stalls: bool = False,
        declares: int | None = None,
        declares_nothing: bool = False,
    ) -> None:
        """Add an answer. With `ranges`, range requests for the version `etag` are honoured."""
        named = (headers or {}) | ({"ETag": etag} if etag is not None else {})
        declared = None if declares_nothing else len(body) if declares is None else declares
        self.answers.append(Answer(body, status, named, ranges, sent, stalls, declared))

    def next_answer(self) -> Answer:
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


def _handler(server: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(dict(self.headers.items()))
            answer = server.next_answer()
            body, status, headers, declared = answer.body, answer.status, dict(answer.headers), answer.declared
            wanted = self.headers.get("Range")
            if wanted is not None and answer.ranges and self.headers.get("If-Range") == headers.get("ETag"):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    body, status, declared = b"", 416, 0
                else:
                    headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                    body, status, declared = body[start:], 206, len(body) - start
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if declared is not None:
                self.send_header("Content-Length", str(declared))
            self.end_headers()
            self.wfile.write(body[: answer.sent])
            self.wfile.flush()
            if answer.stalls:
                server.closing.wait(10)

        def log_message(self, format: str, *args: object) -> None:
            """Keep silent."""

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    faulty = FaultyServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(faulty)) as http:
        http.daemon_threads = True
        http.block_on_close = False
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        faulty.root = f"http://127.0.0.1:{http.server_address[1]}"
        yield faulty
        faulty.closing.set()
        http.shutdown()
        thread.join()


@pytest.fixture
def logger() -> logging.Logger:
    logger = logging.getLogger("ilora.test_acquisition")
    logger.setLevel(logging.INFO)
    return logger


@pytest.fixture
def pauses() -> list[float]:
    """The pauses between attempts: pass `pauses.append` as `sleep`."""
    return []
