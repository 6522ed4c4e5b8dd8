"""Adapters on the hub, simulated by a cache with two revisions and a recorder of uploads, without a network."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard, constants
from huggingface_hub.errors import LocalEntryNotFoundError
from peft import AutoPeftModelForCausalLM, PeftConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import hub

from ilora.adapters import InstanceWiseLoraConfig
from test_storage import earlier_folder
from tiny_models import (
    answer,
    config,
    instance_wise,
    lora,
    randomise,
    tiny_model,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Could not find a config file in:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unable to fetch remote file due to:UserWarning"),
    pytest.mark.filterwarnings("ignore:The PEFT config's `base_model_name_or_path` was renamed:UserWarning"),
]

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of earlier downloads, without network access."""

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def add_revision(cache: Path, repository: str, revision: str, folder: Path) -> None:
    """Put a folder's files into the hub client's cache of a branch."""
    place = cache / f"models--{repository.replace('/', '--')}"
    commit = revision.encode().hex().ljust(40, "0")
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / revision).write_text(commit)
    shutil.copytree(folder, place / "snapshots" / commit)


@pytest.fixture
def published(cache: Path, tmp_path: Path) -> dict[str, torch.Tensor]:
    """Cache two revisions of an adapter of the base model's second revision, and return the logits of each."""
    for revision, seed in (("main", 5), ("v2", 0)):
        tiny_model(seed=seed).save_pretrained(str(tmp_path / f"base-{revision}"))
        add_revision(cache, "someone/base", revision, tmp_path / f"base-{revision}")
    answers = {}
    for revision, seed in (("main", 1), ("old", 2)):
        base = AutoModelForCausalLM.from_pretrained("someone/base", revision="v2")
        torch.manual_seed(seed)
        settings = InstanceWiseLoraConfig(r=8, target_modules=["q_proj"], instance_wise=config(4))
        model = get_peft_model(base, settings, revision="v2")
        randomise(model)
        model.eval().save_pretrained(str(tmp_path / revision))
        add_revision(cache, "someone/adapter", revision, tmp_path / revision)
        answers[revision] = answer(model)
    return answers


LOADERS: dict[str, Callable[..., PeftModel]] = {
    "PeftModel": lambda **options: PeftModel.from_pretrained(tiny_model(), "someone/adapter", **options),
    "AutoPeftModelForCausalLM": lambda **options: AutoPeftModelForCausalLM.from_pretrained(
        "someone/adapter", **options
    ),
    "config=": lambda **options: PeftModel.from_pretrained(
        tiny_model(),
        "someone/adapter",
        config=PeftConfig.from_pretrained("someone/adapter", **options),
        **options,
    ),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_the_revision_that_is_asked_for_is_read(published: dict[str, torch.Tensor], loader: str) -> None:
    assert not torch.equal(published["main"], published["old"])
    assert torch.equal(answer(LOADERS[loader]()), published["main"])
    assert torch.equal(answer(LOADERS[loader](revision="old")), published["old"])


def test_an_adapter_of_the_hub_is_loaded_beside_another(published: dict[str, torch.Tensor]) -> None:
    model = PeftModel.from_pretrained(tiny_model(), "someone/adapter")
    model.load_adapter("someone/adapter", "old", revision="old")
    model.set_adapter("old")
    assert torch.equal(answer(model), published["old"])


def test_its_settings_name_the_base_model_and_its_revision(published: dict[str, torch.Tensor]) -> None:
    settings = PeftConfig.from_pretrained("someone/adapter", revision="old")
    assert isinstance(settings, InstanceWiseLoraConfig)
    assert (settings.base_model_name_or_path, settings.revision) == ("someone/base", "v2")
    assert settings.instance_wise == config(4)


def test_another_revision_of_the_base_model_is_refused(published: dict[str, torch.Tensor]) -> None:
    base = AutoModelForCausalLM.from_pretrained("someone/base")
    with pytest.raises(ValueError, match=r"made for another base model.*Load the base model \(and revision\)"):
        PeftModel.from_pretrained(base, "someone/adapter")


@pytest.mark.parametrize("loader", [PeftModel.from_pretrained, None])
def test_a_repository_that_is_not_there_is_named(cache: Path, loader: Any) -> None:
    load = (lambda _, name: PeftConfig.from_pretrained(name)) if loader is None else loader
    with pytest.raises(ValueError, match="Can't find 'adapter_config.json' at 'someone/nothing'"):
        load(tiny_model(), "someone/nothing")


def test_a_repository_of_an_earlier_version_is_read_with_its_gate(cache: Path, tmp_path: Path) -> None:
    model = instance_wise(tiny_model(), config(4))
    earlier_folder(tmp_path / "earlier", model)
    add_revision(cache, "someone/earlier", "v1", tmp_path / "earlier")
    loaded = PeftModel.from_pretrained(tiny_model(), "someone/earlier", revision="v1")
    assert torch.equal(answer(loaded), answer(model))


class Uploads:
    """A stand-in for the hub's client that records uploads."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.options: dict[str, Any] = {}

    def create_repo(self, repo_id: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(repo_id=repo_id)

    def create_branch(self, **_: Any) -> None:
        """Do nothing: every branch exists."""

    def create_commit(self, operations: Any, **options: Any) -> str:
        for operation in operations:
            self.files[operation.path_in_repo] = Path(operation.path_or_fileobj).read_bytes()
        self.options = options
        return "done"


@pytest.fixture
def uploads(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    """The recorded uploads to a repository without a card."""
    uploads = Uploads()

    def no_card(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("no card")

    monkeypatch.setattr(hub, "hf_api", lambda: uploads)
    monkeypatch.setattr(ModelCard, "load", no_card)
    return uploads


def test_what_is_pushed_is_the_adapter_and_its_card(
    published: dict[str, torch.Tensor], uploads: Uploads, tmp_path: Path
) -> None:
    model = PeftModel.from_pretrained(tiny_model(), "someone/adapter")
    model.push_to_hub("someone/new", token="hf_secret", revision="draft", tags=["sequential-recommendation"])
    assert set(uploads.files) == {"README.md", WEIGHTS, SETTINGS}
    assert (uploads.options["repo_id"], uploads.options["revision"]) == ("someone/new", "draft")
    assert b"sequential-recommendation" in uploads.files["README.md"]
    assert not any(b"hf_secret" in content for content in uploads.files.values())
    for name, content in uploads.files.items():
        (tmp_path / "pushed").mkdir(exist_ok=True)
        (tmp_path / "pushed" / name).write_bytes(content)
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "pushed"))), published["main"])
    assert set(load_file(tmp_path / "pushed" / WEIGHTS)) == set(load_file(tmp_path / "main" / WEIGHTS))


def test_each_adapter_is_pushed_into_a_folder_of_its_name(uploads: Uploads) -> None:
    model = instance_wise(tiny_model(), config(4), lora(target_modules=["q_proj"]))
    model.add_adapter("other", InstanceWiseLoraConfig(r=4, target_modules=["q_proj"], instance_wise=config(2)))
    model.push_to_hub("someone/new")
    assert set(uploads.files) == {"README.md", WEIGHTS, SETTINGS, f"other/{WEIGHTS}", f"other/{SETTINGS}"}


def test_settings_are_pushed_alone(uploads: Uploads) -> None:
    model = instance_wise(tiny_model(), config(4))
    model.peft_config["default"].push_to_hub("someone/new")
    assert set(uploads.files) == {"README.md", SETTINGS}
