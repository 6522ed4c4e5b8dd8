"""HitRatio@1 over the fine-tuning of every cell of a sweep (Figure 4b of arXiv 2408.10159)."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilora.plotting.labels import method_label, swept_value_label
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

_SPLITS = {"val": "Validation users", "test": "Test users"}
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, GREY)
_MARKERS = "osDv^<"
_REFERENCE: dict[str, Any] = {"color": VERMILLION, "marker": "o", "linewidth": 1.8}
_UNREAD: dict[str, Any] = {"color": BLACK, "marker": "", "linestyle": (0, (3, 2))}

#: Curves stand beside each other by this share of the figure's width, so that their intervals can be told apart.
_SHIFT = 0.006


def select_sweep_curves(curves: pa.Table) -> pa.Table:
    """Return what the figure shows: the rows of the validation users and of the test users.

    Args:
        curves: of the schema `ilora.evaluation.sweep_curves.SWEEP_CURVES`, of one data set.
    """
    return curves.filter(pa.array([split in _SPLITS for split in curves["split"].to_pylist()]))


def draw_sweep_curves(drawn: pa.Table, title: str) -> Figure:
    """Return the figure: a curve per cell with intervals, the study's own setting in a thicker line.

    Args:
        drawn: from `select_sweep_curves`.
        title: what was varied, on which data set and backbone, over which seeds.
    """
    frame = drawn.to_pandas()
    figure = new_figure(DOUBLE_WIDTH, 2.7)
    panels = figure.subplots(1, len(_SPLITS), sharey=True)
    for axes, (split, name) in zip(panels, _SPLITS.items(), strict=True):
        _draw_curves(axes, frame[frame["split"] == split])
        axes.set_title(name)
        axes.set_xlim(left=0)
        axes.set_xlabel("Passes over the training sequences (epochs)")
    panels[0].set_ylabel("HitRatio@1")
    panels[0].set_ylim(bottom=0)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), columnspacing=1.2)
    return figure


def _draw_curves(axes: Axes, frame: pd.DataFrame) -> None:
    styles = _styles()
    several = frame["method"].nunique() > 1
    groups = list(frame.groupby(["method", "variant"], sort=False))
    for number, (_, curve) in enumerate(groups):
        first = curve.iloc[0]
        unread = pd.isna(first["setting"])
        style = _REFERENCE if first["is_reference"] else _UNREAD if unread else next(styles)
        label = method_label(first["method"])
        if not unread:
            value = swept_value_label(first["parameter"], first["setting"])
            label = f"{label}, {value}" if several else value
        shift = _SHIFT * frame["epoch"].max() * (number - (len(groups) - 1) / 2)
        below, above = curve["value"] - curve["low"], curve["high"] - curve["value"]
        axes.errorbar(
            curve["epoch"] + shift,
            curve["value"],
            yerr=[below.clip(lower=0), above.clip(lower=0)],
            elinewidth=0.6,
            markersize=3,
            label=label,
            **style,
        )


def _styles() -> Iterator[dict[str, Any]]:
    while True:
        for colour, marker in zip(_COLOURS, _MARKERS, strict=True):
            yield {"color": colour, "marker": marker}
