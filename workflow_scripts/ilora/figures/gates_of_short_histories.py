"""The expert weights by the length of the history, and where the gate has nothing to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.curves import draw_curve, label_places
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import BLUE, DOUBLE_WIDTH, GREEN, ORANGE, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.scarcity.schemas import GATES_OF_SHORT_HISTORIES, HISTORY, MEAN, ZERO

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The curves of the right panel: quantities of `ilora.scarcity.gates.QUANTITIES` with their labels.
_DISTANCES = {
    "distance_from_mean": "from the mean of whole histories",
    "distance_from_peers": "from the mean of the same length",
    "distance_from_whole": "from the user's whole history",
}


def draw_gates(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: the entropy of the weights on the left, their distances on the right.

    Args:
        drawn: of schema `ilora.scarcity.schemas.GATES_OF_SHORT_HISTORIES`, of one data set.
    """
    frame = drawn.to_pandas()
    lengths = sorted(int(length) for length in frame["length"].dropna().unique())
    cold = {ZERO: len(lengths), MEAN: len(lengths) + 1}
    frame["place"] = [
        lengths.index(int(row.length)) if row.read == HISTORY else cold[row.read] for row in frame.itertuples()
    ]
    figure = new_figure(DOUBLE_WIDTH, 2.9)
    left, right = figure.subplots(1, 2)
    methods = list(frame.groupby("method", sort=False))
    curves = [(method, rows, quantity) for method, rows in methods for quantity in _DISTANCES]
    for number, (method, rows) in enumerate(methods):
        entropies = rows[rows["quantity"] == "entropy"]
        label = f"{method_label(str(method))}, entropy" if len(methods) > 1 else ""
        _draw_curve(left, entropies, (number, len(methods)), label, **method_style(str(method)))
    colours = dict(zip(_DISTANCES, (BLUE, ORANGE, GREEN), strict=False))
    for number, (method, rows, quantity) in enumerate(curves):
        distances = rows[rows["quantity"] == quantity]
        label = f"{method_label(str(method))}, {_DISTANCES[quantity]}" if len(methods) > 1 else _DISTANCES[quantity]
        style = method_style(str(method)) | {"color": colours[quantity]}
        _draw_curve(right, distances, (number, len(curves)), label, **style)
    left.set_ylabel("Entropy of the weights (1: equal)")
    left.set_ylim(0, 1.05)
    right.set_ylabel("Distance of the weights")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        label_places(axes, [*lengths, "none:\nzeros", "none:\nmean"], "Latest items of the history that z is made of")
    users = frame["users"].max()
    title = f"{dataset_label(frame['dataset'].iloc[0])}: the same {users} test users at every length"
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=3, columnspacing=1.2)
    return figure


def _draw_curve(axes: Axes, rows: pd.DataFrame, beside: tuple[int, int], label: str, **style: Any) -> None:
    """Draw a curve over the lengths, and beside it, hollow, what is without a history."""
    read = rows["read"] == HISTORY
    draw_curve(axes, rows[read], "place", "value", beside, label=label, **style)
    draw_curve(axes, rows[~read], "place", "value", beside, linestyle="", mfc="white", **style)


def _caption(study: Study, wildcards: Wildcards) -> str:
    longest = study.targets.scarcity.longest
    return (
        f"What the gate does on {wildcards['dataset']} with the history of each test user cut to its latest items, and "
        "where no history is read: z of zeros, or the mean z of the training sequences (hollow). Left, the entropy of "
        "a sequence's expert weights, 1 for equal ones; right, how far they are from others, 0 for the same and 1 for "
        f"none in common. On the test users with {longest} items of history, "
        f"{captions.seeds(study)}, backbone ``{study.backbone_id}``. Bars are "
        f"{captions.confidence(study)} intervals over {captions.covered(study)}."
    )


def _make(given: Given) -> Drawing:
    drawn = read_table(given.inputs["scarcity"], GATES_OF_SHORT_HISTORIES)
    return Drawing(drawn, draw_gates(drawn))


FIGURE = Figure(
    path="{dataset}/gates_of_short_histories",
    inputs=lambda study: {"scarcity": study.layout.gates_of_short_histories},
    caption=_caption,
    labels=lambda study: {"figure": "gates, short histories", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_gates(),
    make=_make,
)
