import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

from ilora.configuration.sections.backbone import BackboneSource
from ilora.llm.hub import fetching
from ilora.llm.hub.fetching import FetchedModel, fetch_model
from ilora.llm.model.backbones import BackboneError, load_causal_model, load_configuration
from tiny_models import tiny_model


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> dict[str, Any]:
    """Replace the hub, and return the requests to it."""
    asked: dict[str, Any] = {}

    def snapshot_download(name: str, **arguments: Any) -> str:
        asked.update(name=name, **arguments)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(fetching, "snapshot_download", snapshot_download)
    return asked


def test_a_model_is_fetched_without_pickles_and_its_commit_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "0123abc"
    folder.mkdir()
    (folder / "model-00001-of-00001.safetensors").touch()
    asked = answer_with(monkeypatch, folder)
    assert fetch_model("some/model", "v1") == FetchedModel("some/model", "v1", "0123abc")
    assert (asked["name"], asked["revision"]) == ("some/model", "v1")
    assert not {"*.bin", "*.pt", "*.pth", "*"} & set(asked["allow_patterns"])


def test_a_model_without_safetensors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, tmp_path)
    with pytest.raises(BackboneError, match="some/model: has no safetensors weights"):
        fetch_model("some/model", None)


def test_what_to_do_without_access(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = httpx2.Response(403, request=httpx2.Request("GET", "https://hub.invalid"))
    answer_with(monkeypatch, GatedRepoError("gated", response=refusal))
    with pytest.raises(BackboneError, match="Request it on the model's page, then set HF_TOKEN"):
        fetch_model("some/model", None)


def test_what_to_do_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, LocalEntryNotFoundError("nothing cached"))
    with pytest.raises(BackboneError, match="such as a login node, with HF_HOME on a disk that the nodes share"):
        fetch_model("some/model", None)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses of attempted connections, without a network."""
    tried: list[Any] = []

    def refuse(_: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackboneSource:
    """A fetched model in the hub's cache, whose branch has moved since."""
    cache = tmp_path / "models--some--model"
    tiny_model("llama").save_pretrained(cache / "snapshots" / COMMIT)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("f" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"name": "some/model", "revision": "main", "commit": COMMIT}), encoding="utf-8")
    return BackboneSource(name="some/model", revision="main", record=str(record))


def test_the_commit_that_was_fetched_is_loaded_and_the_network_is_not_asked(
    fetched: BackboneSource, addresses: list[Any]
) -> None:
    model = load_causal_model(fetched)
    loaded = model.state_dict()
    assert all(torch.equal(weight, loaded[name]) for name, weight in tiny_model("llama").state_dict().items())
    assert load_configuration(fetched).hidden_size == model.config.hidden_size
    assert addresses == []


def test_a_commit_that_is_not_in_the_cache_is_told(fetched: BackboneSource, addresses: list[Any]) -> None:
    Path(fetched.record or "").write_text(json.dumps({"commit": "e" * 40}), encoding="utf-8")
    with pytest.raises(BackboneError, match=f"commit {'e' * 40} is not in the hub's cache .*; delete .*record.json"):
        load_causal_model(fetched)
    assert addresses == []


def test_of_a_models_wishes_about_decoding_its_ends_alone_are_kept(tmp_path: Path) -> None:
    wishful = tiny_model("llama")
    wishful.generation_config.repetition_penalty = 1.3
    wishful.generation_config.eos_token_id = [7, 9]
    wishful.save_pretrained(tmp_path)
    model = load_causal_model(BackboneSource(name=str(tmp_path)))
    assert model.generation_config.repetition_penalty is None
    assert model.generation_config.eos_token_id == [7, 9]
