"""HitRatio@1 by the share of the training users, and how far it is from that of all of them."""

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
from ilora.scarcity.schemas import SCARCE_USERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: The metric that is drawn; the table has others.
METRIC = "hit_ratio@1"


def select_shares(scarcity: pa.Table) -> pa.Table:
    """Return what the figure shows: the rows of HitRatio@1.

    Args:
        scarcity: of schema `ilora.scarcity.schemas.SCARCE_USERS`, of one data set.
    """
    return scarcity.filter(pc.equal(scarcity["metric"], METRIC))


def draw_shares(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: a curve for each method, of its values on the left and of its losses on the right.

    Args:
        drawn: from `select_shares`.
    """
    frame = drawn.to_pandas()
    sizes = dict(sorted(zip(frame["share"], frame["training_users"], strict=True)))
    frame["place"] = [list(sizes).index(share) for share in frame["share"]]
    return draw_value_and_difference(
        frame,
        [f"{share} %\n{users}" for share, users in sizes.items()],
        "Training users",
        "HitRatio@1",
        "Difference from all training users",
        f"{dataset_label(frame['dataset'].iloc[0])}: the same {frame['users'].iloc[0]} test users for every share",
    )


def _caption(study: Study, wildcards: Wildcards) -> str:
    draws = len(study.config.scarcity.draws)
    users = "one nested draw of the users" if draws == 1 else f"mean of {draws} nested draws of the users"
    return (
        f"HitRatio@1 on {wildcards['dataset']} by the share of the training users, and its difference from that of all "
        f"of them: the same validation and test users and candidate sets for every share, {users}, "
        f"{captions.chosen_seeds(study.targets.scarcity.seeds_of_shares)}, {study.config.data.draws} candidate sets "
        f"for each user. Bars are {captions.confidence(study)} intervals over users and, where there are several, "
        "draws with their trainings. Every share is trained for about as many steps: docs/scarcity.md."
    )


def _make(given: Given) -> Drawing:
    drawn = select_shares(read_table(given.inputs["scarcity"], SCARCE_USERS))
    return Drawing(drawn, draw_shares(drawn))


FIGURE = Figure(
    path="{dataset}/scarce_users",
    inputs=lambda study: {"scarcity": study.layout.scarce_users},
    caption=_caption,
    labels=lambda study: {"figure": "few training users", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_shares(),
    make=_make,
)
