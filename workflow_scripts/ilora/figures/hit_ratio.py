"""HitRatio@1 of every method with its interval, and the paper's value."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import DIFFERENCES
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.dots import draw_crosses, draw_dots
from ilora.plotting.labels import NO_BACKBONE, dataset_label, method_label
from ilora.plotting.style import BLACK, COLUMN_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.findings import demonstrated
from ilora.tables.table1 import DOCUMENT as TABLE1_FILES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

# Columns of Table 1.
_SPLITS = {"test": "hit_ratio@1_test", "val": "hit_ratio@1_val"}
_TITLE_WIDTH = 58  # characters in a column
_LABELS = ("dataset", "backbone", "method", "test_users", "draws")

#: The drawn numbers: a row per method and marker ("test", "val", "paper"); the paper's have no interval.
DRAWN = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("marker", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # "measured", or the paper with its backbone
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("chance", pa.float64(), nullable=False),  # 1 / candidates
        pa.field("test_users", pa.int64(), nullable=False),
        pa.field("draws", pa.int32(), nullable=False),  # candidate sets per user
    ]
)


def select_hit_ratio(table: pa.Table, dataset: str, candidates: int) -> pa.Table:
    """Return the numbers of one data set's figure, of the schema DRAWN.

    Args:
        table: Table 1, of the schema TABLE1.
        dataset: data set to show.
        candidates: size of a candidate set; a random choice hits with probability 1 / candidates.

    Raises:
        ValueError: if the table has no row of the data set.
    """
    rows = [row for row in table.to_pylist() if row["dataset"] == dataset and row["status"] is None]
    if not rows:
        raise ValueError(f"Table 1 has no row of the data set {dataset!r}; found {_datasets(table)}.")
    drawn = []
    for row in rows:
        labels = {name: row[name] for name in _LABELS} | {"chance": 1.0 / candidates}
        for split, column in _SPLITS.items():
            interval = {"low": row[f"{column}_low"], "high": row[f"{column}_high"]}
            drawn.append(labels | interval | {"marker": split, "source": "measured", "value": row[column]})
        if row["paper_hit_ratio@1"] is not None:
            value = row["paper_hit_ratio@1"]
            drawn.append(labels | {"marker": "paper", "source": row["paper_backbone"], "value": value})
    return pa.Table.from_pylist(drawn, schema=DRAWN)


def draw_hit_ratio(drawn: pa.Table, finding: str = "") -> MatplotlibFigure:
    """Return the figure: a row of dots for each method, in the table's order from the top.

    Args:
        drawn: of the schema DRAWN.
        finding: what is certain, for the title; empty if nothing is.
    """
    frame = drawn.to_pandas()
    methods = frame[["backbone", "method"]].drop_duplicates()
    places = {tuple(key): -place for place, key in enumerate(methods.to_numpy())}
    frame["place"] = [places[key] for key in zip(frame["backbone"], frame["method"], strict=True)]
    figure = new_figure(COLUMN_WIDTH, 1.35 + 0.27 * len(places))
    axes = figure.add_subplot()
    entries = [
        draw_dots(axes, frame[frame["marker"] == "test"], 0.17, "test, with interval", BLACK),
        draw_dots(axes, frame[frame["marker"] == "val"], -0.17, "validation, with interval", "white"),
        _draw_chance(axes, frame["chance"].iloc[0]),
        *_draw_paper(axes, frame[frame["marker"] == "paper"]),
    ]
    axes.set_yticks(list(places.values()), [method_label(method) for _, method in places])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-len(places) + 0.4, 0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("HitRatio@1 (share of all answers)")
    title = "\n".join([*wrap(finding, _TITLE_WIDTH), _title(frame)])
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(handles=entries, loc="outside lower center", ncols=2, handletextpad=0.3, columnspacing=1.0)
    return figure


def _draw_paper(axes: Axes, rows: pd.DataFrame) -> Iterator[Artist]:
    """Draw the paper's values; those of a language model have their own marker."""
    for source, of_source in rows.groupby("source", sort=True):
        yield draw_crosses(axes, of_source, str(source), marker="x" if source == "paper" else "+")


def _draw_chance(axes: Axes, chance: float) -> Artist:
    label = f"chance ({chance:.2g})"
    return axes.axvline(chance, color=GREY, linestyle=(0, (3, 2)), linewidth=0.8, label=label, zorder=0)


def _title(frame: pd.DataFrame) -> str:
    backbones = [name for name in frame["backbone"].unique() if name != NO_BACKBONE]
    first = frame.iloc[0]
    title = dataset_label(first["dataset"]) + (f", language model: {', '.join(backbones)}" if backbones else "")
    draws = sorted(frame["draws"].unique())
    sets = "candidate set" if draws == [1] else "candidate sets"
    return f"{title}\n{first['test_users']} test users, {' or '.join(map(str, draws))} {sets} each"


def _datasets(table: pa.Table) -> list[str]:
    return sorted(set(table["dataset"].to_pylist()))


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"candidates": study.config.data.candidates}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"How often each method chooses the right item on {wildcards['dataset']}, next to the paper's numbers. Filled "
        "dots are test users, hollow ones validation users; the dashed line is chance, 1 in "
        f"{study.config.data.candidates} candidates; crosses are the paper's numbers, as reference data. The title "
        "names the differences from iLoRA that are certain, if there are any. The language model is the backbone "
        f"``{study.backbone_id}``. Protocol {study.config.protocol}, {captions.seeds(study)}; the figure gives the "
        f"numbers of users and candidate sets. Lines are {captions.confidence(study)} intervals over "
        f"{captions.covered(study)} (Wilson with one answer per user, otherwise the cluster bootstrap, BCa)."
    )


def _make(given: Given) -> Drawing:
    from ilora.tables.table1.rows import TABLE1

    table = read_table(given.inputs["table"], TABLE1)
    dataset = given.wildcards["dataset"]
    drawn = select_hit_ratio(table, dataset, given.settings["candidates"])
    differences = read_table(given.inputs["differences"], DIFFERENCES).to_pylist()
    compared = [row for row in differences if (row["dataset"], row["split"]) == (dataset, "test")]
    return Drawing(drawn, draw_hit_ratio(drawn, demonstrated(compared)))


FIGURE = Figure(
    path="{dataset}/hit_ratio",
    inputs=lambda study: {"table": TABLE1_FILES.file(study, "parquet"), "differences": study.layout.differences},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "HitRatio@1", "data set": "{dataset}", "backbone": study.backbone_id},
    make=_make,
)
