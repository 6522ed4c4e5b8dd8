"""Metrics of every method over periods of a global clock, by time of training, and the size of each period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.data.periods import PERIODS
from ilora.drift.schemas import PERIOD_DRIFT
from ilora.layout import TABLES
from ilora.plotting.estimates import number_with_interval
from ilora.plotting.html_page import Row, html_page, html_table, section
from ilora.plotting.labels import dataset_label, method_label
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "How each method ages over time, and what training it again before each period gains."
_HEADERS = ("Period", "Trained before period", "Users", "Value", "Drop against period 1, %", "Gain over one training")
_OF_PERIODS = ("Period", "Begins at time", "Interactions", "With known items", "Users", "New users")


def period_drift_to_html(drift: pa.Table, periods: pa.Table) -> str:
    """Return one data set's tables as a page.

    Args:
        drift: table of schema `ilora.drift.schemas.PERIOD_DRIFT`.
        periods: table of schema `ilora.data.periods.PERIODS`, of the same periods.
    """
    from ilora.evaluation.metrics import metric_label  # slow, and declarations are read whenever Snakemake plans

    rows = drift.to_pylist()
    first = rows[0]
    parts = [
        section(metric_label(metric), html_table(_HEADERS, _lines(row for row in rows if row["metric"] == metric)))
        for metric in dict.fromkeys(row["metric"] for row in rows)
    ]
    described = html_table(_OF_PERIODS, [_period(row) for row in periods.to_pylist()])
    notes = [
        f"{first['draws']} candidate sets for each user, of items known before period 1; brackets are "
        f"{100 * first['confidence']:.0f} % intervals over the variation in each method's heading.",
        "Drop against period 1, of the training before period 1. Periods have different users, so a drop is partly due "
        "to them. A negative drop is a rise.",
        "Gain over one training: compared with the training before period 1, on the same users, targets and sets.",
        "Known items occur before period 1. Interactions with other items are excluded from histories, targets and "
        "candidate sets.",
        "New users have no interactions before period 1.",
    ]
    title = f"{dataset_label(first['dataset'])}: periods of a global clock"
    return html_page(title, _LEAD, "".join([*parts, section("The periods", described)]), notes)


def _lines(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    lines: list[Row] = []
    for row in rows:
        heading = f"{method_label(row['method'])}: {row['seeds']} run{'s' * (row['seeds'] > 1)}; over {row['covers']}"
        if heading not in lines:
            lines.append(heading)
        lines.append(
            [
                *(str(row[name]) for name in ("period", "trained_before", "users")),
                number_with_interval(row, "value", 4),
                number_with_interval(row, "drop", 1),
                number_with_interval(row, "gain", 4),
            ]
        )
    return lines


def _period(row: Mapping[str, Any]) -> Sequence[str]:
    known = f"{row['of_known_items']} ({100 * row['of_known_items'] / row['interactions']:.1f} %)"
    return [str(row[name]) for name in ("period", "begins", "interactions")] + [
        known,
        str(row["users"]),
        str(row["new_users"]),
    ]


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"How each method ages on {wildcards['dataset']} over {study.config.drift.periods} periods of one clock for "
        f"all users (protocol rolling), trained before the period or before an earlier one, {captions.seeds(study)}. "
        f"Brackets are {captions.confidence(study)} intervals."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    drift = read_table(given.inputs["drift"], PERIOD_DRIFT)
    periods = read_table(given.inputs["periods"], PERIODS)
    return {"parquet": drift, "html": period_drift_to_html(drift, periods)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/period_drift",
    formats=("parquet", "html"),
    inputs=lambda study: {"drift": study.layout.period_drift, "periods": study.targets.drift.periods()},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "periods", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: study.targets.drift.with_periods(),
    make=_make,
)
