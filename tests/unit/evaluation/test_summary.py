from collections.abc import Callable

import pyarrow as pa
import pytest

from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.evaluation.schemas import SUMMARY
from ilora.evaluation.summary import summarise
from ilora.layout import Run

PredictionsMaker = Callable[..., pa.Table]

SETTINGS = IntervalSettings(samples=200)
ILORA = [Run("movielens", "random_users", "ilora", "embedded", seed=seed) for seed in (1, 2)]
LLARA = [Run("movielens", "random_users", "llara", "embedded", seed=seed) for seed in (1, 2)]
TITLES = [f"Item {item}" for item in range(3000)]
ALL_TITLES = {("movielens", "random_users"): TITLES}


def _measured(predictions: dict[Run, pa.Table]) -> pa.Table:
    return pa.concat_tables([measure_run(table, run, TITLES, SETTINGS, "here") for run, table in predictions.items()])


def test_one_seed_keeps_the_interval_of_its_run(make_predictions: PredictionsMaker) -> None:
    predictions = {ILORA[0]: make_predictions("ilora")}
    metrics = _measured(predictions)
    summary = summarise(metrics, predictions, ALL_TITLES, SETTINGS)
    assert summary.schema.equals(SUMMARY)
    for name in ("split", "metric", "value", "low", "high", "n"):
        assert summary[name].to_pylist() == metrics[name].to_pylist()
    assert set(summary["seeds"].to_pylist()) == {1}
    assert set(summary["sd"].to_pylist()) == {None}
    assert set(summary["covers"].to_pylist()) == {"users, one training"}
    assert set(summary["draws"].to_pylist()) == {2}


def test_several_seeds_give_their_mean_and_spread(make_predictions: PredictionsMaker) -> None:
    predictions = {run: make_predictions("ilora", users=40, seed=run.seed) for run in ILORA}
    metrics = _measured(predictions).to_pandas()
    summary = summarise(_measured(predictions), predictions, ALL_TITLES, SETTINGS).to_pandas()
    assert len(summary) == len(metrics) / 2
    for (split, metric), runs in metrics.groupby(["split", "metric"]):
        row = summary[(summary["split"] == split) & (summary["metric"] == metric)].iloc[0]
        assert row["seeds"] == 2
        assert row["value"] == pytest.approx(runs["value"].mean())
        assert row["sd"] == pytest.approx(runs["value"].std(ddof=1))
        assert row["low"] <= row["value"] <= row["high"]
        assert row["covers"] == "users and trainings"


def test_what_is_not_trained_has_an_interval_over_users(make_predictions: PredictionsMaker) -> None:
    predictions = {Run("movielens", "random_users", "popularity"): make_predictions("popularity")}
    summary = summarise(_measured(predictions), predictions, ALL_TITLES, SETTINGS)
    assert set(summary["covers"].to_pylist()) == {"users"}


def test_methods_stay_in_the_order_of_the_metrics(make_predictions: PredictionsMaker) -> None:
    predictions = {LLARA[0]: make_predictions("llara"), ILORA[0]: make_predictions("ilora")}
    summary = summarise(_measured(predictions), predictions, ALL_TITLES, SETTINGS)
    assert list(dict.fromkeys(summary["method"].to_pylist())) == ["llara", "ilora"]


def test_a_run_without_predictions_is_refused(make_predictions: PredictionsMaker) -> None:
    with pytest.raises(KeyError):
        summarise(_measured({ILORA[0]: make_predictions("ilora")}), {}, ALL_TITLES, SETTINGS)
