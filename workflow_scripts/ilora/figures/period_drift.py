"""HitRatio@1 over periods of a global clock, trained once or before each period, and the gain of training again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table
from ilora.drift.schemas import PERIOD_DRIFT
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.curves import draw_curve, label_places
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The drawn metric; the table has others.
METRIC = "hit_ratio@1"


def select_periods(drift: pa.Table) -> pa.Table:
    """Return the drawn numbers: HitRatio@1 of methods trained before the first period or before the tested one.

    Args:
        drift: of schema `ilora.drift.schemas.PERIOD_DRIFT`, of one data set.
    """
    once, again = pc.equal(drift["trained_before"], 1), pc.equal(drift["trained_before"], drift["period"])
    return drift.filter(pc.and_(pc.equal(drift["metric"], METRIC), pc.or_(once, again)))


def draw_periods(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: for each method two curves (left), and the gain of training again (right).

    Args:
        drawn: from `select_periods`.
    """
    frame = drawn.to_pandas()
    frame["place"] = frame["period"] - 1
    periods = sorted(frame["period"].unique())
    figure = new_figure(DOUBLE_WIDTH, 2.9)
    left, right = figure.subplots(1, 2)
    methods = list(frame.groupby("method", sort=False))
    for number, (method, curve) in enumerate(methods):
        style = method_style(str(method))
        once, again = curve[curve["trained_before"] == 1], curve[curve["trained_before"] == curve["period"]]
        draw_curve(left, once, "place", "value", (2 * number, 2 * len(methods)), linestyle="--", mfc="white", **style)
        beside = 2 * number + 1, 2 * len(methods)
        draw_curve(left, again, "place", "value", beside, label=method_label(str(method)), **style)
        draw_curve(right, again, "place", "gain", (number, len(methods)), **style)
    left.plot([], [], color=BLACK, label="trained before each period")
    left.plot([], [], color=BLACK, linestyle="--", label="trained once, before period 1")
    left.set_ylabel("HitRatio@1")
    left.set_ylim(bottom=0)
    right.set_ylabel("Gain by training again")
    right.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    users = frame.groupby("period")["users"].first()
    for axes in (left, right):
        label_places(axes, [f"{period}\n{users[period]} users" for period in periods], "Period of the clock")
    figure.suptitle(dataset_label(frame["dataset"].iloc[0]), fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=min(len(methods) + 2, 5), columnspacing=1.2)
    return figure


def _caption(study: Study, wildcards: Wildcards) -> str:
    section = study.config.drift
    return (
        f"How HitRatio@1 on {wildcards['dataset']} ages over {section.periods} periods of one clock for all users, and "
        "what training again before each period gains. Left: trained once before period 1 (dashed), or again before "
        "each period (solid). Right: the gain on the same users, targets and candidate sets. Period 1 begins after "
        f"{100 * section.first_training:g} % of the interactions; all items are known before it. Periods have "
        f"different users (docs/drift.md). Protocol rolling, {captions.seeds(study)}, {study.config.data.draws} "
        f"candidate sets for each user. Bars are {captions.confidence(study)} intervals over {captions.covered(study)}."
    )


def _make(given: Given) -> Drawing:
    drawn = select_periods(read_table(given.inputs["drift"], PERIOD_DRIFT))
    return Drawing(drawn, draw_periods(drawn))


FIGURE = Figure(
    path="{dataset}/period_drift",
    inputs=lambda study: {"drift": study.layout.period_drift},
    caption=_caption,
    labels=lambda study: {"figure": "periods", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.drift.with_periods(),
    make=_make,
)
