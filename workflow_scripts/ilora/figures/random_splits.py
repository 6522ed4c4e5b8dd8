"""HitRatio@1 over random splits of the users, with the study's own split and the paper's number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.dots import draw_crosses
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.paper_reference import paper_value
from ilora.plotting.style import BLACK, COLUMN_WIDTH, ORANGE, SKY_BLUE, new_figure
from ilora.random_splits.splitting import OWN
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The drawn numbers: a row for each method and split, and one for each number of the paper.
DRAWN = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("marker", pa.string(), nullable=False),  # "random", "own" or "paper"
        pa.field("users", pa.string()),  # the split; null for the paper's
        pa.field("value", pa.float64(), nullable=False),
        pa.field("test_users", pa.int32()),
    ]
)

#: Number of heights over which the dots of one method are spread, so that equal values do not hide each other.
_HEIGHTS = 5
_SPREAD = 0.09


def select_splits(hits: pa.Table) -> pa.Table:
    """Return the drawn numbers, of the schema DRAWN.

    Args:
        hits: of schema `ilora.random_splits.hits.SPLIT_HITS`, of one data set.
    """
    rows = hits.to_pylist()
    drawn = [
        {
            "dataset": row["dataset"],
            "method": row["method"],
            "marker": "own" if row["users"] == OWN else "random",
            "users": row["users"],
            "value": row["hit_ratio@1"],
            "test_users": row["test_users"],
        }
        for row in rows
    ]
    for dataset, protocol, method in dict.fromkeys((row["dataset"], row["protocol"], row["method"]) for row in rows):
        paper = paper_value(dataset, protocol, method)
        if paper is not None:
            drawn.append({"dataset": dataset, "method": method, "marker": "paper", "value": paper.hit_ratio})
    return pa.Table.from_pylist(drawn, schema=DRAWN)


def draw_splits(drawn: pa.Table, own_split: str) -> MatplotlibFigure:
    """Return the figure: a row for each method, in the table's order from the top.

    Args:
        drawn: of the schema DRAWN.
        own_split: name of the study's own split.
    """
    frame = drawn.to_pandas()
    methods = list(dict.fromkeys(frame["method"]))
    frame["place"] = [-methods.index(method) for method in frame["method"]]
    random, own, paper = (frame[frame["marker"] == marker] for marker in ("random", "own", "paper"))
    figure = new_figure(COLUMN_WIDTH, 1.25 + 0.45 * len(methods))
    axes = figure.add_subplot()
    entries = [_draw_random(axes, random), _draw_means(axes, random), _draw_own(axes, own, own_split)]
    if len(paper):
        entries.append(draw_crosses(axes, paper, "the paper's"))
    axes.set_yticks([-place for place in range(len(methods))], [method_label(method) for method in methods])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(methods) + 0.4, 0.6)
    axes.set_xlabel("HitRatio@1 on the test users")
    splits, users = random["users"].nunique(), int(random["test_users"].max())
    title = f"{dataset_label(frame['dataset'].iloc[0])}: {splits} random splits, {users} test users each"
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(handles=entries, loc="outside lower center", ncols=2, handletextpad=0.3, columnspacing=1.0)
    return figure


def _draw_random(axes: Axes, rows: pd.DataFrame) -> Artist:
    """Draw a dot for each random split, with neighbouring values at different heights."""
    rank = rows.groupby("method")["value"].rank(method="first").astype(int)
    heights = rows["place"] + _SPREAD * (rank % _HEIGHTS - (_HEIGHTS - 1) / 2)
    (dots,) = axes.plot(
        rows["value"],
        heights,
        linestyle="none",
        marker="o",
        markersize=3.2,
        color=SKY_BLUE,
        markeredgecolor="white",
        markeredgewidth=0.3,
        label="a random split",
    )
    return dots


def _draw_means(axes: Axes, rows: pd.DataFrame) -> Artist:
    means = rows.groupby("place")["value"].mean()
    return axes.vlines(means, means.index - 0.28, means.index + 0.28, color=BLACK, linewidth=1.0, label="their mean")


def _draw_own(axes: Axes, rows: pd.DataFrame, label: str) -> Artist:
    (diamonds,) = axes.plot(
        rows["value"],
        rows["place"],
        linestyle="none",
        marker="D",
        markersize=5.0,
        color=ORANGE,
        markeredgecolor=BLACK,
        markeredgewidth=0.6,
        label=label,
    )
    return diamonds


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"own_split": captions.own_split(study, wildcards["dataset"])}


def _caption(study: Study, wildcards: Wildcards) -> str:
    section, dataset = study.config.random_splits, wildcards["dataset"]
    return (
        f"How much HitRatio@1 on {dataset} depends on which users are tested. A dot is one of {section.number} random "
        f"splits of the users (8:1:1, seeds 0 to {section.number - 1}), the line their mean, the diamond "
        f"{captions.own_split(study, dataset)}, and a cross the paper's number, as reference data. Everything else is "
        f"the same: protocol {study.config.protocol}, {study.config.data.draws} candidate sets for each user. "
        f"Recommenders are trained once on each split with seed {study.config.seeds[0]}, so their dots also vary by "
        "training."
    )


def _make(given: Given) -> Drawing:
    from ilora.random_splits.hits import SPLIT_HITS

    drawn = select_splits(read_table(given.inputs["splits"], SPLIT_HITS))
    return Drawing(drawn, draw_splits(drawn, given.settings["own_split"]))


FIGURE = Figure(
    path="{dataset}/random_splits",
    inputs=lambda study: {"splits": study.targets.random_splits.table()},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "random splits", "data set": "{dataset}", "backbone": "none"},
    wildcards=lambda study: study.targets.random_splits.each_dataset(),
    make=_make,
)
