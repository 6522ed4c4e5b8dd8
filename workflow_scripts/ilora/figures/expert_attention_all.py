"""The experts' weights over the whole test set: their distribution, and their means in each cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ilora.analysis.schemas import CLUSTER_PROFILES, CLUSTERS, EXPERT_USAGE, GATES
from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import cluster_label, method_label, setting_label
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, fills, new_figure
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset
from ilora.reporting.sources import clusters_of_first_seed, of_each_seed, of_first_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The drawn numbers: a row per test sequence and expert.
DRAWN = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),  # of the cluster
        pa.field("expert", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)


def select_expert_attention_all(gates: pa.Table, clusters: pa.Table, labels: Sequence[str]) -> pa.Table:
    """Return the drawn numbers, of schema `DRAWN`.

    Args:
        gates: of schema `ilora.analysis.schemas.GATES`.
        clusters: of schema `ilora.analysis.schemas.CLUSTERS`.
        labels: label of each cluster.
    """
    frame = gates.to_pandas()
    frame = frame[frame["split"] == "test"].sort_values(["sequence_id", "expert"])
    frame["cluster"] = clusters["cluster"].to_numpy()[frame["sequence_id"]]
    frame["label"] = [labels[cluster] for cluster in frame["cluster"]]
    return pa.Table.from_pandas(frame[DRAWN.names], schema=DRAWN, preserve_index=False)


def draw_expert_attention_all(
    drawn: pa.Table, usages: Sequence[pa.Table], confidence: float, title: str
) -> MatplotlibFigure:
    """Return the figure: a box for each expert, a stacked bar for each cluster, and the usage note below.

    Args:
        drawn: from `select_expert_attention_all`.
        usages: of schema `ilora.analysis.schemas.EXPERT_USAGE`, one for each training; the first is drawn.
        confidence: confidence level of the intervals over trainings.
        title: method, seed, data set and backbone.
    """
    frame = drawn.to_pandas()
    figure = new_figure(DOUBLE_WIDTH, 3.1)
    boxes, bars = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    _draw_boxes(boxes, frame)
    _draw_bars(bars, frame)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.supxlabel(usage_note(usages, confidence), fontsize=7, ha="left", x=0.01)
    return figure


def usage_note(usages: Sequence[pa.Table], confidence: float) -> str:
    """Return the note below the figure: how evenly experts are used, and whether the gate has collapsed.

    Args:
        usages: of schema `ilora.analysis.schemas.EXPERT_USAGE`, one for each training.
        confidence: confidence level of the intervals over trainings (Student's t).
    """
    rows = usages[0].to_pylist()
    numbers = [
        {row["quantity"]: row["value"] for row in usage.to_pylist() if row["expert"] is None} for usage in usages
    ]
    experts = sum(row["quantity"] == "expert_share" for row in rows)
    collapsed = sum(bool(of_training["collapsed"]) for of_training in numbers)

    def over_trainings(quantity: str, decimals: int) -> str:
        return _with_interval([of_training[quantity] for of_training in numbers], confidence, decimals)

    if len(numbers) == 1:
        whose, state = "One training", "the gate has COLLAPSED" if collapsed else "no collapse"
        chance = f"{numbers[0]['mutual_information_by_chance']:.2f} by chance, p = "
        chance += f"{numbers[0]['mutual_information_p']:.2g}"
    else:
        whose = f"{len(numbers)} trainings, means with {confidence:.0%} intervals over them (the first is drawn)"
        state = f"{collapsed} gates have COLLAPSED" if collapsed else "no collapse"
        chance = f"{over_trainings('mutual_information_by_chance', 2)} by chance"
    return (
        f"{whose}; {numbers[0]['sequences']:.0f} test sequences. Effective experts "
        f"{over_trainings('effective_experts', 2)} of {experts} ({state}); entropy of a sequence's weights "
        f"{over_trainings('entropy', 3)} of 1.\n"
        f"Mutual information of cluster and strongest expert {over_trainings('mutual_information', 2)} nats ({chance}; "
        f"adjusted {over_trainings('adjusted_mutual_information', 2)} of 1)."
    )


def _with_interval(values: Sequence[float], confidence: float, decimals: int) -> str:
    mean = f"{np.mean(values):.{decimals}f}"
    if len(values) == 1:
        return mean
    # SciPy loads slowly, and Snakemake imports every figure whenever it plans.
    from ilora.evaluation.trainings import half_width_over_trainings

    half = half_width_over_trainings(np.asarray(values), confidence)
    return f"{mean} [{np.mean(values) - half:.{decimals}f}, {np.mean(values) + half:.{decimals}f}]"


def _draw_boxes(axes: Axes, frame: pd.DataFrame) -> None:
    weights = [group["weight"].to_numpy() for _, group in frame.groupby("expert")]
    drawn = axes.boxplot(
        weights,
        widths=0.5,
        patch_artist=True,
        medianprops={"color": BLACK},
        flierprops={"marker": ".", "markersize": 2, "markeredgecolor": GREY},
    )
    for box, (fill, _) in zip(drawn["boxes"], fills(len(weights)), strict=True):
        box.set_facecolor(fill)
    axes.axhline(1 / len(weights), color=GREY, linewidth=0.6, linestyle="dashed", zorder=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Expert (dashed: equal weights)")
    axes.set_ylabel(r"Weight $\omega_k$ in a test sequence")


def _draw_bars(axes: Axes, frame: pd.DataFrame) -> None:
    means = frame.pivot_table(index=["cluster", "label"], columns="expert", values="weight", aggfunc="mean")
    sizes = frame.groupby("cluster")["sequence_id"].nunique()
    left = np.zeros(len(means))
    for (expert, column), (fill, _) in zip(means.items(), fills(len(means.columns)), strict=True):
        axes.barh(range(len(means)), column, left=left, color=fill, height=0.78, label=f"expert {int(str(expert)) + 1}")
        left = left + column.to_numpy()
    labels = [f"{label} ({sizes[cluster]})" for cluster, label in means.index]
    axes.set_yticks(range(len(means)), labels)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("Mean weight in a cluster (number of test sequences)")


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {
        "seed": study.config.seeds[0],
        "backbone": study.backbone_id,
        "confidence": study.config.statistics.confidence,
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Whether iLoRA's gate uses all of its experts on the test set of {wildcards['dataset']}, and whether similar "
        "sequences get similar weights. Left: distribution of the weights; boxes are quartiles. Right: mean weights in "
        "each cluster of sequences. The lines below give the effective number of experts, whether the gate has "
        "collapsed, and the mutual information of a sequence's cluster and its strongest expert, next to what chance "
        f"gives. The weights are of one training (seed {study.config.seeds[0]}, backbone ``{study.backbone_id}``); the "
        "numbers below are over all trainings, with intervals where there are several."
    )


def _make(given: Given) -> Drawing:
    gates, clusters = read_table(given.inputs["gates"], GATES), read_table(given.inputs["clusters"], CLUSTERS)
    profiles = read_table(given.inputs["profiles"], CLUSTER_PROFILES).to_pylist()
    labels = [cluster_label(row["cluster"], row["genres"]) for row in profiles]
    drawn = select_expert_attention_all(gates, clusters, labels)
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    title = f"Experts over the test set: {method_label('ilora')}, seed {given.settings['seed']}\n{setting}"
    usages = [read_table(path, EXPERT_USAGE) for path in given.inputs["usage"]]
    return Drawing(drawn, draw_expert_attention_all(drawn, usages, given.settings["confidence"], title))


def _wildcards(study: Study) -> list[Wildcards]:
    has_it = study.config.figures.gradients and "ilora" in study.tuned_methods
    return of_each_dataset(study) if has_it else []


FIGURE = Figure(
    path="{dataset}/expert_attention_all",
    inputs=lambda study: {
        "gates": of_first_seed(study, study.layout.gates, "ilora"),
        "usage": of_each_seed(study, study.layout.expert_usage, "ilora"),
        "clusters": clusters_of_first_seed(study, study.layout.clusters),
        "profiles": clusters_of_first_seed(study, study.layout.cluster_profiles),
    },
    settings=_settings,
    caption=_caption,
    labels=lambda study: {
        "figure": "expert attention, test set",
        "data set": "{dataset}",
        "backbone": study.backbone_id,
    },
    wildcards=_wildcards,
    make=_make,
)
