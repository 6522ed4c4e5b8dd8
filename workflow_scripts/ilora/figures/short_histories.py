"""HitRatio@1 by the length of the test history, and how far it is from that of whole histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import dataset_label
from ilora.plotting.value_and_difference import draw_value_and_difference
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.scarcity.schemas import SHORT_HISTORIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The metric that is drawn; the table has others.
METRIC = "hit_ratio@1"


def select_histories(scarcity: pa.Table) -> pa.Table:
    """Return what the figure shows: the rows of HitRatio@1.

    Args:
        scarcity: of schema `ilora.scarcity.schemas.SHORT_HISTORIES`, of one data set.
    """
    return scarcity.filter(pc.equal(scarcity["metric"], METRIC))


def draw_histories(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: a curve for each method, of its values on the left and of its losses on the right.

    Args:
        drawn: from `select_histories`.
    """
    frame = drawn.to_pandas()
    lengths = sorted(frame["length"].unique())
    frame["place"] = [lengths.index(length) for length in frame["length"]]
    first = frame.iloc[0]
    title = f"{dataset_label(first['dataset'])}: the same {first['users']} test users at every length"
    meaning, difference = "Latest items of the history", f"Difference from {lengths[-1]} items"
    return draw_value_and_difference(frame, lengths, meaning, "HitRatio@1", difference, title)


def _caption(study: Study, wildcards: Wildcards) -> str:
    longest = study.targets.scarcity.longest
    return (
        f"HitRatio@1 on {wildcards['dataset']} with the history of each test user cut to its latest items, and its "
        f"difference from that with {longest}: the same trainings, targets and candidate sets at every "
        f"length, on the test users with {longest} items of history; {captions.seeds(study)}, "
        f"{study.config.data.draws} candidate sets for each user. Bars are {captions.confidence(study)} intervals over "
        f"{captions.covered(study)}. Trainings have seen no history of fewer than "
        f"{study.config.data.minimum_history} items."
    )


def _make(given: Given) -> Drawing:
    drawn = select_histories(read_table(given.inputs["scarcity"], SHORT_HISTORIES))
    return Drawing(drawn, draw_histories(drawn))


FIGURE = Figure(
    path="{dataset}/short_histories",
    inputs=lambda study: {"scarcity": study.layout.short_histories},
    caption=_caption,
    labels=lambda study: {"figure": "short histories", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_lengths(),
    make=_make,
)
