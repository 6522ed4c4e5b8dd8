"""Gradient similarity in numbers, and over training, with intervals."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ilora.analysis.gradient_summary import DIFFERENCE
from ilora.plotting.labels import method_label
from ilora.plotting.style import BLACK, BLUE, DOUBLE_WIDTH, GREY, VERMILLION, new_figure

#: What is shown as numbers, with the words of the figure.
NUMBERS = {
    "noise_ceiling": "same cluster (noise ceiling)",
    "random_similarity": "random clusters",
    "similarity": "clusters",
    "relative_similarity": "clusters / noise ceiling",
    "conflicting_pairs": "share of pairs below 0",
    "conflicting_cosines": "share of cosines below 0",
    "distance_correlation": "rank correlation with distance",
}

#: What is shown over training.
CURVES: dict[str, Literal["solid", "dashed", "dotted"]] = {
    "noise_ceiling": "dotted",
    "random_similarity": "dashed",
    "similarity": "solid",
}

_COLOURS = {"llara": BLUE, "ilora": VERMILLION, DIFFERENCE: BLACK}


def select_gradient_summary(summary: pa.Table) -> pa.Table:
    """Return what the figure shows: the means over seeds, of each checkpoint and of all together.

    Args:
        summary: of schema `ilora.analysis.schemas.GRADIENT_SUMMARY`.

    Returns:
        Rows of the same schema.
    """
    frame = summary.to_pandas()
    shown = frame["seed"].isna() & frame["quantity"].isin(list(NUMBERS))
    return summary.filter(pa.array(shown))


def draw_gradient_summary(drawn: pa.Table, title: str) -> Figure:
    """Return the figure: every number with its interval on the left, the curves over training on the right.

    Args:
        drawn: from `select_gradient_summary`.
        title: which data set, backbone and seeds these are.
    """
    frame = drawn.to_pandas()
    methods = [method for method in _COLOURS if method in set(frame["method"])]
    figure = new_figure(DOUBLE_WIDTH, 3.1)
    numbers, curves = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
    _draw_numbers(numbers, frame[frame["step"].isna()], methods)
    _draw_curves(curves, frame[frame["step"].notna()], [method for method in methods if method != DIFFERENCE])
    _add_legend(figure, methods)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _draw_numbers(axes: Axes, frame: pd.DataFrame, methods: Sequence[str]) -> None:
    places = {quantity: place for place, quantity in enumerate(NUMBERS)}
    for number, method in enumerate(methods):
        rows = frame[(frame["method"] == method) & frame["value"].notna()]
        heights = rows["quantity"].map(places) + 0.26 * (number - (len(methods) - 1) / 2)
        axes.hlines(heights, rows["low"], rows["high"], color=_COLOURS[method], linewidth=1.2)
        axes.plot(rows["value"], heights, "o", color=_COLOURS[method], markersize=3)
    axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(NUMBERS)), list(NUMBERS.values()))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(NUMBERS) - 0.5, -0.5)
    axes.set_xlabel("Cosine, share or correlation, over all checkpoints")


def _draw_curves(axes: Axes, frame: pd.DataFrame, methods: Sequence[str]) -> None:
    for method in methods:
        for quantity, line in CURVES.items():
            rows = frame[(frame["method"] == method) & (frame["quantity"] == quantity)].sort_values("step")
            axes.plot(rows["step"], rows["value"], color=_COLOURS[method], linestyle=line, marker="o", markersize=2)
            if quantity == "similarity" and rows["low"].notna().all():
                axes.fill_between(rows["step"], rows["low"], rows["high"], color=_COLOURS[method], alpha=0.2, lw=0)
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlabel("Optimizer step")
    axes.set_ylabel("Cosine of the gradients")


def _add_legend(figure: Figure, methods: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=_COLOURS[method], marker="o", markersize=3, label=_label(method)) for method in methods
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=line, label=NUMBERS[quantity]) for quantity, line in CURVES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.2, columnspacing=1.2)


def _label(method: str) -> str:
    if method == DIFFERENCE:
        return " − ".join(method_label(name) for name in method.split("-"))
    return method_label(method)
