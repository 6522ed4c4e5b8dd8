"""The tables and figures of few training users, short histories, rare items and the gates of short histories."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from ilora.figures.gates_of_short_histories import draw_gates
from ilora.figures.rare_items import draw_items, select_items
from ilora.figures.scarce_users import draw_shares, select_shares
from ilora.figures.short_histories import draw_histories, select_histories
from ilora.plotting.style import figure_style
from ilora.scarcity.gates import QUANTITIES
from ilora.scarcity.schemas import (
    GATES_OF_SHORT_HISTORIES,
    HISTORY,
    MEAN,
    RARE_ITEMS,
    SCARCE_USERS,
    SHORT_HISTORIES,
    ZERO,
)
from ilora.tables.gates_of_short_histories import gates_of_short_histories_to_html
from ilora.tables.rare_items import rare_items_to_html
from ilora.tables.scarce_users import scarce_users_to_html
from ilora.tables.short_histories import short_histories_to_html

LABELS = {"dataset": "movielens", "backbone": "", "seeds": 2, "draws": 3, "confidence": 0.95, "covers": "users"}
METHODS, METRICS = ("popularity", "sasrec"), ("hit_ratio@1", "ndcg@10")


def estimate(name: str, value: float) -> dict[str, float]:
    return {name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1}


def heights(curve: Any) -> list[float]:
    """Return the values of a drawn curve."""
    return list(curve.lines[0].get_ydata())


def ticks(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def by_method(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    labelled = [
        {**LABELS, "method": method, "metric": metric, **row}
        for method in METHODS
        for metric in METRICS
        for row in rows
    ]
    return pa.Table.from_pylist(labelled, schema=schema)


@pytest.fixture(scope="module")
def shares() -> pa.Table:
    sizes = {1: 8, 10: 76, 100: 754}
    rows = [
        {
            "share": share,
            "training_users": sizes[share],
            "draws_of_users": 1 if share == 100 else 3,
            **estimate("value", 0.2 + share / 1000),
            **(estimate("difference", (share - 100) / 1000) if share < 100 else {}),
            "users": 95,
        }
        for share in sizes
    ]
    return by_method(rows, SCARCE_USERS)


@pytest.fixture(scope="module")
def histories() -> pa.Table:
    rows = [
        {
            "length": length,
            **estimate("value", 0.3 + length / 100),
            **(estimate("difference", (length - 10) / 100) if length < 10 else {}),
            "users": 90,
            "users_left_out": 5,
        }
        for length in (1, 3, 10)
    ]
    return by_method(rows, SHORT_HISTORIES)


@pytest.fixture(scope="module")
def items() -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"floor": 0, "group": "0", "users": 0},
        {"floor": 1, "group": "1 to 4", **estimate("value", 0.2), "users": 1},
        {"floor": 5, "group": "5 or more", **estimate("value", 0.5), "users": 94},
    ]
    return by_method(rows, RARE_ITEMS)


@pytest.fixture(scope="module")
def gates() -> pa.Table:
    rows = []
    for number, quantity in enumerate(QUANTITIES):
        row = {**LABELS, "method": "ilora", "backbone": "embedded", "quantity": quantity}
        for length in (1, 10):
            rows.append({**row, "read": HISTORY, "length": length, **estimate("value", 0.2 + number / 10), "users": 90})
        if quantity in ("entropy", "distance_from_mean"):
            rows += [{**row, "read": read, "value": value, "users": 0} for read, value in ((ZERO, 0.7), (MEAN, 1.0))]
    return pa.Table.from_pylist(rows, schema=GATES_OF_SHORT_HISTORIES)


def test_shares_are_drawn_by_method_with_their_numbers_of_users(shares: pa.Table) -> None:
    with figure_style():
        left, right = draw_shares(select_shares(shares)).axes
    assert ticks(left) == ["1 %\n8", "10 %\n76", "100 %\n754"]
    assert [curve.get_label() for curve in left.containers] == ["Popularity", "SASRec"]
    assert heights(left.containers[1]) == pytest.approx([0.201, 0.21, 0.3])
    assert heights(right.containers[0]) == pytest.approx([-0.099, -0.09])  # none for all users


def test_lengths_are_drawn_by_method(histories: pa.Table) -> None:
    with figure_style():
        figure = draw_histories(select_histories(histories))
    left, right = figure.axes
    assert ticks(left) == ["1", "3", "10"] and right.get_ylabel() == "Difference from 10 items"
    assert heights(left.containers[0]) == pytest.approx([0.31, 0.33, 0.4])
    assert heights(right.containers[0]) == pytest.approx([-0.09, -0.07])
    assert figure.get_suptitle() == "MovieLens: the same 90 test users at every length"


def test_groups_without_a_target_are_left_empty(items: pa.Table) -> None:
    with figure_style():
        (axes,) = draw_items(select_items(items)).axes
    assert ticks(axes) == ["0\n0 users", "1 to 4\n1 user", "5 or more\n94 users"]
    assert heights(axes.containers[0]) == pytest.approx([0.2, 0.5])


def test_gates_are_drawn_over_lengths_and_without_a_history_beside_them(gates: pa.Table) -> None:
    with figure_style():
        left, right = draw_gates(gates).axes
    assert ticks(left) == ["1", "10", "none:\nzeros", "none:\nmean"]
    over_lengths, cold = left.containers
    assert heights(over_lengths) == pytest.approx([0.2, 0.2]) and heights(cold) == pytest.approx([0.7, 1.0])
    assert ticks(right) == ticks(left)
    named = [curve for curve in right.containers if (str(curve.get_label()) or "_")[0] != "_"]
    assert [curve.get_label() for curve in named] == [
        "from the mean of whole histories",
        "from the mean of the same length",
        "from the user's whole history",
    ]


def test_tables_have_every_row_with_its_interval(
    shares: pa.Table, histories: pa.Table, items: pa.Table, gates: pa.Table
) -> None:
    page = scarce_users_to_html(shares)
    assert (
        "<td>10 %</td><td>76</td><td>3</td><td>0.2100 [0.1100, 0.3100]</td><td>-0.0900 [-0.1900, 0.0100]</td>" in page
    )
    assert page.count("SASRec: 2 runs") == 2 and "NDCG@10" in page
    page = short_histories_to_html(histories)
    assert "<td>10</td><td>0.4000 [0.3000, 0.5000]</td><td>–</td><td>users</td>" in page
    assert "those with 10 items of history (5 test users have fewer)" in page
    page = rare_items_to_html(items)
    assert "<td>0</td><td>0</td><td>–</td>" in page and "<td>5 or more</td><td>94</td>" in page
    page = gates_of_short_histories_to_html(gates)
    assert "<td>1 item</td><td>0.2000 [0.1000, 0.3000]</td><td>users</td>" in page
    assert "<td>zeros, for no history</td><td>0.7000</td><td>–</td>" in page
