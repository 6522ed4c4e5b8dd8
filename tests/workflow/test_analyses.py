"""The analyses behind the figures: gradients, synthetic users and feedback, on the finished smoke study."""

from __future__ import annotations

from collections import Counter

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(600)

ANALYSES = """
figures: {gradients: true}
negative_transfer:
  degrees: [1]
  seeds: [1]
  groups: 2
  items: 12
  pretraining_steps: 10
  r: 2
  steps: [3]
  test_sequences: 20
feedback:
  rounds: 1
  seeds: [1]
  users: 100
  group_shares: [0.7, 0.3]
  recommender_steps: 2
  adapter_steps: 2
"""
STUDY = (*SMOKE, "studies/analyses.yaml")
GRADIENT_FIGURES = {
    "clusters": "draw_clusters",
    "gradient_similarity_llara": "draw_gradient_similarity",
    "gradient_similarity_ilora": "draw_gradient_similarity",
    "gradient_similarity_summary": "draw_gradient_similarity_summary",
    "case_study": "draw_case_study",
    "expert_attention_all": "draw_expert_attention_all",
}


@pytest.fixture(scope="module")
def analysed(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished smoke study with all analyses."""
    copy = Checkout.like(finished, tmp_path_factory.mktemp("analysed") / "checkout")
    (copy.folder / "studies" / "analyses.yaml").write_text(ANALYSES, encoding="utf-8")
    process = copy.snakemake("--cores", "all", *STUDY, "--", "figures")
    assert process.returncode == 0, process.stdout
    return copy


def test_every_figure_is_drawn_beside_its_data(analysed: Checkout) -> None:
    figures = [*(f"movielens/{name}" for name in GRADIENT_FIGURES), "negative_transfer", "feedback"]
    for figure in figures:
        path = analysed.results / "figures" / figure
        assert path.with_suffix(".svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        # No two of the few sequences qualify for the case study, as its figure states.
        assert (pq.read_table(path.with_suffix(".parquet")).num_rows > 0) == (path.name != "case_study")


def test_gradients_are_taken_of_every_method_and_checkpoint(analysed: Checkout) -> None:
    (summary,) = (analysed.results / "analysis").rglob("gradient_summary.parquet")
    table = pq.read_table(summary)
    for method in ("llara", "ilora"):
        steps = table.filter(pc.equal(table["method"], method))["step"].unique().to_pylist()
        assert sorted(steps, key=lambda step: step or 0) == [None, 3, 6]


def test_every_method_is_tuned_on_synthetic_users(analysed: Checkout) -> None:
    rows = pq.read_table(analysed.results / "analysis" / "negative_transfer.parquet").to_pylist()
    hits = {(row["method"], row["group_in_prompt"]) for row in rows if row["quantity"] == "hit_ratio@1"}
    methods = ("uniform", "instance_wise", "shuffled_gate", "oracle_gate", "one_per_group")
    assert hits == {(method, prompt) for method in methods for prompt in ("hidden", "named")}


def test_every_policy_recommends_in_every_round_of_the_simulation(analysed: Checkout) -> None:
    rows = pq.read_table(analysed.results / "analysis" / "feedback.parquet").to_pylist()
    policies = ("oracle", "popularity", "sasrec", "uniform", "instance_wise")
    regrets = {(row["method"], row["round"], row["group"]) for row in rows if row["quantity"] == "regret"}
    assert regrets == {(name, number, group) for name in policies for number in (0, 1) for group in (None, 0, 1)}


def test_figures_are_drawn_again_from_what_lies_there(analysed: Checkout) -> None:
    rules = [*GRADIENT_FIGURES.values(), "draw_negative_transfer", "draw_feedback"]
    figures = [*(f"movielens/{name}" for name in GRADIENT_FIGURES), "negative_transfer", "feedback"]
    targets = [f"results/smoke/figures/{figure}.svg" for figure in figures]
    assert analysed.planned_jobs(*STUDY, "--forcerun", *set(rules), "--", *targets) == Counter(rules)
