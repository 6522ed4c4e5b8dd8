from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

from ilora.llm import hub
from ilora.llm.backbones import BackboneError
from ilora.llm.hub import FetchedModel, fetch_model


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> dict[str, Any]:
    """Stand in for the hub, and tell what it was asked."""
    asked: dict[str, Any] = {}

    def snapshot_download(name: str, **arguments: Any) -> str:
        asked.update(name=name, **arguments)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
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
    with pytest.raises(BackboneError, match="some/model: has no weights as safetensors"):
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
