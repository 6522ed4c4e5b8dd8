"""Figures of answer categories and errors."""

import numpy as np
import pyarrow as pa
import pytest

from ilora.figures.answer_categories import draw_answer_categories
from ilora.figures.error_breakdowns import SHOWN, draw_error_breakdowns
from ilora.plotting.breakdowns import select_breakdowns
from ilora.plotting.style import figure_style

METHODS = ("sasrec", "zero_shot", "ilora")


def test_a_bar_for_each_method_that_writes_text(analysis: pa.Table) -> None:
    drawn = select_breakdowns(analysis, "movielens", ["answer_category"], METHODS)
    with figure_style():
        (axes,) = draw_answer_categories(drawn, "MovieLens").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Untuned LLM", "iLoRA"]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [pytest.approx([0.05, 0.2]), pytest.approx([0.06, 0.21]), pytest.approx([0.07, 0.22])]
    assert axes.get_xlabel() == "Share of all test answers (42 users)"


def test_a_breakdown_of_one_group_has_no_panel(analysis: pa.Table) -> None:
    drawn = select_breakdowns(analysis, "movielens", SHOWN, METHODS)
    is_shown = [(row["breakdown"], row["group"]) != ("history_length", "9") for row in drawn.to_pylist()]
    with figure_style():
        figure = draw_error_breakdowns(drawn.filter(pa.array(is_shown)), "MovieLens")
    labels = [axes.get_xlabel() for axes in figure.axes if axes.axison]
    assert labels[:2] == ["Place of the target in the candidate set", "Training interactions with the target"]
    assert len(labels) == 3


def test_a_panel_for_each_breakdown_shows_every_method_with_its_interval(analysis: pa.Table) -> None:
    drawn = select_breakdowns(analysis, "movielens", SHOWN, METHODS)
    with figure_style():
        figure = draw_error_breakdowns(drawn, "MovieLens")
    places, lengths, popularity, bias = figure.axes
    assert [len(axes.containers) for axes in (places, lengths, popularity)] == [3, 3, 3]
    assert np.asarray(places.lines[-1].get_ydata()) == pytest.approx(0.2 + np.arange(20) / 100)
    assert [label.get_text() for label in popularity.get_xticklabels()] == ["0\nn = 40", "1–3\nn = 41", "317+\nn = 42"]
    assert [label.get_text() for label in bias.get_yticklabels()] == ["SASRec", "Untuned LLM", "iLoRA"]
