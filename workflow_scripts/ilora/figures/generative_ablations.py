"""Ablations of a generative recommender: NDCG@10 of each, and the difference from the study's own run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.configuration.generative_variants import ablation_name
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.evaluation.schemas import RANKING_ABLATIONS
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.dots import draw_dots
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import of_dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

_METRIC = "ndcg@10"
_MARKERS = {"test": (0.17, BLACK, "test"), "val": (-0.17, "white", "validation")}
_DIFFERENCE = {"difference": "value", "difference_low": "low", "difference_high": "high"}
_OWN = "as in the study"


def ablation_label(overrides: Mapping[str, object]) -> str:
    """Return the label of a run that replaces these settings, such as "order: random, no level embedding"."""
    return ", ".join(_setting(key.replace("_", " "), value) for key, value in overrides.items())


def _setting(key: str, value: object) -> str:
    if isinstance(value, bool):
        return key if value else f"no {key}"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"{key}: {text.replace('_', ' ')}"


def ablation_labels(ablations: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Return the label of each ablation by its name in paths."""
    return {ablation_name(overrides): ablation_label(overrides) for overrides in ablations}


def ablations_title(method: str, dataset: str, seeds: str) -> str:
    """Return the figure's title; ``seeds`` is a phrase like "seed 1"."""
    return f"Ablations of {method_label(method)}; {dataset_label(dataset)}, {seeds}"


def draw_ablations(drawn: pa.Table, labels: Mapping[str, str], title: str) -> MatplotlibFigure:
    """Return the figure: a row of dots for each run, in the table's order from the top.

    Args:
        drawn: rows of NDCG@10 of the schema `ilora.evaluation.schemas.RANKING_ABLATIONS`, of one method and data set.
        labels: labels of the ablations, by their names in paths.
        title: title of the figure.
    """
    frame = drawn.to_pandas()
    variants = list(dict.fromkeys(frame["variant"]))
    frame["place"] = [-variants.index(variant) for variant in frame["variant"]]
    differences = frame.dropna(subset=["difference"]).drop(columns=[*_DIFFERENCE.values()]).rename(columns=_DIFFERENCE)
    figure = new_figure(DOUBLE_WIDTH, 1.35 + 0.27 * len(variants))
    values, gaps = figure.subplots(1, 2, sharey=True)
    for axes, rows in ((values, frame), (gaps, differences)):
        for split, (offset, fill, label) in _MARKERS.items():
            draw_dots(axes, rows[rows["split"] == split], offset, f"{label}, with interval", fill)
        axes.tick_params(axis="y", length=0)
    values.set_yticks([-place for place in range(len(variants))], [labels.get(variant, _OWN) for variant in variants])
    for text, variant in zip(values.get_yticklabels(), variants, strict=True):
        text.set_fontweight("bold" if variant == DEFAULT_VARIANT else "normal")
    values.set_ylim(-len(variants) + 0.4, 0.6)
    values.set_xlim(left=0)
    values.set_xlabel("NDCG@10 among all items")
    gaps.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    gaps.set_xlabel("NDCG@10 of the bold row minus it")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    handles, names = values.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, handletextpad=0.3, columnspacing=1.0)
    return figure


def _caption(study: Study, wildcards: Wildcards) -> str:
    method, dataset = wildcards["generator"], wildcards["dataset"]
    exploratory = f" {captions.EXPLORATORY}" if len(study.config.seeds) == 1 else ""
    return (
        f"Which settings of {method_label(method)} matter on {dataset}. The bold row is the study's own run; every "
        f"other row replaces the named settings of ``generative.{method}`` ({captions.seeds(study)}). Left: NDCG@10 of "
        "the target among all items. Right: the bold row minus each other row. Filled dots are test users, hollow ones "
        f"validation users, lines {captions.confidence(study)} intervals over {captions.covered(study)}, not corrected "
        f"for the number of rows.{exploratory}"
    )


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {
        "seeds": captions.seeds(study),
        "labels": ablation_labels(study.config.generative.ablations[wildcards["generator"]]),
    }


def _make(given: Given) -> Drawing:
    table, method = read_table(given.inputs["ablations"], RANKING_ABLATIONS), given.wildcards["generator"]
    drawn = table.filter(pa.array([metric == _METRIC for metric in table["metric"].to_pylist()]))
    title = ablations_title(method, given.wildcards["dataset"], given.settings["seeds"])
    return Drawing(drawn, draw_ablations(drawn, given.settings["labels"], title))


FIGURE = Figure(
    path="{dataset}/{generator}_ablations",
    inputs=lambda study: {"ablations": of_dataset(study, study.layout.generator_ablations)},
    settings=_settings,
    caption=_caption,
    category="Ablations",
    labels=lambda study: {"figure": "{generator} ablations", "data set": "{dataset}", "backbone": "none"},
    wildcards=lambda study: study.targets.generative.each_ablated(),
    make=_make,
)
