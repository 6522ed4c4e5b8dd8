"""The tables and figures of drift."""

from typing import Any

import pyarrow as pa
import pytest

from ilora.data.periods import PERIODS
from ilora.drift.schemas import GAP_DRIFT, PERIOD_DRIFT
from ilora.figures.gap_drift import draw_gaps, select_gaps
from ilora.figures.period_drift import draw_periods, select_periods
from ilora.plotting.style import figure_style
from ilora.tables.gap_drift import gap_drift_to_html
from ilora.tables.period_drift import period_drift_to_html

LABELS = {"dataset": "movielens", "backbone": "", "seeds": 2, "draws": 3, "confidence": 0.95}


def estimate(name: str, value: float) -> dict[str, float]:
    return {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1}


def heights(curve: Any) -> list[float]:
    """Return the values of a drawn curve."""
    return list(curve.lines[0].get_ydata())


@pytest.fixture(scope="module")
def gaps() -> pa.Table:
    rows = [
        {
            **LABELS,
            "method": method,
            "metric": metric,
            "gap": gap,
            **estimate("value", 0.5 - gap / 100),
            **estimate("without_gap", 0.4),
            **(estimate("drop", 2.0 * gap) | estimate("drop_within", -1.0) if gap else {}),
            "users": 40,
            "covers": "users",
        }
        for method in ("popularity", "sasrec")
        for metric in ("hit_ratio@1", "ndcg@10")
        for gap in (0, 5, 10)
    ]
    return pa.Table.from_pylist(rows, schema=GAP_DRIFT)


@pytest.fixture(scope="module")
def periods() -> pa.Table:
    rows = [
        {
            **LABELS,
            "method": method,
            "metric": "hit_ratio@1",
            "period": period,
            "trained_before": before,
            **estimate("value", 0.3 + 0.01 * before),
            **(estimate("drop", 3.0) if period > 1 else {}),
            **(estimate("gain", 0.01 * before) if before > 1 else {}),
            "users": 20 + period,
            "covers": "users and trainings",
        }
        for method in ("popularity", "sasrec")
        for period in (1, 2, 3)
        for before in range(1, period + 1)
    ]
    return pa.Table.from_pylist(rows, schema=PERIOD_DRIFT)


def test_gaps_are_drawn_by_method_with_their_drops(gaps: pa.Table) -> None:
    drawn = select_gaps(gaps)
    assert drawn.num_rows == 6 and set(drawn["metric"].to_pylist()) == {"hit_ratio@1"}
    with figure_style():
        figure = draw_gaps(drawn)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["0", "5", "10"]
    curves, drops = left.containers, right.containers
    assert [curve.get_label() for curve in curves] == ["Popularity", "SASRec"]
    assert heights(curves[0]) == pytest.approx([0.5, 0.45, 0.4])
    assert heights(drops[0]) == [10.0, 20.0]  # no drop where nothing is withheld


def test_once_and_again_are_drawn_and_trainings_between_are_not(periods: pa.Table) -> None:
    drawn = select_periods(periods)
    found = {(row["period"], row["trained_before"]) for row in drawn.to_pylist()}
    assert found == {(1, 1), (2, 1), (2, 2), (3, 1), (3, 3)}
    with figure_style():
        figure = draw_periods(drawn)
    left, right = figure.axes
    once, again = left.containers[:2]
    assert heights(once) == pytest.approx([0.31, 0.31, 0.31])
    assert heights(again) == pytest.approx([0.31, 0.32, 0.33])
    assert heights(right.containers[0]) == pytest.approx([0.02, 0.03])
    assert [label.get_text() for label in left.get_xticklabels()] == ["1\n21 users", "2\n22 users", "3\n23 users"]


def test_tables_have_every_row_with_its_interval(gaps: pa.Table, periods: pa.Table) -> None:
    page = gap_drift_to_html(gaps)
    assert page.count("<td>10</td><td>0.4000 [0.3000, 0.5000]</td>") == 4
    assert "<td>0</td><td>0.5000 [0.4000, 0.6000]</td><td>0.4000 [0.3000, 0.5000]</td><td>–</td><td>–</td>" in page
    assert "The same 40 users at every gap" in page and "NDCG@10" in page
    row = {"period": 1, "begins": 7, "interactions": 8, "of_known_items": 6, "users": 5, "new_users": 2}
    page = period_drift_to_html(periods, pa.Table.from_pylist([row], schema=PERIODS))
    assert "<td>3</td><td>2</td><td>23</td><td>0.3200 [0.2200, 0.4200]</td><td>3.0 [2.9, 3.1]</td>" in page
    assert "<td>6 (75.0 %)</td>" in page and "SASRec: 2 runs; over users and trainings" in page
