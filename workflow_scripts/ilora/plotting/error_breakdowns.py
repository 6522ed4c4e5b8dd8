"""HitRatio@1 by the target's place, the history's length and the target's popularity, and the bias to the popular."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ilora.plotting.labels import method_label
from ilora.plotting.style import (
    BLACK,
    BLUE,
    DOUBLE_WIDTH,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
    new_figure,
)

#: What the figures of answers draw: rows of ERROR_ANALYSIS for the test split of one data set.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),
        pa.field("breakdown", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("order", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
    ]
)

_COLOURS = {"ilora": VERMILLION, "llara": BLUE, "zero_shot": GREY, "tallrec": ORANGE, "sasrec": GREEN}
_OTHER_COLOURS = (PURPLE, SKY_BLUE, BLACK)
_PANELS = {
    "target_place": "Place of the target in the candidate set",
    "history_length": "Items in the history",
    "target_popularity": "Training interactions with the target",
}
_BIAS = "popularity_bias"

# With more groups than this, every other one has its name, and none its number of users.
_MOST_LABELS = 10

#: Breakdowns that the figure has a panel for.
SHOWN = (*_PANELS, _BIAS)

# Marker and filling of each group, from the top of a method's place to its bottom.
_BIAS_MARKERS = {"target": ("D", "white"), "choice": ("o", BLACK), "wrong choice": ("x", BLACK)}


def select_breakdowns(analysis: pa.Table, dataset: str, breakdowns: Iterable[str], methods: Sequence[str]) -> pa.Table:
    """Return what a figure of one data set shows, of the schema DRAWN: the mean over all seeds of each method.

    Args:
        analysis: of the schema `ilora.evaluation.error_analysis.ERROR_ANALYSIS`.
        dataset: whose rows to show.
        breakdowns: which of them to show.
        methods: ids of those to show, in order.

    Raises:
        ValueError: nothing is left to be shown.
    """
    frame = analysis.to_pandas()
    frame = frame[(frame["dataset"] == dataset) & (frame["variant"] == "default") & (frame["split"] == "test")]
    frame = frame[frame["method"].isin(methods)]
    frame = frame.sort_values("method", key=lambda ids: ids.map(list(methods).index), kind="stable")
    over_all_seeds = frame["seeds"] == frame.groupby("method")["seeds"].transform("max")
    frame = frame[over_all_seeds & frame["breakdown"].isin(list(breakdowns)) & frame["value"].notna()]
    if frame.empty:
        raise ValueError(
            f"the error analysis has no test rows of {dataset!r} for {', '.join(breakdowns)}: has the study a method "
            "that answers in text?"
        )
    return pa.Table.from_pandas(frame[DRAWN.names], schema=DRAWN, preserve_index=False)


def draw_error_breakdowns(drawn: pa.Table, title: str) -> Figure:
    """Return the figure: a panel for each breakdown, with the interval of each group.

    Args:
        drawn: of the schema DRAWN.
        title: which data set and backbone these are.
    """
    frame = drawn.to_pandas()
    methods = list(frame["method"].unique())
    colours = _colours(methods)
    figure = new_figure(DOUBLE_WIDTH, 5.2)
    *panels, bias = figure.subplots(2, 2).flat
    for axes, (breakdown, label) in zip(panels, _PANELS.items(), strict=True):
        _draw_hit_ratios(axes, frame[frame["breakdown"] == breakdown], colours)
        axes.set_xlabel(label)
        axes.set_ylabel("HitRatio@1")
    _draw_bias(bias, frame[frame["breakdown"] == _BIAS], colours)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(methods)))
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _draw_hit_ratios(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    groups = rows[["order", "group", "n"]].drop_duplicates("order").sort_values("order")
    places = {order: place for place, order in enumerate(groups["order"])}
    for position, (method, colour) in enumerate(colours.items()):
        of_method = rows[rows["method"] == method].sort_values("order")
        offset = 0.5 * (position - (len(colours) - 1) / 2) / len(colours)
        axes.errorbar(
            [places[order] + offset for order in of_method["order"]],
            of_method["value"].to_numpy(),
            yerr=_error(of_method),
            color=colour,
            marker="o",
            markersize=2.6,
            linewidth=0.6,
            elinewidth=0.6,
            label=method_label(method),
        )
    crowded = len(places) > _MOST_LABELS
    names = groups["group"].str.replace(" to ", "–").str.replace(" or more", "+")
    names = names if crowded else names + "\n" + groups["n"].map("n = {}".format)
    step = 2 if crowded else 1
    axes.set_xticks(list(places.values())[::step], list(names)[::step], fontsize=6)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_ylim(bottom=0)


def _draw_bias(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    places = {method: -place for place, method in enumerate(colours)}
    for position, (group, (marker, fill)) in enumerate(_BIAS_MARKERS.items()):
        of_group = rows[rows["group"] == group]
        heights = [places[method] + 0.22 * (1 - position) for method in of_group["method"]]
        values = of_group["value"].to_numpy()
        axes.errorbar(values, heights, xerr=_error(of_group), fmt="none", ecolor=BLACK, elinewidth=0.6)
        axes.plot(
            values,
            heights,
            linestyle="none",
            marker=marker,
            markersize=3.6,
            color=BLACK,
            markerfacecolor=fill,
            label=group,
        )
    axes.axvline(0.5, color=GREY, linestyle=(0, (3, 2)), linewidth=0.8, zorder=0)
    axes.set_yticks(list(places.values()), [method_label(method) for method in places])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(places) + 0.4, 0.6)
    axes.set_xlabel("Mean place by popularity (0 least, 1 most popular)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(_BIAS_MARKERS), handletextpad=0.3)


def _error(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return how far the intervals reach below and above the values, float64 [2, rows]."""
    reach = np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=np.float64)
    return reach.clip(min=0.0)


def _colours(methods: Sequence[str]) -> dict[str, str]:
    others = iter(_OTHER_COLOURS)
    return {method: _COLOURS.get(method) or next(others, BLACK) for method in methods}
