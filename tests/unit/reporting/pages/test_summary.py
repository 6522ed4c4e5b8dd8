"""The page of findings."""

from __future__ import annotations

import pyarrow as pa

from ilora.evaluation.schemas import DIFFERENCES
from ilora.pages.summary import summary_page
from ilora.plotting.backbone_size import Backbone
from ilora.reporting.findings import demonstrated, headline
from ilora.tables.table1.rows import build_table1

SIZES = {Backbone("movielens", "random_users", "embedded"): 1_100_000}


def changed(differences: pa.Table, **values: object) -> list[dict[str, object]]:
    return [{**row, **values} for row in differences.to_pylist() if row["split"] == "test"]


def test_only_what_is_certain_is_claimed(differences: pa.Table) -> None:
    of_llara, of_sasrec = changed(differences)
    assert headline(of_llara) == "MovieLens: no demonstrated difference between iLoRA and LLaRA."
    certain = changed(differences, p_holm=0.01)
    assert headline(certain[1]) == "MovieLens: SASRec is ahead of iLoRA."
    assert demonstrated(changed(differences)) == ""
    assert demonstrated(certain) == "iLoRA is behind LLaRA and SASRec"
    (once, *_) = changed(differences, p_holm=0.01, covers="users, one training")
    assert headline(once) == "MovieLens: no verdict on iLoRA and LLaRA, which were trained once."
    assert demonstrated([once]) == ""


def test_each_question_has_its_answer_with_the_interval(summary: pa.Table, differences: pa.Table) -> None:
    table = build_table1(summary, differences, SIZES)
    page = summary_page("Findings", table, differences, "sasrec")
    assert page.count("<h2>") == 3
    assert "iLoRA minus LLaRA in HitRatio@1, test: -0.025 [-0.061, +0.012]" in page
    assert "iLoRA minus SASRec in HitRatio@1, test: -0.079 [-0.150, -0.010]" in page
    assert "SASRec on MovieLens 0.405 [0.335, 0.475], the paper" in page


def test_a_study_without_the_methods_says_so(summary: pa.Table) -> None:
    none = DIFFERENCES.empty_table()
    page = summary_page("Findings", build_table1(summary, none, SIZES), none, "sasrec")
    assert page.count("This study does not compare them") == 2
