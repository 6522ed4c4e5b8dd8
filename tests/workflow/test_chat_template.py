"""The smoke study on another backbone: a directory with its own chat template."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout
from ilora.configuration.sections.backbone import BackboneSection
from small_qwen import save_small_qwen

# It runs in a copy of the finished smoke study, whose data and recommenders it shares.
pytestmark = pytest.mark.timeout(1200)

STUDY = """
backbone: {name: small_qwen, gpus: 0}
prompt: {order: history_first, behaviour_token: after_title, template: chat}
finetuning: {item_vectors: raw, batch_size: 2, steps: 2, snapshots: []}
"""
PLACE = "movielens/random_users"


def test_a_chat_model_is_tuned_answers_and_can_be_asked(finished: Checkout, tmp_path: Path) -> None:
    checkout = Checkout.like(finished, tmp_path / "checkout")
    save_small_qwen(checkout.folder / "small_qwen")
    (checkout.folder / "chat.yaml").write_text(STUDY, encoding="utf-8")
    plan = (*SMOKE, "chat.yaml")
    backbone = BackboneSection(name=str(checkout.folder / "small_qwen")).identifier
    tuned = f"results/smoke/finetune/{PLACE}/{backbone}/ilora/default/seed~1/adapter"
    answers = [
        f"results/smoke/llm/{PLACE}/{backbone}/{method}/predictions.parquet"
        for method in ("ilora/default/seed~1", "zero_shot/default")
    ]
    process = checkout.snakemake("--cores", "all", *plan, "--", *answers, f"{tuned}/README.md")
    assert process.returncode == 0, process.stdout
    for path in answers:
        assert pq.read_table(checkout.folder / path)["scores"].null_count == 0
    card = (checkout.folder / tuned / "README.md").read_text(encoding="utf-8")
    assert "- Prompt: the user's message in the base model's own chat template" in card

    unique = checkout.unique_titles(PLACE)
    asked = checkout.ask(tuned, "--history", *unique[:3], "--candidates", *unique[3:6])
    assert asked.returncode == 0, asked.stderr
    assert all(f"  {title}\n" in asked.stdout for title in unique[3:6])
