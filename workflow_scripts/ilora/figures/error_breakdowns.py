"""HitRatio@1 by place of the target, length of the history and popularity of the target, and popularity bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.breakdowns import select_breakdowns
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

_PANELS = {
    "target_place": "Place of the target in the candidate set",
    "history_length": "Items in the history",
    "target_popularity": "Training interactions with the target",
}
_BIAS = "popularity_bias"

# With more groups than this, every other group is labelled, without its number of users.
_MOST_LABELS = 10

#: Breakdowns that may have a panel.
SHOWN = (*_PANELS, _BIAS)

# Marker and fill of each group, from top to bottom.
_BIAS_MARKERS = {"target": ("D", "white"), "choice": ("o", BLACK), "wrong choice": ("x", BLACK)}


def draw_error_breakdowns(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a panel for each breakdown of several groups, with the interval of each group.

    Args:
        drawn: of the schema `ilora.plotting.breakdowns.DRAWN`.
        title: data set and backbone.
    """
    frame = drawn.to_pandas()
    methods = list(frame["method"].unique())
    shown = {breakdown: label for breakdown, label in _PANELS.items() if _has_groups(frame, breakdown)}
    rows = -(-(len(shown) + 1) // 2)
    figure = new_figure(DOUBLE_WIDTH, 2.6 * rows)
    grid = figure.add_gridspec(rows, 2)
    panels = [figure.add_subplot(grid[place // 2, place % 2]) for place in range(len(shown))]
    # The last panel fills its row.
    bias = figure.add_subplot(grid[rows - 1, 1] if len(shown) % 2 else grid[rows - 1, :])
    for axes, (breakdown, label) in zip(panels, shown.items(), strict=True):
        _draw_hit_ratios(axes, frame[frame["breakdown"] == breakdown], methods)
        axes.set_xlabel(label)
        axes.set_ylabel("HitRatio@1")
    _draw_bias(bias, frame[frame["breakdown"] == _BIAS], methods)
    if shown:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(methods)))
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _has_groups(frame: pd.DataFrame, breakdown: str) -> bool:
    """Return whether a breakdown has groups to compare, and not only one."""
    return frame.loc[frame["breakdown"] == breakdown, "order"].nunique() > 1


def _draw_hit_ratios(axes: Axes, rows: pd.DataFrame, methods: Sequence[str]) -> None:
    groups = rows[["order", "group", "n"]].drop_duplicates("order").sort_values("order")
    places = {order: place for place, order in enumerate(groups["order"])}
    for position, method in enumerate(methods):
        of_method = rows[rows["method"] == method].sort_values("order")
        offset = 0.5 * (position - (len(methods) - 1) / 2) / len(methods)
        axes.errorbar(
            [places[order] + offset for order in of_method["order"]],
            of_method["value"].to_numpy(),
            yerr=_error(of_method),
            **method_style(method),
            markersize=2.8,
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


def _draw_bias(axes: Axes, rows: pd.DataFrame, methods: Sequence[str]) -> None:
    places = {method: -place for place, method in enumerate(methods)}
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
    """Return the lengths of the intervals below and above the values, float64 [2, rows]."""
    reach = np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=np.float64)
    return reach.clip(min=0.0)


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """Return the settings: the methods that answer in text, and the recommender that they read."""
    shown = (study.config.recommenders.sequence_encoder, *study.writing_methods)
    return {"backbone": study.writing_models, "methods": [method for method in study.methods if method in shown]}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Whether hits on {wildcards['dataset']} depend on the target's place in the candidate set, on the length of "
        "the history, or on popularity, and whether the methods choose items that are too popular. A breakdown with a "
        "single group is left out; the dashed line is the middle of a candidate set ordered by popularity. "
        f"{captions.answers(study, capital=True)}, backbone ``{study.writing_models}``. Bars are "
        f"{captions.confidence(study)} intervals over {captions.covered(study)} (Wilson with one answer per user, "
        "otherwise the cluster bootstrap, BCa); the tables of where answers go wrong have the number of users n of "
        "each group."
    )


def _make(given: Given) -> Drawing:
    dataset = given.wildcards["dataset"]
    analysis = read_table(given.inputs["analysis"], ERROR_ANALYSIS)
    drawn = select_breakdowns(analysis, dataset, SHOWN, given.settings["methods"])
    return Drawing(drawn, draw_error_breakdowns(drawn, setting_label(dataset, given.settings["backbone"])))


FIGURE = Figure(
    path="{dataset}/error_breakdowns",
    inputs=lambda study: {"analysis": study.layout.error_analysis},
    settings=_settings,
    caption=_caption,
    category="Answers",
    labels=lambda study: {
        "view": "by place, history and popularity",
        "data set": "{dataset}",
        "backbone": study.backbone_id,
    },
    wildcards=lambda study: of_each_dataset(study) if study.writing_methods else [],
    make=_make,
)
