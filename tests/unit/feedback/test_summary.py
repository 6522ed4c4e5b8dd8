from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ttest_1samp

from ilora.feedback.schemas import OUTCOMES, QUANTITIES, SUMMARY
from ilora.feedback.summary import summarise_feedback
from ilora.figures.feedback import LABELS, draw_feedback
from ilora.plotting.style import figure_style

REGRETS = {1: 0.5, 2: 0.7}


def outcomes(seeds: tuple[int, ...] = (1, 2)) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for method in LABELS:
        for seed in seeds:
            for number in (0, 1):
                for group in (None, 0, 1):
                    row = {"method": method, "seed": seed, "round": number, "group": group, "visits": 10}
                    row |= {"hit_ratio@1": 0.2 + 0.1 * number, "hit_ratio": 0.4, "relevance": 0.1, "click_rate": 0.05}
                    row |= {"regret": REGRETS[seed] + (group or 0)}
                    rows.append(row | ({"coverage": 1.0, "gini": 0.3} if group is None else {}))
    return pa.Table.from_pylist(rows, OUTCOMES)


def row(summary: pa.Table, **wanted: Any) -> dict[str, Any]:
    (found,) = [row for row in summary.to_pylist() if all(row[key] == value for key, value in wanted.items())]
    return dict(found)


def test_means_over_seeds_have_intervals() -> None:
    summary = summarise_feedback(outcomes(), 0.95)
    assert summary.schema.equals(SUMMARY) and set(summary["quantity"].to_pylist()) == set(QUANTITIES)
    found = row(summary, quantity="regret", method="sasrec", round=1, group=1)
    high = ttest_1samp([1.5, 1.7], 0).confidence_interval(0.95).high
    assert (found["value"], found["seeds"]) == (pytest.approx(1.6), 2)
    assert (found["low"], found["high"]) == (pytest.approx(0.33, abs=0.01), pytest.approx(high))
    assert row(summary, quantity="coverage", method="uniform", round=0, group=None)["high"] == 1.0
    assert not [row for row in summary.to_pylist() if row["quantity"] == "gini" and row["group"] is not None]


def test_one_seed_has_no_interval_and_is_drawn() -> None:
    summary = summarise_feedback(outcomes((1,)), 0.95)
    assert row(summary, quantity="regret", method="oracle", round=0, group=None)["low"] is None
    with figure_style():
        assert "mean over 1 seed" in draw_feedback(summary).get_suptitle()


def test_the_figure_shows_what_the_table_says() -> None:
    with figure_style():
        figure = draw_feedback(summarise_feedback(outcomes(), 0.95))
    assert "simulation, no real users" in figure.get_suptitle()
    hits, _, _, regret = figure.axes
    (line,) = [line for line in hits.lines if line.get_label() == "iLoRA"]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0.2, 0.3])
    first, last = [line for line in regret.lines if line.get_label() == "iLoRA"]
    assert np.asarray(first.get_ydata()).tolist() == pytest.approx([0.6, 0.6])
    assert np.asarray(last.get_ydata()).tolist() == pytest.approx([1.6, 1.6])
