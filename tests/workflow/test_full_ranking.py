"""Language models in Table 2, on the data, the recommender and the backbone of the finished smoke study."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(1200)

STUDY = """
methods: [sasrec, zero_shot, ilora]
prompt: {candidates: none}
decoding: {constrained: true}
full_ranking: {enabled: true}
"""
TABLE = "results/smoke/tables/table2.html"


def test_language_models_have_rows_of_table_2(finished: Checkout, tmp_path: Path) -> None:
    checkout = Checkout.like(finished, tmp_path / "checkout")
    (checkout.folder / "open.yaml").write_text(STUDY, encoding="utf-8")
    study = (*SMOKE, "open.yaml", "--", TABLE)
    # The embedded backbone is kept, since its pretraining data are the same.
    jobs = {"fine_tune_gated": 1, "plan_full_ranking": 2, "rank_by_fine_tuned": 1, "rank_zero_shot": 1}
    tables = {"rank_by_recommender": 1, "collect_rankings": 1, "make_table2": 1}
    assert checkout.planned_jobs(*study) == {**jobs, **tables}
    process = checkout.snakemake("--cores", "all", *study)
    assert process.returncode == 0, process.stdout
    page = (checkout.folder / TABLE).read_text(encoding="utf-8")
    assert all(f"<td>{method}</td>" in page for method in ("SASRec", "Untuned LLM", "iLoRA"))
    assert "Untuned LLM, iLoRA: prompts list no candidates" in page
    (ranks,) = checkout.results.glob("llm/*/*/*/ilora/default/seed~1/ranks.parquet")
    # Two films have one title.
    assert pq.read_table(ranks)["ranked_items"].to_pylist()[0] == 90
    logs = [
        log.read_text(encoding="utf-8")
        for rule in ("rank_by_fine_tuned", "rank_zero_shot")
        for log in checkout.results.glob(f"logs/{rule}/**/*.log")
    ]
    # There would be a warning if the tokens read differed from the plan.
    assert len(logs) == 2 and all(re.search(r" INFO \w+: 12 targets ranked among 90 items", log) for log in logs)
