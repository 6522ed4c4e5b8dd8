"""HitRatio@1 by the number of training interactions with the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.curves import draw_curve, label_places
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.method_styles import method_style
from ilora.plotting.style import DOUBLE_WIDTH, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.scarcity.schemas import RARE_ITEMS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The metric that is drawn; the table has others.
METRIC = "hit_ratio@1"


def select_items(scarcity: pa.Table) -> pa.Table:
    """Return what the figure shows: the rows of HitRatio@1.

    Args:
        scarcity: of schema `ilora.scarcity.schemas.RARE_ITEMS`, of one data set.
    """
    return scarcity.filter(pc.equal(scarcity["metric"], METRIC))


def draw_items(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: the values of each method, by the group of the targets.

    Args:
        drawn: from `select_items`.
    """
    frame = drawn.to_pandas()
    floors = sorted(frame["floor"].unique())
    frame["place"] = [floors.index(floor) for floor in frame["floor"]]
    groups = frame.groupby("place")[["group", "users"]].first()
    figure = new_figure(DOUBLE_WIDTH, 2.9)
    axes = figure.add_subplot()
    methods = list(frame.groupby("method", sort=False))
    for number, (method, curve) in enumerate(methods):
        style = method_style(str(method)) | {"label": method_label(str(method)), "linestyle": ""}
        draw_curve(axes, curve, "place", "value", (number, len(methods)), **style)
    axes.set_ylabel("HitRatio@1")
    # So that values of 0 are seen whole.
    axes.set_ylim(bottom=-0.03)
    labels = [f"{row.group}\n{row.users} user{'s' * (row.users != 1)}" for row in groups.itertuples()]
    label_places(axes, labels, "Interactions with the target in training")
    figure.suptitle(dataset_label(frame["dataset"].iloc[0]), fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=len(methods), columnspacing=1.2)
    return figure


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"HitRatio@1 on the test users of {wildcards['dataset']} by the number of interactions with the target in the "
        f"training split: protocol {study.config.protocol}, {captions.seeds(study)}, {study.config.data.draws} "
        "candidate sets for each user. The other candidates are drawn from all items: they are mostly rarer than a "
        f"frequent target, and mostly more frequent than a rare one. Bars are {captions.confidence(study)} intervals "
        f"over {captions.covered(study)}; groups have different users."
    )


def _make(given: Given) -> Drawing:
    drawn = select_items(read_table(given.inputs["scarcity"], RARE_ITEMS))
    return Drawing(drawn, draw_items(drawn))


FIGURE = Figure(
    path="{dataset}/rare_items",
    inputs=lambda study: {"scarcity": study.layout.rare_items},
    caption=_caption,
    labels=lambda study: {"figure": "rare items", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_floors(),
    make=_make,
)
