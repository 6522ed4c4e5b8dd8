"""Marks of a dot plot: dots with intervals for measured values, crosses for published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ilora.plotting.style import BLACK, VERMILION

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def draw_dots(axes: Axes, rows: pd.DataFrame, offset: float, label: str, fill: str) -> Artist:
    """Draw a dot with its interval for each row, and return the dots.

    Args:
        axes: axes to draw on.
        rows: `value`, `low`, `high` (NaN where there is no interval) and `place`, the row's height.
        offset: offset added to the height.
        label: label of the dots in the legend.
        fill: fill colour of the dots.
    """
    heights = rows["place"] + offset
    axes.hlines(heights, rows["low"], rows["high"], color=BLACK, linewidth=0.9)
    (dots,) = axes.plot(
        rows["value"],
        heights,
        linestyle="none",
        marker="o",
        markersize=3.8,
        markerfacecolor=fill,
        markeredgecolor=BLACK,
        markeredgewidth=0.8,
        label=label,
        clip_on=False,
    )
    return dots


def draw_crosses(axes: Axes, rows: pd.DataFrame, label: str, marker: str = "x") -> Artist:
    """Draw a cross for each row (`value` and `place`), and return the crosses."""
    (crosses,) = axes.plot(
        rows["value"],
        rows["place"],
        linestyle="none",
        marker=marker,
        color=VERMILION,
        markersize=5.5,
        markeredgewidth=1.3,
        label=label,
    )
    return crosses
