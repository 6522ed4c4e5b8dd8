"""HitRatio@1, and its drop, by number of items of each user withheld from training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table
from ilora.drift.schemas import GAP_DRIFT
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.curves import draw_curve, label_places
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The drawn metric; the table has others.
METRIC = "hit_ratio@1"


def select_gaps(drift: pa.Table) -> pa.Table:
    """Return the drawn numbers: the rows of HitRatio@1.

    Args:
        drift: of schema `ilora.drift.schemas.GAP_DRIFT`, of one data set.
    """
    return drift.filter(pc.equal(drift["metric"], METRIC))


def draw_gaps(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: for each method a curve of its values (left) and of its drops (right).

    Args:
        drawn: from `select_gaps`.
    """
    frame = drawn.to_pandas()
    gaps = sorted(frame["gap"].unique())
    frame["place"] = [gaps.index(gap) for gap in frame["gap"]]
    figure = new_figure(DOUBLE_WIDTH, 2.7)
    left, right = figure.subplots(1, 2)
    methods = list(frame.groupby("method", sort=False))
    for number, (method, curve) in enumerate(methods):
        style = method_style(str(method))
        beside = number, len(methods)
        draw_curve(left, curve, "place", "value", beside, label=method_label(str(method)), **style)
        draw_curve(right, curve, "place", "drop", beside, **style)
    left.set_ylabel("HitRatio@1 on the last item")
    left.set_ylim(bottom=0)
    right.set_ylabel("Drop against nothing withheld (%)")
    right.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    for axes in (left, right):
        label_places(axes, gaps, "Items before the last one withheld from training")
    title = f"{dataset_label(frame['dataset'].iloc[0])}: {frame['users'].iloc[0]} users tested at every gap"
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=len(methods), columnspacing=1.2)
    return figure


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"How much HitRatio@1 on {wildcards['dataset']} falls when the latest items of every user are withheld from "
        "training. Left: HitRatio@1 on each user's last item. Right: the drop against training with nothing withheld, "
        "in percent. Users, targets, histories and candidate sets are the same at every gap (protocol gap, "
        f"{captions.seeds(study)}, {study.config.data.draws} candidate sets for each user). Bars are "
        f"{captions.confidence(study)} intervals over {captions.covered(study)}. docs/drift.md describes the protocol."
    )


def _make(given: Given) -> Drawing:
    drawn = select_gaps(read_table(given.inputs["drift"], GAP_DRIFT))
    return Drawing(drawn, draw_gaps(drawn))


FIGURE = Figure(
    path="{dataset}/gap_drift",
    inputs=lambda study: {"drift": study.layout.gap_drift},
    caption=_caption,
    labels=lambda study: {"figure": "items withheld", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.drift.with_gaps(),
    make=_make,
)
