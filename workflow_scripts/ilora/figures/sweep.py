"""A sweep of one setting: HitRatio@1 of each cell, and the improvement of the study's own setting over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import SWEEP
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.dots import draw_crosses, draw_dots
from ilora.plotting.labels import method_label, setting_label, swept_value_label
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.plotting.sweep_reference import SOURCE, stated_improvement
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import of_dataset
from ilora.reporting.sweeps import of_each_sweep, sweep_settings, warning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

HIT_RATIO, IMPROVEMENT = "hit_ratio@1", "improvement"

_METRIC = "hit_ratio@1"
_MARKERS = {"test": (0.17, BLACK, "test"), "val": (-0.17, "white", "validation")}

#: The drawn numbers: a row per cell, quantity and marker ("test", "val", "paper"); improvements are in percent.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("parameter", pa.string(), nullable=False),
        pa.field("setting", pa.string()),  # null where the method does not read the parameter
        pa.field("is_reference", pa.bool_(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),
        pa.field("quantity", pa.string(), nullable=False),
        pa.field("marker", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # "measured", or the paper with its backbone
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),  # null for the paper's
        pa.field("high", pa.float64()),
    ]
)


def select_sweep(sweep: pa.Table) -> pa.Table:
    """Return the drawn numbers, of the schema DRAWN.

    Args:
        sweep: of the schema `ilora.evaluation.schemas.SWEEP`, of one data set.
    """
    rows = [row for row in sweep.to_pylist() if row["metric"] == _METRIC]
    reference = next(row["setting"] for row in rows if row["is_reference"])
    drawn = []
    for row in rows:
        labels = {name: row[name] for name in ("method", "parameter", "setting", "is_reference", "seeds")}
        measured = labels | {"marker": row["split"], "source": "measured"}
        if row["split"] in _MARKERS:
            drawn.append(measured | {"quantity": HIT_RATIO} | {end: row[end] for end in ("value", "low", "high")})
        if row["split"] in _MARKERS and row["improvement_low"] is not None:
            interval = {"low": row["improvement_low"], "high": row["improvement_high"]}
            drawn.append(measured | interval | {"quantity": IMPROVEMENT, "value": row["improvement"]})
        if row["split"] == "test" and not row["is_reference"]:
            stated = stated_improvement(
                row["dataset"], row["protocol"], row["parameter"], reference, row["method"], row["setting"]
            )
            if stated is not None:
                paper = {"marker": "paper", "source": SOURCE, "quantity": IMPROVEMENT, "value": stated}
                drawn.append(labels | paper)
    return pa.Table.from_pylist(drawn, schema=DRAWN)


def draw_sweep(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure of a table of the schema DRAWN: a row of dots per cell, in the table's order.

    Args:
        drawn: from `select_sweep`.
        title: varied setting, data set, backbone and seeds.
    """
    frame = drawn.to_pandas()
    cells = frame[["method", "setting", "parameter", "is_reference"]].drop_duplicates().reset_index(drop=True)
    places = {_key(cell.method, cell.setting): -place for place, cell in enumerate(cells.itertuples())}
    frame["place"] = [places[_key(row.method, row.setting)] for row in frame.itertuples()]
    figure = new_figure(DOUBLE_WIDTH, 1.35 + 0.27 * len(places))
    ratios, improvements = figure.subplots(1, 2, sharey=True)
    for axes, quantity in ((ratios, HIT_RATIO), (improvements, IMPROVEMENT)):
        _draw_marks(axes, frame[frame["quantity"] == quantity])
    several = cells["method"].nunique() > 1
    labels = [_label(cell.method, cell.parameter, cell.setting, several) for cell in cells.itertuples()]
    ratios.set_yticks(list(places.values()), labels)
    for text, is_reference in zip(ratios.get_yticklabels(), cells["is_reference"], strict=True):
        text.set_fontweight("bold" if is_reference else "normal")
    ratios.set_ylim(-len(places) + 0.4, 0.6)
    ratios.set_xlim(left=0)
    ratios.set_xlabel("HitRatio@1 (share of all answers)")
    improvements.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    improvements.set_xlabel("Improvement of the bold row (%)")
    for axes in (ratios, improvements):
        axes.tick_params(axis="y", length=0)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    handles, names = improvements.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, handletextpad=0.3, columnspacing=1.0)
    return figure


def _draw_marks(axes: Axes, rows: pd.DataFrame) -> None:
    for marker, (offset, fill, label) in _MARKERS.items():
        draw_dots(axes, rows[rows["marker"] == marker], offset, f"{label}, with interval", fill)
    paper = rows[rows["marker"] == "paper"]
    if len(paper):
        draw_crosses(axes, paper, paper["source"].iloc[0])


def _key(method: str, setting: str | None) -> tuple[str, str]:
    return method, "" if pd.isna(setting) else str(setting)


def _label(method: str, parameter: str, setting: str | None, several: bool) -> str:
    if pd.isna(setting):
        return method_label(method)
    value = swept_value_label(parameter, str(setting))
    return f"{method_label(method)}, {value}" if several else value


def _caption(study: Study, wildcards: Wildcards) -> str:
    settings, parameter = sweep_settings(study, wildcards), study.config.sweeps[wildcards["sweep"]].parameter
    return (
        f"Whether ``{parameter}`` matters on {wildcards['dataset']} ({settings['heading']}; backbone "
        f"``{study.backbone_id}``; {settings['note']}). Each row replaces this setting and nothing else; another "
        "method in the figure ignores it or has it replaced in the same way. LLaRA is the control with matched "
        "parameters: at the same rank, uniform LoRA has every parameter of iLoRA but the gate's. Left: HitRatio@1 over "
        "all answers. Right: the improvement of the study's own setting (bold) over each other row, in percent, "
        "unless too few users hit for an interval. "
        "Crosses are what the paper states for Llama-2-7B, as reference data; over LLaRA it follows from the paper's "
        "Table 1.\n\nFilled dots are test users, hollow ones validation users, lines their intervals over "
        f"{settings['covered']}, paired by user and training on the right, and not corrected for the number of rows."
        + warning(settings)
    )


def _make(given: Given) -> Drawing:
    drawn = select_sweep(read_table(given.inputs["sweep"], SWEEP))
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    return Drawing(drawn, draw_sweep(drawn, f"{given.settings['heading']}; {setting}\n{given.settings['note']}"))


FIGURE = Figure(
    path="{dataset}/{sweep}",
    inputs=lambda study: {"sweep": of_dataset(study, study.layout.sweep)},
    settings=sweep_settings,
    caption=_caption,
    category="Ablations",
    labels=lambda study: {"figure": "{sweep}", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=of_each_sweep,
    make=_make,
)
