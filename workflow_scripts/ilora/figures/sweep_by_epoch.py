"""HitRatio@1 over the fine-tuning of every cell of a sweep (Figure 4b of arXiv 2408.10159)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import SWEEP_CURVES
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import method_label, setting_label, swept_value_label
from ilora.plotting.method_styles import method_colour
from ilora.plotting.style import (
    BLACK,
    DOUBLE_WIDTH,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    new_figure,
)
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import of_dataset
from ilora.reporting.sweeps import of_each_sweep, sweep_settings, warning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

_SPLITS = {"val": "Validation users", "test": "Test users"}
_COLOURS = (ORANGE, GREEN, PURPLE, SKY_BLUE, GREY, BLACK)
_MARKERS = "osDv^<"
_REFERENCE: dict[str, Any] = {"color": VERMILION, "marker": "o", "linewidth": 1.8}
_UNREAD: dict[str, Any] = {"marker": "", "linestyle": (0, (3, 2))}

#: Shift between two curves, as a share of the figure's width, so that their intervals do not overlap.
_SHIFT = 0.006


def select_sweep_by_epoch(curves: pa.Table) -> pa.Table:
    """Return the drawn numbers: the rows of validation and test users.

    Args:
        curves: of the schema `ilora.evaluation.schemas.SWEEP_CURVES`, of one data set.
    """
    return curves.filter(pa.array([split in _SPLITS for split in curves["split"].to_pylist()]))


def draw_sweep_by_epoch(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a curve with intervals for each cell, the study's own setting as a thicker line.

    Args:
        drawn: from `select_sweep_by_epoch`.
        title: varied setting, data set, backbone and seeds.
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
        if first["is_reference"]:
            style = _REFERENCE
        elif unread:
            style = {"color": method_colour(first["method"]), **_UNREAD}
        else:
            style = next(styles)
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


def _caption(study: Study, wildcards: Wildcards) -> str:
    settings = sweep_settings(study, wildcards)
    return (
        f"When the settings of a sweep begin to differ during the fine-tuning on {wildcards['dataset']} "
        f"({settings['heading']}; backbone ``{study.backbone_id}``; {settings['note']}). A point is the HitRatio@1 of "
        "one snapshot over all answers, on validation and on test users. The learning rate decays over the whole "
        "curve, so an early point is not the result of a shorter training. Each snapshot answers the first "
        f"{study.config.figures.snapshot_draws} candidate sets of every sequence; bars are intervals over "
        f"{settings['covered']}." + warning(settings)
    )


def _make(given: Given) -> Drawing:
    drawn = select_sweep_by_epoch(read_table(given.inputs["curves"], SWEEP_CURVES))
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    title = f"{given.settings['heading']}; {setting}\n{given.settings['note']}"
    return Drawing(drawn, draw_sweep_by_epoch(drawn, title))


FIGURE = Figure(
    path="{dataset}/{sweep}_by_epoch",
    inputs=lambda study: {"curves": of_dataset(study, study.layout.sweep_curves)},
    settings=sweep_settings,
    caption=_caption,
    category="Ablations",
    labels=lambda study: {"figure": "{sweep} by epoch", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: [each for each in of_each_sweep(study) if study.config.sweeps[each["sweep"]].by_epoch],
    make=_make,
)
