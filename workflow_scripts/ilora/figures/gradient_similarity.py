"""Gradient similarity between clusters as heat maps (Figures 1, 3a and 3b of arXiv 2408.10159)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ilora.analysis.schemas import ALL_KINDS, CLUSTER_PROFILES, GRADIENT_SIMILARITY
from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import cluster_label, method_label, setting_label, two_decimals
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import clusters_of_first_seed, of_dataset, with_gradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: Perceptually uniform on both sides of 0, and colour-blind safe: blue is agreement.
COLOUR_MAP = "RdBu"

#: The limit of the colour scale is rounded up to a multiple of this.
SCALE_STEP = 0.1

#: The drawn numbers: a row per kind of module and ordered pair of clusters.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # "all" for the mean over kinds
        pa.field("row", pa.int32(), nullable=False),  # place in the map
        pa.field("column", pa.int32(), nullable=False),
        pa.field("first", pa.int32(), nullable=False),  # cluster
        pa.field("second", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),  # of the row's cluster
        pa.field("similarity", pa.float64(), nullable=True),  # null: too few sequences for a gradient
        pa.field("noise_ceiling", pa.float64(), nullable=True),  # on the diagonal
        pa.field("limit", pa.float64(), nullable=False),  # of the colour scale, the same for every method
    ]
)


def select_gradient_similarity(
    similarity: pa.Table, profiles: pa.Table, order: Sequence[int], method: str, seed: int
) -> pa.Table:
    """Return the numbers of one method's figure, of schema `DRAWN`, averaged over its checkpoints.

    Args:
        similarity: of schema `ilora.analysis.schemas.GRADIENT_SIMILARITY`, with all methods, since they share a
            colour scale.
        profiles: of schema `ilora.analysis.schemas.CLUSTER_PROFILES`, of the same seed. A cluster without a
            gradient has empty cells in the map.
        order: order of the clusters in the map, the same for every method.
        method: method to show.
        seed: training to show.

    Raises:
        ValueError: if there is no row of the method and seed.
    """
    frame = similarity.to_pandas()
    frame = frame[(frame["seed"] == seed) & frame["step"].isna()]
    chosen = frame[frame["method"] == method]
    if chosen.empty:
        raise ValueError(f"found no gradient similarity of {method}, seed {seed}")
    found = chosen.set_index(["kind", "first", "second"])
    labels = {row["cluster"]: cluster_label(row["cluster"], row["genres"]) for row in profiles.to_pylist()}
    limit = _limit(frame)
    rows = []
    for kind in chosen["kind"].unique():
        for (row, first), (column, second) in _cells(order):
            cell = found.loc[kind, first, second] if (kind, first, second) in found.index else None
            rows.append(
                {
                    "method": method,
                    "kind": kind,
                    "row": row,
                    "column": column,
                    "first": first,
                    "second": second,
                    "label": labels[first],
                    "similarity": None if cell is None else cell["similarity"],
                    "noise_ceiling": None if cell is None or pd.isna(cell["noise_ceiling"]) else cell["noise_ceiling"],
                    "limit": limit,
                }
            )
    return pa.Table.from_pylist(rows, schema=DRAWN)


def draw_gradient_similarity(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a large map of the mean over kinds of modules, and a small map of each kind.

    The diagonal, where a cosine is 1 by definition, shows the noise ceiling of the cluster instead: the upper bound of
    its cells. Cells of clusters without a gradient are crossed out.

    Args:
        drawn: of schema `DRAWN`.
        title: method, seed, data set and backbone.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    frame = drawn.to_pandas()
    kinds = [kind for kind in frame["kind"].unique() if kind != ALL_KINDS]
    clusters = int(frame["row"].max()) + 1
    limit = float(frame["limit"].iloc[0])
    figure = new_figure(DOUBLE_WIDTH, 3.5)
    large, small = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.15, 1.0))[0]
    axes = large.add_subplot()
    _draw_map(axes, frame[frame["kind"] == ALL_KINDS], limit)
    _write_numbers(axes, frame[frame["kind"] == ALL_KINDS], limit)
    labels = frame[(frame["kind"] == ALL_KINDS) & (frame["column"] == 0)].sort_values("row")["label"].tolist()
    axes.set_yticks(range(clusters), labels)
    axes.set_xticks(range(clusters), [label.split()[0] for label in labels])
    axes.set_xlabel("Cluster; on the diagonal its noise ceiling")
    bar = large.colorbar(
        ScalarMappable(Normalize(-limit, limit), COLOUR_MAP), ax=axes, shrink=0.75, aspect=25, pad=0.02
    )
    bar.set_label("Cosine of the gradients")
    bar.outline.set_visible(False)
    columns = min(3, max(1, len(kinds)))
    grid = small.subplots(-(-len(kinds) // columns), columns, squeeze=False)
    for place, spot in enumerate(grid.flat):
        spot.set_axis_off()
        if place < len(kinds):
            _draw_map(spot, frame[frame["kind"] == kinds[place]], limit)
            spot.set_title(kinds[place], fontsize=7, pad=2)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _cells(order: Sequence[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [(row, column) for row in enumerate(order) for column in enumerate(order)]


def _limit(frame: pd.DataFrame) -> float:
    """Return the largest value in any method's map, rounded up."""
    shown = frame["similarity"].where(frame["first"] != frame["second"], frame["noise_ceiling"]).abs().max()
    return min(1.0, max(SCALE_STEP, float(np.ceil(shown / SCALE_STEP) * SCALE_STEP)))


def _shown(cells: pd.DataFrame) -> NDArray[np.float64]:
    """Return similarities with noise ceilings on the diagonal, float64 [clusters, clusters]; NaN where undefined."""
    values = cells["similarity"].where(cells["row"] != cells["column"], cells["noise_ceiling"])
    clusters = int(cells["row"].max()) + 1
    matrix = np.full((clusters, clusters), np.nan)
    matrix[cells["row"], cells["column"]] = values.to_numpy(dtype=float)
    return matrix


def _draw_map(axes: Axes, cells: pd.DataFrame, limit: float) -> None:
    from matplotlib.patches import Rectangle

    matrix = _shown(cells)
    axes.imshow(matrix, cmap=COLOUR_MAP, vmin=-limit, vmax=limit)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for place in range(len(matrix)):
        corner = (place - 0.5, place - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=BLACK, linewidth=0.6))
    for row, column in np.argwhere(np.isnan(matrix)):
        axes.plot([column - 0.3, column + 0.3], [row + 0.3, row - 0.3], color=GREY, linewidth=0.5)


def _write_numbers(axes: Axes, cells: pd.DataFrame, limit: float) -> None:
    from matplotlib import colormaps

    for (row, column), value in np.ndenumerate(_shown(cells)):
        if np.isfinite(value):
            red, green, blue, _ = colormaps[COLOUR_MAP]((value / limit + 1) / 2)
            colour = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else BLACK
            axes.text(column, row, two_decimals(float(value)), color=colour, ha="center", va="center", fontsize=6)


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"seed": study.config.seeds[0], "backbone": study.backbone_id}


def _caption(study: Study, wildcards: Wildcards) -> str:
    analysis = study.config.analysis
    return (
        f"Whether the gradients of {wildcards['method']}'s LoRA weights agree or conflict between clusters of "
        f"sequences of {wildcards['dataset']} (Figures 1, 3a and 3b of the paper). Blue cells are positive cosines, "
        "red ones negative; the colours mean the same for every method. Clusters that are close in the collaborative "
        "space are adjacent, in the same order for every method. The diagonal, where a cosine is 1 by definition, "
        "shows the noise ceiling: the expected cosine between two samples of one cluster. A cell says nothing where "
        "the ceilings of its clusters are near 0. Left: mean over modules and checkpoints. Right: each kind of module. "
        f"Each gradient is taken on {analysis.blocks * analysis.sequences_per_block} training sequences, the same for "
        f"every method, of one training (seed {study.config.seeds[0]}, backbone ``{study.backbone_id}``); the figure "
        "of the numbers has the intervals."
    )


def _make(given: Given) -> Drawing:
    from ilora.analysis.cluster_order import leaf_order

    method, seed = given.wildcards["method"], given.settings["seed"]
    similarity = read_table(given.inputs["similarity"], GRADIENT_SIMILARITY)
    profiles = read_table(given.inputs["profiles"], CLUSTER_PROFILES)
    order = leaf_order(np.array(profiles["centroid"].to_pylist()))
    drawn = select_gradient_similarity(similarity, profiles, order, method, seed)
    setting = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    title = f"Gradient similarity between clusters of sequences: {method_label(method)}, seed {seed}\n{setting}"
    return Drawing(drawn, draw_gradient_similarity(drawn, title))


def _wildcards(study: Study) -> list[Wildcards]:
    return [{**dataset, "method": method} for dataset in with_gradients(study) for method in study.gradient_methods]


FIGURE = Figure(
    path="{dataset}/gradient_similarity_{method}",
    inputs=lambda study: {
        "similarity": of_dataset(study, study.layout.gradient_similarity),
        "profiles": clusters_of_first_seed(study, study.layout.cluster_profiles),
    },
    settings=_settings,
    caption=_caption,
    labels=lambda study: {
        "figure": "gradient similarity, {method}",
        "data set": "{dataset}",
        "backbone": study.backbone_id,
    },
    wildcards=_wildcards,
    make=_make,
)
