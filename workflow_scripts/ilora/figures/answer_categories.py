"""Kinds of answers of each method that answers in text, as stacked bars of shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.breakdowns import select_breakdowns
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    YELLOW,
    new_figure,
)
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

# Fill and text colour; neighbours in a bar differ in lightness.
_FILLS = (
    (GREEN, "white"),
    (ORANGE, BLACK),
    (PURPLE, BLACK),
    (BLUE, "white"),
    (YELLOW, BLACK),
    (GREY, "white"),
    (VERMILION, "white"),
)

#: Smaller shares are drawn without a number, since their segment is too narrow.
SMALLEST_NUMBER = 0.08


def draw_answer_categories(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a bar for each method, in the table's order from the top.

    Args:
        drawn: of the schema `ilora.plotting.breakdowns.DRAWN`, the breakdown "answer_category" alone.
        title: data set and backbone.
    """
    frame = drawn.to_pandas()
    methods = list(frame["method"].unique())
    categories = frame.sort_values("order")["group"].unique()
    shares = frame.pivot(index="method", columns="group", values="value").loc[methods, categories].fillna(0.0)
    users = frame.groupby("method", sort=False)["n"].max()
    figure = new_figure(COLUMN_WIDTH, 1.75 + 0.3 * len(methods))
    axes = figure.add_subplot()
    left = 0.0 * shares.iloc[:, 0].to_numpy()
    for (category, column), (fill, text) in zip(shares.items(), _FILLS, strict=False):
        widths = column.to_numpy()
        axes.barh(range(len(methods)), widths, left=left, color=fill, height=0.72, label=str(category))
        for place, width in enumerate(widths):
            if width >= SMALLEST_NUMBER:
                where = left[place] + width / 2
                axes.text(where, place, f"{width:.2f}", color=text, ha="center", va="center", fontsize=6)
        left = left + widths
    axes.set_yticks(range(len(methods)), [method_label(method) for method in methods])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Share of all test answers ({users.max()} users)")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", handlelength=0.9)
    return figure


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"backbone": study.writing_models, "methods": study.writing_methods}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Which kinds of answers each method gives on {wildcards['dataset']} (backbone ``{study.writing_models}``). A "
        "bar is all test answers of a method that answers in text; an answer is valid if its first line is the title "
        f"of exactly one candidate. {captions.answers(study, capital=True)}. The axis names the number of users; the "
        "tables of where answers go wrong have the intervals."
    )


def _make(given: Given) -> Drawing:
    dataset = given.wildcards["dataset"]
    analysis = read_table(given.inputs["analysis"], ERROR_ANALYSIS)
    drawn = select_breakdowns(analysis, dataset, ["answer_category"], given.settings["methods"])
    return Drawing(drawn, draw_answer_categories(drawn, setting_label(dataset, given.settings["backbone"])))


FIGURE = Figure(
    path="{dataset}/answer_categories",
    inputs=lambda study: {"analysis": study.layout.error_analysis},
    settings=_settings,
    caption=_caption,
    category="Answers",
    labels=lambda study: {"view": "kinds of answers", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: of_each_dataset(study) if study.writing_methods else [],
    make=_make,
)
