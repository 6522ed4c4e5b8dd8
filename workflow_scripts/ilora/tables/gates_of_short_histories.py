"""What every gate does by the length of the history, and where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.layout import TABLES
from ilora.plotting.estimates import number_with_interval
from ilora.plotting.html_page import html_page, section
from ilora.plotting.labels import dataset_label
from ilora.plotting.method_tables import method_table
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document
from ilora.scarcity.schemas import GATES_OF_SHORT_HISTORIES, HISTORY, MEAN, ZERO

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = (
    "What the gate does when it has little to read: how equal the experts' weights are, and how far "
    "from those of whole histories."
)
_HEADERS = ("The gate reads", "Value", "Intervals over")
_COLD = {ZERO: "zeros, for no history", MEAN: "the mean training sequence, for no history"}
_QUANTITIES = {
    "entropy": "Entropy of the expert weights",
    "distance_from_mean": "Distance from the mean weights of whole histories",
    "distance_from_peers": "Distance from the mean weights of histories of the same length",
    "distance_from_whole": "Distance from the weights of the same user's whole history",
}


def gates_of_short_histories_to_html(scarcity: pa.Table) -> str:
    """Return a table of schema `ilora.scarcity.schemas.GATES_OF_SHORT_HISTORIES`, of one data set, as a page."""
    rows = scarcity.to_pylist()
    users = max(row["users"] for row in rows)
    notes = [
        f"Means over the same {users} test users at every length: those with the longest histories. Brackets are "
        f"{100 * rows[0]['confidence']:.0f} % intervals; where no history is read, each training has one number.",
        "Entropy is 1 for equal weights and 0 for one expert. Distances are total variation: 0 for the same weights, 1 "
        "for none in common.",
    ]
    return html_page(
        f"{dataset_label(rows[0]['dataset'])}: gates of short histories",
        _LEAD,
        "".join(
            section(title, method_table(_HEADERS, [row for row in rows if row["quantity"] == name], _cells))
            for name, title in _QUANTITIES.items()
        ),
        notes,
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    length = row["length"]
    read = f"{length} item{'s' * (length != 1)}" if row["read"] == HISTORY else _COLD[row["read"]]
    return [read, number_with_interval(row, "value", 4), row["covers"] if row["read"] == HISTORY else "–"]


def _caption(study: Study, wildcards: Wildcards) -> str:
    seeds = captions.seeds(study)
    return f"What the gate does on {wildcards['dataset']} with short histories and with none, {seeds}."


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    scarcity = read_table(given.inputs["scarcity"], GATES_OF_SHORT_HISTORIES)
    return {"parquet": scarcity, "html": gates_of_short_histories_to_html(scarcity)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/gates_of_short_histories",
    formats=("parquet", "html"),
    inputs=lambda study: {"scarcity": study.layout.gates_of_short_histories},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "gates, short histories", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.scarcity.with_gates(),
    make=_make,
)
