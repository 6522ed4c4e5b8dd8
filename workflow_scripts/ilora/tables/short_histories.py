"""The accuracy of each method by the length of the test users' histories."""

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
from ilora.scarcity.schemas import SHORT_HISTORIES

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "How much accuracy each method loses on users with a short history."
_HEADERS = ("Items of history", "Value", "Difference from whole histories", "Intervals over")


def short_histories_to_html(scarcity: pa.Table) -> str:
    """Return a table of schema `ilora.scarcity.schemas.SHORT_HISTORIES`, of one data set, as a page."""
    rows = scarcity.to_pylist()
    first = rows[0]
    longest = max(row["length"] for row in rows)
    notes = [
        f"The same {first['users']} test users and {first['draws']} candidate sets each at every length: those with "
        f"{longest} items of history ({first['users_left_out']} test users have fewer). Brackets are "
        f"{100 * first['confidence']:.0f} % intervals.",
        "Methods are trained once, with whole histories; only the histories that they answer are cut.",
    ]
    return html_page(
        f"{dataset_label(first['dataset'])}: short histories",
        _LEAD,
        metric_sections(_HEADERS, rows, _cells),
        notes,
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    numbers = [number_with_interval(row, name, 4) for name in ("value", "difference")]
    return [str(row["length"]), *numbers, row["covers"]]


def _caption(study: Study, wildcards: Wildcards) -> str:
    longest = study.targets.scarcity.longest
    return (
        f"Every method on {wildcards['dataset']} with test histories cut to 1 to {longest} items, by the same "
        f"trainings, {captions.seeds(study)}."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    scarcity = read_table(given.inputs["scarcity"], SHORT_HISTORIES)
    return {"parquet": scarcity, "html": short_histories_to_html(scarcity)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/short_histories",
    formats=("parquet", "html"),
    inputs=lambda study: {"scarcity": study.layout.short_histories},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "short histories", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_lengths(),
    make=_make,
)
