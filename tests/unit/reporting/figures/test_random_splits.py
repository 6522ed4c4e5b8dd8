"""The figure and the table of HitRatio@1 over random splits."""

import numpy as np
import pyarrow as pa
import pytest

from ilora.figures.random_splits import draw_splits, select_splits
from ilora.plotting.style import figure_style
from ilora.random_splits.hits import SPLIT_HITS
from ilora.random_splits.splitting import OWN, split_name
from ilora.random_splits.summary import summarise_splits
from ilora.tables.random_splits import split_summary_to_html

VALUES = {"popularity": [0.3, 0.1, 0.2], "sasrec": [0.5, 0.4, 0.4]}


@pytest.fixture(scope="module")
def hits() -> pa.Table:
    rows = [
        {
            "dataset": "movielens",
            "protocol": "released",
            "method": method,
            "users": users,
            "test_users": 95,
            "hit_ratio@1": value,
        }
        for method, values in VALUES.items()
        for users, value in zip([OWN, split_name(0), split_name(1)], values, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=SPLIT_HITS)


def test_every_split_and_the_paper_are_marked(hits: pa.Table) -> None:
    drawn = select_splits(hits)
    marked = {(row["method"], row["marker"], row["value"]) for row in drawn.to_pylist()}
    assert marked == {
        ("popularity", "own", 0.3),
        ("popularity", "random", 0.1),
        ("popularity", "random", 0.2),
        ("sasrec", "own", 0.5),
        ("sasrec", "random", 0.4),
        ("sasrec", "paper", 0.3444),
    }
    with figure_style():
        figure = draw_splits(drawn, "the released split")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Popularity", "SASRec"]
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["a random split", "their mean", "the released split", "the paper's"]


def test_dots_of_equal_values_stand_apart(hits: pa.Table) -> None:
    with figure_style():
        (axes,) = draw_splits(select_splits(hits), "the released split").axes
    dots = next(line for line in axes.lines if line.get_label() == "a random split")
    assert len(np.unique(np.asarray(dots.get_xydata()), axis=0)) == 4


def test_the_table_has_the_own_split_and_the_paper_beside_the_mean(hits: pa.Table) -> None:
    page = split_summary_to_html(summarise_splits(hits), "the released split")
    assert "<td>0.1500</td>" in page and "<td>0.3000 (+2.1)</td>" in page
    assert "<td>0.5000</td>" in page and "<td>0.3444</td>" in page
    assert "Own split: the released split" in page
