"""Which files of an adapter are uploaded, and which are refused."""

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import provenance
from ilora.llm.hub.publishing import CONTENTS, finished_adapter
from ilora.llm.model.adapter import attach_adapter, save_adapter
from ilora.llm.model.projector import Projector
from small_tuning import small_adapter


@pytest.fixture
def adapter(llama: LlamaForCausalLM, tmp_path: Path) -> Path:
    """An instance-wise adapter written by the workflow: tuned, recorded, and then described by a card."""
    folder = tmp_path / "seed~1" / "adapter"
    folder.mkdir(parents=True)
    vectors = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    model = attach_adapter(llama.requires_grad_(False), Projector(4, 32), vectors, small_adapter(), 4, seed=1)
    save_adapter(model, small_adapter(), folder)
    provenance("made").record(folder)
    (folder / "README.md").write_text("---\nlibrary_name: peft\n---\n# iLoRA\n", encoding="utf-8")
    return folder


def test_every_file_of_an_adapter_is_told_with_what_it_holds(adapter: Path) -> None:
    files = finished_adapter(adapter)
    assert {file.name for file in files} == set(CONTENTS) == {path.name for path in adapter.iterdir()}
    for file in files:
        assert file.size == (adapter / file.name).stat().st_size > 0
        assert file.content == CONTENTS[file.name]


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "ilora.json"])
def test_a_file_that_was_altered_or_lost_is_noticed(adapter: Path, name: str) -> None:
    content = bytearray((adapter / name).read_bytes())
    content[-1] ^= 1
    (adapter / name).write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match="do not match the sha256 in adapter.provenance.json"):
        finished_adapter(adapter)
    (adapter / name).unlink()
    with pytest.raises(ArtifactError, match="one is missing or was altered. Delete the folder and run"):
        finished_adapter(adapter)


@pytest.mark.parametrize("name", ["items.parquet", "notes/titles.txt", ".env"])
def test_nothing_else_may_lie_in_the_folder(adapter: Path, name: str) -> None:
    (adapter / name).parent.mkdir(exist_ok=True)
    (adapter / name).write_text("Toy Story", encoding="utf-8")
    with pytest.raises(ArtifactError, match=rf"found {name}, which is not part of an adapter and may contain data"):
        finished_adapter(adapter)


def test_an_adapter_without_its_card_or_record_is_not_finished(adapter: Path) -> None:
    (adapter / "README.md").unlink()
    with pytest.raises(FileNotFoundError, match="expected the adapter's card. The rule describe_adapter writes it"):
        finished_adapter(adapter)
    adapter.with_name("adapter.provenance.json").unlink()
    with pytest.raises(FileNotFoundError, match="adapter.provenance.json: not found"):
        finished_adapter(adapter)
    with pytest.raises(FileNotFoundError, match="no such folder, expected the folder of a tuned adapter"):
        finished_adapter(adapter / "elsewhere")


def test_a_link_to_data_is_another_file(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"titles")
    (adapter / "ilora.json").unlink()
    (adapter / "ilora.json").symlink_to(tmp_path / "items.parquet")
    with pytest.raises(ArtifactError, match="do not match the sha256"):
        finished_adapter(adapter)


def test_the_record_is_of_the_tuning_alone(adapter: Path) -> None:
    record = json.loads(adapter.with_name("adapter.provenance.json").read_text(encoding="utf-8"))
    (adapter / "README.md").write_text("another card", encoding="utf-8")
    assert len(record["artifact"]["sha256"]) == 64
    assert len(finished_adapter(adapter)) == len(CONTENTS)
