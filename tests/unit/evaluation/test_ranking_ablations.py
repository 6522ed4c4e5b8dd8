import numpy as np
import pyarrow as pa
import pytest

from ilora.evaluation.full_ranking import ranking_ratio
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.ranking_ablations import measure_ablations
from ilora.evaluation.schemas import RANKING_ABLATIONS
from ilora.full_ranking.schema import RANKS
from ilora.layout import Run

SETTINGS = IntervalSettings(samples=200)


def make_ranks(ranks: list[int]) -> pa.Table:
    same = {"sequence_id": 0, "split": "test", "method": "cofirec", "target": 0, "tied": 1, "ranked_items": 50}
    ids = {"id_rank": 1.0, "id_tied": 1}
    rows = [{**same, **ids, "user_id": user, "rank": float(rank)} for user, rank in enumerate(ranks)]
    table = pa.Table.from_pylist(rows, schema=RANKS)
    val = table.set_column(1, RANKS.field("split"), pa.array(["val"] * len(ranks)))
    return pa.concat_tables([table, val])


def make_run(variant: str, seed: int = 1) -> Run:
    return Run("movielens", "chronological", "cofirec", variant=variant, seed=seed)


def test_the_own_run_is_compared_with_each_ablation_by_user() -> None:
    generator = np.random.default_rng(0)
    ranks = {make_run("default", seed): generator.integers(1, 15, 60).tolist() for seed in (1, 2)}
    worse = {make_run("order~random", run.seed): [rank + 2 for rank in of_run] for run, of_run in ranks.items()}
    tables = {run: make_ranks(of_run) for run, of_run in (ranks | worse).items()}
    measured = measure_ablations(tables, SETTINGS)
    assert measured.schema.equals(RANKING_ABLATIONS)
    rows = {(row["variant"], row["split"], row["metric"]): row for row in measured.to_pylist()}
    own, other = rows["default", "test", "ndcg@10"], rows["order~random", "test", "ndcg@10"]
    assert own["difference"] is None and own["seeds"] == other["seeds"] == 2
    means = {
        variant: np.mean([ranking_ratio(tables[make_run(variant, seed)], "ndcg@10", "test").value for seed in (1, 2)])
        for variant in ("default", "order~random")
    }
    assert other["value"] == pytest.approx(means["order~random"])
    assert other["difference"] == pytest.approx(means["default"] - means["order~random"])
    assert other["difference_low"] < other["difference"] < other["difference_high"]


def test_runs_of_other_seeds_are_refused() -> None:
    table = make_ranks([1, 2, 3])
    with pytest.raises(ValueError, match=r"order~random: found runs with the seeds \[2\], expected \[1\]"):
        measure_ablations({make_run("default"): table, make_run("order~random", 2): table}, SETTINGS)
    with pytest.raises(ValueError, match="expected default among them"):
        measure_ablations({make_run("order~random"): table}, SETTINGS)
