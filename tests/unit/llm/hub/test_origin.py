import json
from pathlib import Path

import pytest

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import provenance
from ilora.llm.hub.origin import read_origin

CONFIG = {"kind": {"prompt": "text", "adapter": "uniform"}, "wording": {}, "prompt": {}}


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter with its provenance, as written by a rule that runs in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    for name in ("results/adapter/weights", "results/data/items.parquet", "results/backbone/config.json"):
        path = Path(name)
        path.parent.mkdir(parents=True)
        path.write_text(name, encoding="utf-8")
    inputs = ("results/data/items.parquet", "results/backbone/config.json")
    provenance("made", inputs=inputs).record("results/adapter", config=CONFIG)
    return tmp_path / "results" / "adapter"


def test_inputs_are_found_from_anywhere(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    origin = read_origin(adapter)
    assert origin.find("items.parquet") == tmp_path / "results" / "data" / "items.parquet"
    assert origin.find("item_embeddings.safetensors") is None
    assert origin.backbone_folder("results/backbone") == str(tmp_path / "results" / "backbone")
    assert origin.backbone_folder("meta-llama/Llama-2-7b-hf") == "meta-llama/Llama-2-7b-hf"


@pytest.mark.parametrize(("change", "message"), [("edit", "is not the file that"), ("remove", "not found, and")])
def test_another_input_is_refused(adapter: Path, change: str, message: str) -> None:
    path = adapter.parent / "data" / "items.parquet"
    path.write_text("another") if change == "edit" else path.unlink()
    with pytest.raises(ArtifactError, match=message):
        read_origin(adapter).find("items.parquet")


def test_another_backbone_is_refused(adapter: Path) -> None:
    (adapter.parent / "backbone" / "config.json").write_text("another")
    with pytest.raises(ArtifactError, match=r"config\.json: is not the file"):
        read_origin(adapter).backbone_folder("results/backbone")


def test_a_folder_without_provenance_or_with_that_of_something_else_is_refused(adapter: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Name a folder of the workflow"):
        read_origin(adapter.parent / "data")
    sidecar = adapter.with_name("adapter.provenance.json")
    record = json.loads(sidecar.read_text(encoding="utf-8"))
    sidecar.write_text(json.dumps({**record, "config": {}}), encoding="utf-8")
    with pytest.raises(ArtifactError, match="no settings of a method"):
        read_origin(adapter)
