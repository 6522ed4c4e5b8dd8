from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from chat_server import ChatServer, handler_of


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    chat = ChatServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(chat)) as http:
        http.daemon_threads = True
        http.block_on_close = False
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        chat.root = f"http://127.0.0.1:{http.server_address[1]}/v1"
        yield chat
        chat.closing.set()
        http.shutdown()
        thread.join()


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "chat" / "answers.sqlite"


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("ilora.test_chat")
