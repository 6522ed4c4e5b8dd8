"""The clusters of sequences: how large and how tight they are, and what is typical of each."""

import pyarrow as pa
from matplotlib.figure import Figure

from ilora.plotting.labels import two_decimals
from ilora.plotting.style import BLUE, DOUBLE_WIDTH, GREY, new_figure

#: Titles written beside a cluster.
TITLES = 3

#: Longer titles are cut.
TITLE_LENGTH = 24


def draw_clusters(profiles: pa.Table, smallest: int, title: str) -> Figure:
    """Return the figure: a bar per cluster, and beside it its silhouette, genres and titles.

    Args:
        profiles: of schema `ilora.analysis.schemas.CLUSTER_PROFILES`.
        smallest: training sequences that a cluster needs to have a gradient; smaller ones are marked.
        title: which data set, recommender and seed these are.
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
