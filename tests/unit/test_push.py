"""Pushing an adapter to a local hub that records what it receives: the real client over real HTTP."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from ilora import push
from ilora.artifacts.provenance import provenance

TOKEN = "hf_NeverToBeSeen0123456789"
REPOSITORY = "some-organisation/ilora-movielens"
CARD = "---\nlibrary_name: peft\n---\n# iLoRA on MovieLens\n"


@dataclass
class Hub:
    """The requests to the hub, and its answers."""

    root: str = ""
    status: int = 200
    is_private: bool = False
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    made: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        """Return the answer to a request, after recording its content."""
        if path == "/api/repos/create":
            self.made.append(json.loads(body))
            return {"url": f"{self.root}/{REPOSITORY}"}
        if path == f"/api/models/{REPOSITORY}":
            return {"id": REPOSITORY, "private": self.is_private}
        if path.startswith(f"/api/models/{REPOSITORY}/preupload/"):
            paths = [file["path"] for file in json.loads(body)["files"]]
            return {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]}
        if path.startswith(f"/api/models/{REPOSITORY}/commit/"):
            for line in map(json.loads, body.decode().splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {"commitUrl": f"{self.root}/{REPOSITORY}/commit/0123abc", "commitOid": "0123abc"}
        return {}


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            path = self.path.partition("?")[0]
            hub.asked.append(path)
            hub.tokens.add(self.headers.get("Authorization"))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            # A careless server that echoes the token.
            refusal = {"error": f"Invalid credentials: {self.headers.get('Authorization')}"}
            content = json.dumps(hub.answer(path, body) if hub.status == 200 else refusal).encode()
            self.send_response(hub.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    stub = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(stub)) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        stub.root = f"http://127.0.0.1:{http.server_address[1]}"
        yield stub
        http.shutdown()
        thread.join()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors", "ilora.json"):
        (folder / name).write_bytes(f"content of {name}".encode())
    provenance("made").record(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Pushed:
    """The exit status and output of the command."""

    status: int
    stdout: str
    stderr: str


class Command:
    """Run the command with only the given hub, and only the token in the environment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._printed = monkeypatch, capsys
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv(push.TOKEN_VARIABLE, TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)

    def __call__(self, hub: Hub, *arguments: str) -> Pushed:
        self._patch.setattr(constants, "ENDPOINT", hub.root)
        status = 0
        try:
            push.main(arguments)
        except SystemExit as ended:
            # Like Python at exit: a text is printed, and the status is 1.
            status = ended.code if isinstance(ended.code, int) else 1
            print(ended.code if isinstance(ended.code, str) else "", file=sys.stderr)
        return Pushed(status, *self._printed.readouterr())


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def is_silent_about_the_token(pushed: Pushed) -> bool:
    return "NeverToBeSeen" not in pushed.stdout + pushed.stderr


def test_what_lies_in_the_folder_arrives(command: Command, hub: Hub, adapter: Path) -> None:
    pushed = command(hub, str(adapter), REPOSITORY)
    assert pushed.status == 0, pushed.stderr
    assert hub.files == {path.name: path.read_bytes() for path in adapter.iterdir()}
    assert [(made["organization"], made["name"], made.get("visibility")) for made in hub.made] == [
        ("some-organisation", "ilora-movielens", None)
    ]
    assert hub.tokens <= {f"Bearer {TOKEN}", None} and f"Bearer {TOKEN}" in hub.tokens
    assert f"adapter_model.safetensors  {36:>12} bytes  weights of LoRA" in pushed.stdout
    assert pushed.stdout.endswith(f"Uploaded: {hub.root}/{REPOSITORY}/commit/0123abc\n")
    assert is_silent_about_the_token(pushed)


def test_a_dry_run_tells_and_sends_nothing(
    command: Command, hub: Hub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    told = command(hub, str(adapter), REPOSITORY, "--dry-run")
    assert told.status == 0, told.stderr
    assert all(path.name in told.stdout for path in adapter.iterdir())
    assert told.stdout.endswith("Nothing was uploaded.\n")
    assert hub.asked == []


@pytest.mark.parametrize("is_private", [True, False])
def test_a_public_repository_is_not_taken_for_a_private_one(
    command: Command, hub: Hub, adapter: Path, is_private: bool
) -> None:
    hub.is_private = is_private
    pushed = command(hub, str(adapter), REPOSITORY, "--private")
    assert hub.made[0]["visibility"] == "private"
    assert (pushed.status == 0) == bool(hub.files) == is_private
    assert is_private or "is already public. Choose another one" in pushed.stderr


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "the token in HF_TOKEN is not valid"),
        (403, "may not write there: give it write access"),
        (404, "there is no such organisation"),
        (418, "check the repository's page"),
    ],
)
def test_a_refusal_says_what_to_do_and_not_the_token(
    command: Command, hub: Hub, adapter: Path, status: int, message: str
) -> None:
    hub.status = status
    pushed = command(hub, str(adapter), REPOSITORY)
    assert pushed.status == 1 and hub.files == {}
    assert f"ilora push: {REPOSITORY}: the hub answers with HTTP {status}; " in pushed.stderr
    assert message in pushed.stderr and "Traceback" not in pushed.stderr
    assert is_silent_about_the_token(pushed)


def test_a_hub_that_cannot_be_reached_is_told(command: Command, hub: Hub, adapter: Path) -> None:
    hub.root = "http://127.0.0.1:9"
    pushed = command(hub, str(adapter), REPOSITORY)
    assert pushed.status == 1
    assert "the hub cannot be reached (" in pushed.stderr and "Traceback" not in pushed.stderr
    assert is_silent_about_the_token(pushed)


def test_nothing_is_sent_of_an_unfinished_adapter_or_without_a_token(
    command: Command, hub: Hub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    without_token = command(hub, str(adapter), REPOSITORY)
    assert without_token.status == 1
    assert "HF_TOKEN is not set in the environment: set it to a token with write access" in without_token.stderr
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (adapter / "ilora.json").write_bytes(b"altered")
    altered = command(hub, str(adapter), REPOSITORY)
    assert altered.status == 1 and "do not match the sha256" in altered.stderr
    assert hub.asked == []


@pytest.mark.parametrize("name", ["ilora-movielens", "a/b/c", "https://huggingface.co/a/b"])
def test_a_name_that_is_none_is_refused(command: Command, hub: Hub, adapter: Path, name: str) -> None:
    pushed = command(hub, str(adapter), name)
    assert pushed.status == 2 and "expected ORGANISATION/NAME" in pushed.stderr
    assert hub.asked == []
