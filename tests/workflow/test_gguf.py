"""The smoke study on a backbone in a GGUF file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from gguf import GGMLQuantizationType

from checkout import SMOKE, Checkout
from ilora.configuration.sections.backbone import BackboneSection
from small_gguf import small_llama, small_tokenizer, write_gguf

# It runs in a copy of the finished smoke study, whose data and recommenders it shares.
pytestmark = pytest.mark.timeout(1200)

STUDY = """
backbone: {name: small.gguf, gpus: 0}
prompt: {order: history_first, behaviour_token: after_title}
finetuning: {item_vectors: raw, batch_size: 2, steps: 2, snapshots: []}
"""
PLACE = "movielens/random_users"


def test_a_gguf_file_is_converted_tuned_and_asked(finished: Checkout, tmp_path: Path) -> None:
    checkout = Checkout.like(finished, tmp_path / "checkout")
    file = checkout.folder / "small.gguf"
    tokenizer = small_tokenizer()
    write_gguf(file, small_llama(tokenizer), tokenizer, kind=GGMLQuantizationType.Q8_0)
    (checkout.folder / "gguf.yaml").write_text(STUDY, encoding="utf-8")
    backbone = BackboneSection(name=str(file))
    tuned = f"results/smoke/finetune/{PLACE}/{backbone.identifier}/ilora/default/seed~1/adapter"
    process = checkout.snakemake("--cores", "all", *SMOKE, "gguf.yaml", "--", f"{tuned}/README.md")
    assert process.returncode == 0, process.stdout

    converted = f"results/smoke/backbone/converted/{backbone.model_id}"
    record = json.loads((checkout.folder / f"{converted}.provenance.json").read_text(encoding="utf-8"))
    assert record["inputs"] == {"small.gguf": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert record["details"]["gguf"]["license"] == "apache-2.0"
    tuning = json.loads((checkout.folder / f"{tuned}.provenance.json").read_text(encoding="utf-8"))
    assert f"{converted}/model.safetensors" in tuning["inputs"]
    card = (checkout.folder / tuned / "README.md").read_text(encoding="utf-8")
    assert "- Base model: small.gguf\n" in card and "applies to its use with this adapter: apache-2.0." in card

    unique = checkout.unique_titles(PLACE)
    asked = checkout.ask(tuned, "--history", *unique[:3], "--candidates", *unique[3:6])
    assert asked.returncode == 0, asked.stderr
    assert all(f"  {title}\n" in asked.stdout for title in unique[3:6])
