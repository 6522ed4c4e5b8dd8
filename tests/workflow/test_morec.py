"""MoRec with a trained encoder, next to the frozen one of the finished smoke study."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout
from ilora.artifacts.tensors import read_tensors

pytestmark = pytest.mark.timeout(1200)

MOREC = "recommenders/movielens/random_users/morec/seed~1"
END_TO_END = "recommenders: {{morec: {{training: end_to_end, compared_items: {compared}}}}}\n"


@pytest.mark.parametrize("compared", ["all", "batch"])
def test_the_encoder_is_trained_and_nothing_else_is_made_again(
    finished: Checkout, tmp_path: Path, compared: str
) -> None:
    copy = Checkout.like(finished, tmp_path / "checkout")
    (copy.folder / "studies" / "end_to_end.yaml").write_text(END_TO_END.format(compared=compared), encoding="utf-8")
    study = (*SMOKE, "studies/end_to_end.yaml", "--", f"results/smoke/{MOREC}/metrics.parquet")
    assert copy.planned_jobs(*study) == {"train_with_encoder": 1, "compute_metrics": 1}
    process = copy.snakemake("--cores", "all", *study)
    assert process.returncode == 0, process.stdout
    embeddings = [
        read_tensors(place.results / MOREC / "item_embeddings.safetensors")["item_embeddings"]
        for place in (finished, copy)
    ]
    assert embeddings[0].shape == embeddings[1].shape and not (embeddings[0] == embeddings[1]).any()
    predictions = [pq.read_table(place.results / MOREC / "predictions.parquet") for place in (finished, copy)]
    assert predictions[0].drop(["scores", "choice"]).equals(predictions[1].drop(["scores", "choice"]))
    assert set(read_tensors(copy.results / MOREC / "model.safetensors")) == set(
        read_tensors(copy.results / MOREC.replace("morec", "sasrec") / "model.safetensors")
    )


def test_an_encoder_from_the_hub_is_trained_on_a_gpu(checkout: Checkout) -> None:
    (checkout.folder / "studies" / "end_to_end.yaml").write_text(END_TO_END.format(compared="all"), encoding="utf-8")
    study = ("--configfile", "studies/paper.yaml", "studies/end_to_end.yaml")
    process = checkout.snakemake("--dry-run", "--cores", "8", *study, "--", "make_table1")
    assert process.returncode == 0, process.stdout
    blocks = re.findall(r"^rule train_with_encoder:\n((?:    .*\n)+)", process.stdout, re.MULTILINE)
    assert len(blocks) == 3 * 5
    assert all(re.search(r"    resources: .*\bgpu=1\b", block) for block in blocks)
