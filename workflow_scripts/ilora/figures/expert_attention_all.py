"""The experts' weights over the whole test set: their distribution, and their means in every cluster."""

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
from ilora.reporting.sources import clusters_of_first_seed, of_first_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: What is drawn: a row per test sequence and expert.
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
    """Return what the figure shows, of schema `DRAWN`.

    Args:
        gates: of schema `ilora.analysis.schemas.GATES`.
        clusters: of schema `ilora.analysis.schemas.CLUSTERS`.
        labels: of every cluster.
    """
    frame = gates.to_pandas()
    frame = frame[frame["split"] == "test"].sort_values(["sequence_id", "expert"])
    frame["cluster"] = clusters["cluster"].to_numpy()[frame["sequence_id"]]
    frame["label"] = [labels[cluster] for cluster in frame["cluster"]]
    return pa.Table.from_pandas(frame[DRAWN.names], schema=DRAWN, preserve_index=False)


def draw_expert_attention_all(drawn: pa.Table, usage: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a box per expert, a stacked bar per cluster, and below them what was measured.

    Args:
        drawn: from `select_expert_attention_all`.
        usage: of schema `ilora.analysis.schemas.EXPERT_USAGE`.
        title: which method, data set, backbone and seed these are.
    """
    frame = drawn.to_pandas()
    figure = new_figure(DOUBLE_WIDTH, 3.1)
    boxes, bars = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    _draw_boxes(boxes, frame)
    _draw_bars(bars, frame)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.supxlabel(usage_note(usage), fontsize=7, ha="left", x=0.01)
    return figure


def usage_note(usage: pa.Table) -> str:
    """Return the sentence under the figure; it says if the gate has collapsed."""
    rows = usage.to_pylist()
    values = {row["quantity"]: row["value"] for row in rows if row["expert"] is None}
    experts = sum(row["quantity"] == "expert_share" for row in rows)
    state = "the gate has COLLAPSED" if values["collapsed"] else "no collapse"
    return (
        f"{values['sequences']:.0f} test sequences; effective experts {values['effective_experts']:.2f} of {experts} "
        f"({state}); entropy of a sequence's weights {values['entropy']:.3f} of 1.\n"
        f"Mutual information of cluster and strongest expert {values['mutual_information']:.2f} nats "
        f"({values['mutual_information_by_chance']:.2f} by chance, p = {values['mutual_information_p']:.2g}; adjusted "
        f"{values['adjusted_mutual_information']:.2f} of 1)."
    )


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
    return {"seed": study.config.seeds[0], "backbone": study.backbone_id}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Weights that iLoRA's gate gives to its experts, over the whole test set of {wildcards['dataset']}, with the "
        f"backbone ``{study.backbone_id}``: their distribution (left; boxes are quartiles) and their means in each "
        "cluster of sequences (right). The lines below say how evenly the experts are used, whether the gate has "
        "collapsed, and how much a sequence's cluster tells of the expert that it weighs most, beside what chance "
        "gives."
    )


def _make(given: Given) -> Drawing:
    gates, clusters = read_table(given.inputs["gates"], GATES), read_table(given.inputs["clusters"], CLUSTERS)
    profiles = read_table(given.inputs["profiles"], CLUSTER_PROFILES).to_pylist()
    labels = [cluster_label(row["cluster"], row["genres"]) for row in profiles]
    drawn = select_expert_attention_all(gates, clusters, labels)
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    title = f"Experts over the test set: {method_label('ilora')}, seed {given.settings['seed']}\n{setting}"
    usage = read_table(given.inputs["usage"], EXPERT_USAGE)
    return Drawing(drawn, draw_expert_attention_all(drawn, usage, title))


def _wildcards(study: Study) -> list[Wildcards]:
    has_it = study.config.figures.gradients and "ilora" in study.tuned_methods
    return of_each_dataset(study) if has_it else []


FIGURE = Figure(
    path="{dataset}/expert_attention_all",
    inputs=lambda study: {
        "gates": of_first_seed(study, study.layout.gates, "ilora"),
        "usage": of_first_seed(study, study.layout.expert_usage, "ilora"),
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
