"""The clusters of sequences: size, silhouette, and typical genres and titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.analysis.schemas import CLUSTER_PROFILES
from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import dataset_label, method_label, two_decimals
from ilora.plotting.style import BLUE, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import clusters_of_first_seed, with_gradients

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: Number of titles shown for a cluster.
TITLES = 3

#: Longer titles are truncated.
TITLE_LENGTH = 24


def draw_clusters(profiles: pa.Table, smallest: int, title: str) -> MatplotlibFigure:
    """Return the figure: a bar for each cluster, with its silhouette, genres and titles.

    Args:
        profiles: of schema `ilora.analysis.schemas.CLUSTER_PROFILES`.
        smallest: number of training sequences that a cluster needs for a gradient; smaller clusters are marked.
        title: recommender, seed and data set.
    """
    rows = profiles.to_pylist()
    figure = new_figure(DOUBLE_WIDTH, 1.1 + 0.24 * len(rows))
    bars, text = figure.subplots(1, 2, width_ratios=(1.0, 2.1))
    sizes = [row["train_sequences"] for row in rows]
    bars.barh(range(len(rows)), sizes, color=[BLUE if size >= smallest else GREY for size in sizes], height=0.7)
    bars.set_yticks(range(len(rows)), [str(row["cluster"] + 1) for row in rows])
    bars.tick_params(axis="y", length=0)
    bars.set_ylim(len(rows) - 0.4, -1.0)
    bars.set_xlabel(
        "Training sequences" + ("" if min(sizes) >= smallest else f"\n(grey: below {smallest}, no gradient)")
    )
    bars.set_ylabel("Cluster")
    text.set_axis_off()
    text.set_xlim(0, 1)
    text.set_ylim(bars.get_ylim())
    for place, (x, heading) in enumerate(((0.0, "silhouette"), (0.13, "typical genres"), (0.42, "typical titles"))):
        text.text(x, -0.8, heading, fontsize=6.5, color=GREY, va="center")
        for height, row in enumerate(rows):
            text.text(x, height, _cell(row, place).replace("$", r"\$"), fontsize=6, va="center")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _cell(row: dict, column: int) -> str:
    if column == 0:
        return "–" if row["silhouette"] is None else two_decimals(row["silhouette"])
    if column == 1:
        return ", ".join(row["genres"]) or "unknown"
    return "; ".join(_shortened(title) for title in row["titles"][:TITLES])


def _shortened(title: str) -> str:
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1].rstrip() + "…"


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    analysis = study.config.analysis
    return {
        "seed": study.config.seeds[0],
        "recommender": study.config.recommenders.sequence_encoder,
        "smallest": analysis.blocks * analysis.sequences_per_block,
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    settings = _settings(study, wildcards)
    return (
        f"How large and how distinct the clusters of the training sequences of {wildcards['dataset']} are, and what is "
        "typical of each. A title is typical if more of the cluster's sequences contain it than of all sequences, a "
        "genre if more of their items have it; a silhouette near 0 means that a cluster overlaps with others. Clusters "
        f"are found by k-means (Euclidean) on the representations of {settings['recommender']}, seed "
        f"{settings['seed']}. A cluster with fewer than {settings['smallest']} training sequences has no gradient."
    )


def _make(given: Given) -> Drawing:
    settings = given.settings
    drawn = read_table(given.inputs["profiles"], CLUSTER_PROFILES)
    overall = drawn["silhouette_of_all"][0].as_py()
    title = (
        f"Clusters of training sequences by {method_label(settings['recommender'])}'s representations, seed "
        f"{settings['seed']}\n{dataset_label(given.wildcards['dataset'])}; mean silhouette "
        + ("not defined" if overall is None else f"{overall:.2f}")
    )
    return Drawing(drawn, draw_clusters(drawn, settings["smallest"], title))


FIGURE = Figure(
    path="{dataset}/clusters",
    inputs=lambda study: {"profiles": clusters_of_first_seed(study, study.layout.cluster_profiles)},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "clusters", "data set": "{dataset}", "backbone": "none"},
    wildcards=with_gradients,
    make=_make,
)
