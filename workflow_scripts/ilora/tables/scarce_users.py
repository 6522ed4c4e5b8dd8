"""The accuracy of each method by the share of the training users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.layout import TABLES
from ilora.plotting.estimates import number_with_interval
from ilora.plotting.html_page import html_page
from ilora.plotting.labels import dataset_label
from ilora.plotting.method_tables import metric_sections
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document
from ilora.scarcity.schemas import SCARCE_USERS

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "How much accuracy each method loses when it is trained on few users."
_HEADERS = ("Share", "Training users", "Draws of them", "Value", "Difference from all", "Intervals over")


def scarce_users_to_html(scarcity: pa.Table) -> str:
    """Return a table of schema `ilora.scarcity.schemas.SCARCE_USERS`, of one data set, as a page."""
    rows = scarcity.to_pylist()
    first = rows[0]
    notes = [
        f"The same {first['users']} test users and {first['draws']} candidate sets each for every share; none of them "
        f"is trained on. Brackets are {100 * first['confidence']:.0f} % intervals.",
        "Of one draw of the training users, a smaller share is part of every larger one. With several draws, a value "
        "is the mean over them.",
        "Whatever the share, a recommender takes about as many steps in an epoch, and training stops by the same "
        "validation users.",
    ]
    return html_page(
        f"{dataset_label(first['dataset'])}: few training users",
        _LEAD,
        metric_sections(_HEADERS, rows, _cells),
        notes,
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    numbers = [number_with_interval(row, name, 4) for name in ("value", "difference")]
    return [f"{row['share']} %", str(row["training_users"]), str(row["draws_of_users"]), *numbers, row["covers"]]


def _caption(study: Study, wildcards: Wildcards) -> str:
    shares = ", ".join(map(str, sorted(study.config.scarcity.shares)))
    seeds = captions.chosen_seeds(study.targets.scarcity.seeds_of_shares)
    return f"Every method on {wildcards['dataset']}, trained on {shares} % of the training users, {seeds}."


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    scarcity = read_table(given.inputs["scarcity"], SCARCE_USERS)
    return {"parquet": scarcity, "html": scarce_users_to_html(scarcity)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/scarce_users",
    formats=("parquet", "html"),
    inputs=lambda study: {"scarcity": study.layout.scarce_users},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "few training users", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_shares(),
    make=_make,
)
