"""The accuracy of each method by the number of training interactions with the target."""

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
from ilora.scarcity.schemas import RARE_ITEMS

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "How well each method finds targets that training has seen rarely."
_HEADERS = ("Training interactions", "Users", "Value", "Intervals over")


def rare_items_to_html(scarcity: pa.Table) -> str:
    """Return a table of schema `ilora.scarcity.schemas.RARE_ITEMS`, of one data set, as a page."""
    rows = scarcity.to_pylist()
    first = rows[0]
    notes = [
        f"Test users by the number of interactions with their target in the training split, {first['draws']} candidate "
        f"sets each. Brackets are {100 * first['confidence']:.0f} % intervals. Groups have different users.",
        "The other candidates are drawn from all items: a frequent target stands among rarer ones, a rare target among "
        "more frequent ones.",
    ]
    return html_page(
        f"{dataset_label(first['dataset'])}: rare items",
        _LEAD,
        metric_sections(_HEADERS, rows, _cells),
        notes,
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [row["group"], str(row["users"]), number_with_interval(row, "value", 4), row["covers"]]


def _caption(study: Study, wildcards: Wildcards) -> str:
    seeds = captions.seeds(study)
    return f"Every method on {wildcards['dataset']} by the number of training interactions with the target, {seeds}."


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    scarcity = read_table(given.inputs["scarcity"], RARE_ITEMS)
    return {"parquet": scarcity, "html": rare_items_to_html(scarcity)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/rare_items",
    formats=("parquet", "html"),
    inputs=lambda study: {"scarcity": study.layout.rare_items},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "rare items", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_floors(),
    make=_make,
)
