import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import ndcg_score

from ilora.evaluation.comparisons import compare_rankings
from ilora.evaluation.full_ranking import RANKING_METRICS, ranking_ratio, summarise_rankings
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.schemas import DIFFERENCES, RANKING_SUMMARY
from ilora.full_ranking.schema import RANKS
from ilora.layout import Run

SETTINGS = IntervalSettings(samples=200)
ITEMS = 1000


def make_ranks(
    ranks: Sequence[float],
    tied: Sequence[int] | None = None,
    method: str = "m",
    id_ranks: Sequence[float] | None = None,
) -> pa.Table:
    """Return a table in which every user has the same rank on both splits."""
    rows = [
        {
            "sequence_id": number,
            "split": split,
            "user_id": user,
            "method": method,
            "target": 0,
            "rank": float(rank),
            "tied": 1 if tied is None else tied[user],
            "ranked_items": ITEMS,
            "id_rank": None if id_ranks is None else float(id_ranks[user]),
            "id_tied": None if id_ranks is None else 1,
        }
        for split in ("val", "test")
        for number, (user, rank) in enumerate(enumerate(ranks))
    ]
    return pa.Table.from_pylist(rows, schema=RANKS)


def _value(ranks: pa.Table, metric: str) -> float:
    return ranking_ratio(ranks, metric, "test").value


def test_metrics_are_those_of_the_field() -> None:
    ranks = make_ranks([1, 5, 6, 11, 21])
    found = {metric: _value(ranks, metric) for metric in ("recall@5", "recall@10", "recall@20", "mrr")}
    assert found == pytest.approx(
        {"recall@5": 2 / 5, "recall@10": 3 / 5, "recall@20": 4 / 5, "mrr": (1 + 1 / 5 + 1 / 6 + 1 / 11 + 1 / 21) / 5}
    )
    gains = [1 / math.log2(rank + 1) for rank in (1, 5, 6, 11)]
    for cutoff, counted in ((5, 2), (10, 3), (20, 4)):
        assert _value(ranks, f"ndcg@{cutoff}") == pytest.approx(sum(gains[:counted]) / 5)


def test_items_that_share_places_share_what_these_are_worth() -> None:
    # Ranks 1 and 2; ranks 4 to 7, two of them within the first five; all 20 ranks.
    ranks = make_ranks([1.5, 5.5, 10.5], tied=[2, 4, 20])
    assert _value(ranks, "recall@5") == pytest.approx((1 + 2 / 4 + 5 / 20) / 3)
    assert _value(ranks, "mrr") == pytest.approx(
        ((1 + 1 / 2) / 2 + sum(1 / place for place in (4, 5, 6, 7)) / 4 + sum(1 / n for n in range(1, 21)) / 20) / 3
    )


def test_ndcg_under_ties_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 5, (40, 30)).astype(float)
    better, tied = (scores > scores[:, :1]).sum(axis=1), (scores == scores[:, :1]).sum(axis=1)
    ranks = make_ranks((better + (tied + 1) / 2).tolist(), tied.tolist())
    relevance = np.zeros((40, 30))
    relevance[:, 0] = 1.0
    assert _value(ranks, "ndcg@10") == pytest.approx(ndcg_score(relevance, scores, k=10))


def test_a_count_by_id_stands_beside_the_shared_one() -> None:
    ranks = make_ranks([8.5] * 4, tied=[12] * 4, id_ranks=[2.0] * 4)  # places 3 to 14
    assert _value(ranks, "recall@10") == pytest.approx(8 / 12)
    assert _value(ranks, "recall@10_by_id") == 1.0
    run = Run("beauty", "chronological", "tiger", seed=1)
    assert "recall@10_by_id" in summarise_rankings({run: ranks}, SETTINGS)["metric"].to_pylist()
    plain = summarise_rankings({run: make_ranks([1.0] * 4)}, SETTINGS)["metric"].to_pylist()
    assert {name for name in plain} == {metric.name for metric in RANKING_METRICS if metric.ranks == "items"}


def test_a_summary_is_over_users_and_trainings() -> None:
    generator = np.random.default_rng(0)
    runs = {
        Run("beauty", "chronological", "sasrec", seed=seed): make_ranks(generator.integers(1, 40, 60).tolist())
        for seed in (2, 1)
    }
    popularity = Run("beauty", "chronological", "popularity")
    summary = summarise_rankings({popularity: make_ranks([1.0] * 30 + [30.0] * 30), **runs}, SETTINGS)
    assert summary.schema.equals(RANKING_SUMMARY)
    rows = {(row["method"], row["split"], row["metric"]): row for row in summary.to_pylist()}
    trained = rows["sasrec", "test", "ndcg@10"]
    values = [ranking_ratio(table, "ndcg@10", "test").value for table in runs.values()]
    assert trained["value"] == pytest.approx(np.mean(values))
    assert trained["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (trained["seeds"], trained["covers"], trained["n"]) == (2, "users and trainings", 60)
    counted = rows["popularity", "val", "recall@5"]
    assert (counted["value"], counted["sd"], counted["covers"], counted["ranked_items"]) == (0.5, None, "users", ITEMS)
    assert counted["low"] < 0.5 < counted["high"]


def test_differences_are_paired_by_user() -> None:
    generator = np.random.default_rng(0)
    ours = generator.integers(1, 15, 80)
    first = {Run("beauty", "chronological", "sasrec", seed=1): make_ranks(ours.tolist())}
    worse = {Run("beauty", "chronological", "popularity"): make_ranks((ours + 2).tolist())}
    like = {Run("beauty", "chronological", "markov"): make_ranks(generator.permutation(ours).tolist())}
    differences = compare_rankings("sasrec", first | worse | like, SETTINGS)
    assert differences.schema.equals(DIFFERENCES)
    rows = {(row["second"], row["split"]): row for row in differences.to_pylist()}
    assert set(rows) == {(second, split) for second in ("popularity", "markov") for split in ("test", "val")}
    ahead, even = rows["popularity", "test"], rows["markov", "test"]
    means = [ranking_ratio(table, "ndcg@10", "test").value for table in (*first.values(), *worse.values())]
    assert ahead["value"] == pytest.approx(means[0] - means[1])
    assert ahead["low"] > 0.0 and ahead["p"] < 1e-6 and ahead["second_ahead"] == 0
    assert even["value"] == pytest.approx(0.0, abs=1e-12) and even["p"] > 0.9
    assert (ahead["metric"], ahead["comparisons"]) == ("ndcg@10", 2)
