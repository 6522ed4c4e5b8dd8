"""Table 2: its contents, and the studies that have it."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pytest

from ilora.datasets.declaration import Published, PublishedRanking
from ilora.datasets.register import DATASETS
from ilora.evaluation.comparisons import compare_rankings
from ilora.evaluation.full_ranking import summarise_rankings
from ilora.evaluation.intervals import IntervalSettings
from ilora.full_ranking.schema import RANKS
from ilora.layout import Run
from ilora.study.study import Study
from ilora.tables.table2 import DOCUMENT, table2_to_html, table2_to_latex, table2_to_markdown

SETTINGS = {"reference": "sasrec", "leaves_seen_out": False, "maximum_history": 20}


def make_ranks(ranks: Iterable[int], method: str) -> pa.Table:
    rows = [
        {
            "sequence_id": sequence,
            "split": split,
            "user_id": sequence,
            "method": method,
            "target": 0,
            "rank": float(rank),
            "tied": 1,
            "ranked_items": 1682,
            "id_rank": None,
            "id_tied": None,
        }
        for split in ("val", "test")
        for sequence, rank in enumerate(ranks)
    ]
    return pa.Table.from_pylist(rows, schema=RANKS)


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    """Return the summary and the differences of a baseline and of two trainings."""
    ranks = {Run("movielens", "chronological", "popularity"): make_ranks([1, 30] * 20, "popularity")}
    for seed in (1, 2):
        run = Run("movielens", "chronological", "sasrec", seed=seed)
        ranks[run] = make_ranks([1, 2, 3, 10 * seed] * 10, "sasrec")
    settings = IntervalSettings(samples=200)
    return summarise_rankings(ranks, settings), compare_rankings("sasrec", ranks, settings)


def test_a_row_has_its_metrics_and_what_it_lacks_of_the_reference(tables: tuple[pa.Table, pa.Table]) -> None:
    html, latex = table2_to_html(*tables, SETTINGS), table2_to_latex(*tables, SETTINGS)
    for heading in ("Recall@10", "NDCG@20", "MRR", "SASRec minus it"):
        assert f"<th>{heading}</th>" in html
    block = "MovieLens (chronological protocol), test: 40 users, 1,682 items ranked"
    assert block in html and block in latex
    assert "<td>Popularity</td><td>–</td><td>0.5000</td><td>0.5000 [" in html
    # One of its two trainings ranks every fourth target within the first ten.
    assert "<td>SASRec</td><td>2 times</td><td>0.7500 ± 0.0000</td><td>0.8750 ± 0.1768 [" in html
    assert "Items that the user had before the target are ranked, too" in html
    assert "Published" not in html
    markdown = table2_to_markdown(*tables, SETTINGS)
    assert f"**{block}**\n\n| Method | Trained | Recall@5 |" in markdown
    assert "\n| SASRec | 2 times | 0.7500 ± 0.0000 | 0.8750 ± 0.1768 [" in markdown
    left_out = table2_to_html(*tables, {**SETTINGS, "leaves_seen_out": True})
    assert "Items that the user had before the target are excluded" in left_out


def test_published_numbers_stand_apart(tables: tuple[pa.Table, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    ranking = PublishedRanking("TIGER", "Its authors", {"ndcg@10": 0.0384}, "one seed")
    published = Published(full_ranking=(ranking,))
    monkeypatch.setitem(DATASETS, "movielens", replace(DATASETS["movielens"], published=published))
    html = table2_to_html(*tables, SETTINGS)
    ours, theirs = html.split("Published: reference data, not measured here")
    assert "0.0384" not in ours
    assert "<td>MovieLens</td><td>TIGER</td>" in theirs and "<td>Its authors</td><td>one seed</td>" in theirs
    assert "0.0384" in table2_to_latex(*tables, SETTINGS)
    assert "| MovieLens | TIGER |" in table2_to_markdown(*tables, SETTINGS)


def test_a_study_has_it_where_it_asks_for_a_full_ranking() -> None:
    methods = ["popularity", "sasrec", "zero_shot"]
    assert not DOCUMENT.files(Study.load({"methods": methods}, {}))
    config = {"methods": methods, "protocol": "chronological", "full_ranking": {"enabled": True}, "seeds": [1, 2]}
    study = Study.load(config, {})
    assert DOCUMENT.files(study) == [f"results/tables/table2.{ending}" for ending in ("html", "md", "tex")]
    trained = "results/recommenders/movielens/chronological/sasrec"
    ranks = [
        "results/baselines/movielens/chronological/popularity/ranks.parquet",
        *(f"{trained}/seed~{seed}/ranks.parquet" for seed in (1, 2)),
    ]
    assert study.targets.full_ranking.ranks == ranks
    assert {*ranks, study.layout.ranking_summary} <= {*study.targets.artifacts()}


def test_language_models_rank_where_their_prompts_list_no_candidates() -> None:
    config = {"methods": ["sasrec", "zero_shot", "llara"], "protocol": "chronological", "seeds": [1, 2]}
    open_prompts = {"prompt": {"candidates": "none"}, "decoding": {"constrained": True}}
    files = Study.load({**config, **open_prompts, "full_ranking": {"enabled": True}}, {}).targets.full_ranking
    folder = "results/llm/movielens/chronological/embedded"
    of_language_models = [f"{folder}/zero_shot/default", *(f"{folder}/llara/default/seed~{seed}" for seed in (1, 2))]
    assert files.ranks[-3:] == [f"{run}/ranks.parquet" for run in of_language_models]
    plans = "results/plans/movielens/chronological/embedded"
    assert files.plans() == [f"{plans}/{method}_full_ranking.json" for method in ("zero_shot", "llara")]
    assert set(files.plans()) < set(files.artifacts())
    listed = Study.load({**config, "full_ranking": {"enabled": True}}, {}).targets.full_ranking
    assert not listed.plans() and len(listed.ranks) == 2
    assert not Study.load({**config, **open_prompts}, {}).targets.full_ranking.plans()


def test_rows_of_language_models_say_what_they_are(tables: tuple[pa.Table, pa.Table]) -> None:
    ranks = {
        Run("movielens", "chronological", "sasrec", seed=1): make_ranks([1, 2], "sasrec"),
        Run("movielens", "chronological", "llara", backbone="llama", seed=1): make_ranks([1, 3], "llara"),
    }
    settings = IntervalSettings(samples=200)
    html = table2_to_html(summarise_rankings(ranks, settings), compare_rankings("sasrec", ranks, settings), SETTINGS)
    assert "<td>LLaRA</td><td>once</td><td>1.0000</td>" in html
    assert "LLaRA: prompts list no candidates" in html and "Backbone: llama." in html
    assert "prompts list no candidates" not in table2_to_html(*tables, SETTINGS)
