"""Files exported with a job: complete recorded folders with their records, and a GGUF file for its conversion."""

from pathlib import Path

import pytest

from ilora.artifacts.provenance import provenance
from ilora.benchmarks.gpu.preparation import rebuilt_weights, with_records
from ilora.benchmarks.gpu.rule_jobs import TUNING, RuleJob


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table with a record, and a model whose folder has one."""
    monkeypatch.chdir(tmp_path)
    Path("small.gguf").write_text("gguf")
    Path("items").write_text("Alien")
    provenance("prepare_interactions").record("items")
    Path("model").mkdir()
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        Path("model", name).write_text(name)
    provenance("convert_gguf", inputs=["small.gguf"]).record("model")
    return tmp_path


def test_a_recorded_folder_travels_whole(folder: Path) -> None:
    assert sorted(with_records(["items", "small.gguf", "model/config.json"])) == [
        "items",
        "items.provenance.json",
        "model.provenance.json",
        "model/config.json",
        "model/generation_config.json",
        "model/model.safetensors",
        "small.gguf",
    ]


def test_weights_are_converted_again_where_a_record_says_from_what(folder: Path) -> None:
    def job(weights: str) -> RuleJob:
        return RuleJob("fine_tune", TUNING, {}, {"backbone_weights": weights}, {}, {}, 1, "log")

    assert rebuilt_weights([job("model/model.safetensors")]) == {"model/model.safetensors": "small.gguf"}
    assert rebuilt_weights([job("items")]) == {}
