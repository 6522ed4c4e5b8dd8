"""Metrics of every method by number of items of each user withheld from training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.drift.schemas import GAP_DRIFT
from ilora.layout import TABLES
from ilora.plotting.estimates import number_with_interval
from ilora.plotting.html_page import Row, html_page, html_table, section
from ilora.plotting.labels import dataset_label, method_label
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "How much each method loses when the latest items of every user are withheld from its training."
_HEADERS = ("Withheld", "Last item", "First withheld item", "Drop against 0 withheld, %", "Drop within a training, %")


def gap_drift_to_html(drift: pa.Table) -> str:
    """Return one data set's table of schema `ilora.drift.schemas.GAP_DRIFT` as a page."""
    from ilora.evaluation.metrics import metric_label  # slow, and declarations are read whenever Snakemake plans

    rows = drift.to_pylist()
    first = rows[0]
    notes = [
        f"The same {first['users']} users at every gap, {first['draws']} candidate sets each; brackets are "
        f"{100 * first['confidence']:.0f} % intervals over the variation in each method's heading.",
        "Withheld: items before a user's last one that training does not see; the tested history includes them.",
        "Drop against 0 withheld: compared with a training that saw all items, on the same targets, histories and "
        "candidate sets. Drop within a training: last item compared with first withheld item, which are different "
        "targets (CaseQ's drop).",
    ]
    return html_page(
        f"{dataset_label(first['dataset'])}: items withheld from training",
        _LEAD,
        "".join(
            section(metric_label(metric), html_table(_HEADERS, _lines(row for row in rows if row["metric"] == metric)))
            for metric in dict.fromkeys(row["metric"] for row in rows)
        ),
        notes,
    )


def _lines(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    lines: list[Row] = []
    for row in rows:
        heading = f"{method_label(row['method'])}: {row['seeds']} run{'s' * (row['seeds'] > 1)}; over {row['covers']}"
        if heading not in lines:
            lines.append(heading)
        numbers = [number_with_interval(row, name, 4) for name in ("value", "without_gap")]
        drops = [number_with_interval(row, name, 1) for name in ("drop", "drop_within")]
        lines.append([str(row["gap"]), *numbers, *drops])
    return lines


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"How much each method loses on {wildcards['dataset']} with 0 to {max(study.config.drift.gaps)} items of each "
        f"user withheld from training (protocol gap; with none withheld, protocol chronological), "
        f"{captions.seeds(study)}. Brackets are {captions.confidence(study)} intervals."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    drift = read_table(given.inputs["drift"], GAP_DRIFT)
    return {"parquet": drift, "html": gap_drift_to_html(drift)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/gap_drift",
    formats=("parquet", "html"),
    inputs=lambda study: {"drift": study.layout.gap_drift},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "items withheld", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.drift.with_gaps(),
    make=_make,
)
