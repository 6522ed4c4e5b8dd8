"""Gradient similarity as numbers and over the training, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

from ilora.analysis.schemas import DIFFERENCE, GRADIENT_SUMMARY
from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.method_styles import method_colours
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import of_dataset, with_gradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: Quantities shown as numbers, with their labels.
NUMBERS = {
    "noise_ceiling": "same cluster (noise ceiling)",
    "random_similarity": "random clusters",
    "similarity": "clusters",
    "relative_similarity": "clusters / noise ceiling",
    "conflicting_pairs": "share of pairs below 0",
    "conflicting_cosines": "share of cosines below 0",
    "distance_correlation": "rank correlation with distance",
}

#: Quantities shown over the training, with their line styles.
CURVES: dict[str, Literal["solid", "dashed", "dotted"]] = {
    "noise_ceiling": "dotted",
    "random_similarity": "dashed",
    "similarity": "solid",
}

_COLOURS = {**method_colours(("llara", "ilora")), DIFFERENCE: BLACK}


def select_gradient_summary(summary: pa.Table) -> pa.Table:
    """Return the drawn numbers: means over seeds, for each checkpoint and for all checkpoints together.

    Args:
        summary: of schema `ilora.analysis.schemas.GRADIENT_SUMMARY`.

    Returns:
        Rows of the same schema.
    """
    frame = summary.to_pandas()
    shown = frame["seed"].isna() & frame["quantity"].isin(list(NUMBERS))
    return summary.filter(pa.array(shown))


def draw_gradient_summary(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: numbers with their intervals (left), and curves over the training (right).

    Args:
        drawn: from `select_gradient_summary`.
        title: seeds, data set and backbone.
    """
    frame = drawn.to_pandas()
    methods = [method for method in _COLOURS if method in set(frame["method"])]
    figure = new_figure(DOUBLE_WIDTH, 3.1)
    numbers, curves = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
    _draw_numbers(numbers, frame[frame["step"].isna()], methods)
    _draw_curves(curves, frame[frame["step"].notna()], [method for method in methods if method != DIFFERENCE])
    _add_legend(figure, methods)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _draw_numbers(axes: Axes, frame: pd.DataFrame, methods: Sequence[str]) -> None:
    places = {quantity: place for place, quantity in enumerate(NUMBERS)}
    for number, method in enumerate(methods):
        rows = frame[(frame["method"] == method) & frame["value"].notna()]
        heights = rows["quantity"].map(places) + 0.26 * (number - (len(methods) - 1) / 2)
        axes.hlines(heights, rows["low"], rows["high"], color=_COLOURS[method], linewidth=1.2)
        axes.plot(rows["value"], heights, "o", color=_COLOURS[method], markersize=3)
    axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(NUMBERS)), list(NUMBERS.values()))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(NUMBERS) - 0.5, -0.5)
    axes.set_xlabel("Cosine, share or correlation, over all checkpoints")


def _draw_curves(axes: Axes, frame: pd.DataFrame, methods: Sequence[str]) -> None:
    for method in methods:
        for quantity, line in CURVES.items():
            rows = frame[(frame["method"] == method) & (frame["quantity"] == quantity)].sort_values("step")
            axes.plot(rows["step"], rows["value"], color=_COLOURS[method], linestyle=line, marker="o", markersize=2)
            if quantity == "similarity" and rows["low"].notna().all():
                axes.fill_between(rows["step"], rows["low"], rows["high"], color=_COLOURS[method], alpha=0.2, lw=0)
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlabel("Optimizer step")
    axes.set_ylabel("Cosine of the gradients")


def _add_legend(figure: MatplotlibFigure, methods: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_COLOURS[method], marker="o", markersize=3, label=_label(method)) for method in methods
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=line, label=NUMBERS[quantity]) for quantity, line in CURVES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=2.2, columnspacing=1.2)


def _label(method: str) -> str:
    if method == DIFFERENCE:
        return " − ".join(method_label(name) for name in method.split("-"))
    return method_label(method)


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"backbone": study.backbone_id}


def _trainings_covered(study: Study) -> str:
    trainings = len(study.config.seeds)
    if trainings == 1:
        return "with the models of one training. Differences between the methods may be run-to-run variance."
    return f"and over the {trainings} trainings (Student's t)."


def _caption(study: Study, wildcards: Wildcards) -> str:
    analysis = study.config.analysis
    return (
        f"Whether clusters of sequences of {wildcards['dataset']} have conflicting gradients, and whether "
        "instance-wise LoRA changes that. Left: over all checkpoints. Right: along the fine-tuning. Random clusters "
        "are the same sequences, assigned at random: where clusters are as similar as random clusters, they explain "
        "nothing. Where the noise ceiling is near 0, the gradients are too noisy to tell. Undefined numbers, such as a "
        "ratio to a ceiling that is not clearly above 0, are left out. The paper states that distance in the "
        "collaborative space and similarity of gradients are negatively correlated, and that instance-wise LoRA brings "
        "the similarity between some clusters to zero. A lower similarity supports this only if random clusters and "
        "the noise ceiling are not lower by as much.\n\n"
        f"Lines are {captions.confidence(study)} intervals over the sampled sequences "
        f"({analysis.blocks * analysis.sequences_per_block} for each cluster, backbone ``{study.backbone_id}``), "
        f"{_trainings_covered(study)}"
    )


def _finding(drawn: pa.Table, seeds: int) -> str:
    """Return a line for the title if several trainings leave no doubt that gradients follow distance."""
    found = [
        row
        for row in drawn.to_pylist()
        if row["quantity"] == "distance_correlation" and row["step"] is None and row["method"] != DIFFERENCE
    ]
    is_certain = seeds > 1 and all(row["high"] is not None and row["high"] < 0.0 for row in found)
    return "Clusters farther apart have less similar gradients\n" if found and is_certain else ""


def _make(given: Given) -> Drawing:
    summary = read_table(given.inputs["summary"], GRADIENT_SUMMARY)
    drawn = select_gradient_summary(summary)
    seeds = len(summary["seed"].drop_null().unique())
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    title = _finding(drawn, seeds) + (
        "Gradient similarity in numbers, "
        f"{f'mean over {seeds} trainings' if seeds > 1 else 'EXPLORATORY: one training'}\n{setting}"
    )
    return Drawing(drawn, draw_gradient_summary(drawn, title))


FIGURE = Figure(
    path="{dataset}/gradient_similarity_summary",
    inputs=lambda study: {"summary": of_dataset(study, study.layout.gradient_summary)},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {
        "figure": "gradient similarity in numbers",
        "data set": "{dataset}",
        "backbone": study.backbone_id,
    },
    wildcards=with_gradients,
    make=_make,
)
