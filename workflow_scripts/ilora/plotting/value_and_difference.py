"""Curves of a value by method, and beside them of its difference from a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ilora.plotting.curves import draw_curve, label_places
from ilora.plotting.labels import method_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import DOUBLE_WIDTH, GREY, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_value_and_difference(
    frame: pd.DataFrame, places: Sequence[object], meaning: str, value: str, difference: str, title: str
) -> Figure:
    """Return a figure of two panels, with a curve for each method.

    Args:
        frame: with the columns method, place, value and difference, and the ends of the intervals of the last two.
        places: labels of the places 0, 1, 2, ... of the horizontal axis.
        meaning: of these places.
        value: label of the vertical axis of the left panel.
        difference: label of that of the right one.
        title: of the figure.
    """
    figure = new_figure(DOUBLE_WIDTH, 2.9)
    left, right = figure.subplots(1, 2)
    methods = list(frame.groupby("method", sort=False))
    for number, (method, curve) in enumerate(methods):
        beside, style = (number, len(methods)), method_style(str(method))
        draw_curve(left, curve, "place", "value", beside, label=method_label(str(method)), **style)
        draw_curve(right, curve, "place", "difference", beside, **style)
    left.set_ylabel(value)
    left.set_ylim(bottom=0)
    right.set_ylabel(difference)
    right.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    for axes in (left, right):
        label_places(axes, places, meaning)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=len(methods), columnspacing=1.2)
    return figure
