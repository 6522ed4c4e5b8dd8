"""HitRatio@1 over random splits of the users, compared with the study's own split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.layout import TABLES
from ilora.plotting.html_page import html_page, html_table
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.paper_reference import paper_value
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

_HEADERS = ("Method", "Splits", "Mean", "Standard deviation", "Lowest", "Highest", "Own split", "Paper (reference)")
_LEAD = "How much HitRatio@1 depends on which users are tested, and whether the study's own split is a typical one."
_NOTHING = "–"


def split_summary_to_html(summary: pa.Table, own_split: str) -> str:
    """Return one data set's table of schema `ilora.random_splits.summary.SPLIT_SUMMARY` as a page.

    Args:
        summary: the table.
        own_split: name of the study's own split.
    """
    rows = summary.to_pylist()
    notes = [
        f"Own split: {own_split}; in parentheses, its distance from the mean of the random splits in standard "
        "deviations of one split. For a recommender, that deviation includes run-to-run variance.",
        "The paper's numbers are reference data.",
    ]
    return html_page(
        f"{dataset_label(rows[0]['dataset'])}: HitRatio@1 over random splits of the users",
        _LEAD,
        html_table(_HEADERS, [_cells(row) for row in rows]),
        notes,
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    paper = paper_value(row["dataset"], row["protocol"], row["method"])
    distance = row["own_in_deviations"]
    return [
        method_label(row["method"]),
        str(row["splits"]),
        *(f"{row[name]:.4f}" for name in ("mean", "standard_deviation", "lowest", "highest")),
        f"{row['own']:.4f}" + ("" if distance is None else f" ({distance:+.1f})"),
        _NOTHING if paper is None else f"{paper.hit_ratio:.4f}",
    ]


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"own_split": captions.own_split(study, wildcards["dataset"])}


def _caption(study: Study, wildcards: Wildcards) -> str:
    dataset, number = wildcards["dataset"], study.config.random_splits.number
    return (
        f"How much HitRatio@1 on {dataset} depends on which users are tested: {number} random splits, and "
        f"{captions.own_split(study, dataset)}. Protocol {study.config.protocol}, {study.config.data.draws} candidate "
        "sets for each user."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    from ilora.random_splits.hits import SPLIT_HITS
    from ilora.random_splits.summary import summarise_splits

    summary = summarise_splits(read_table(given.inputs["splits"], SPLIT_HITS))
    return {"parquet": summary, "html": split_summary_to_html(summary, given.settings["own_split"])}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/random_splits",
    formats=("parquet", "html"),
    inputs=lambda study: {"splits": study.targets.random_splits.table()},
    settings=_settings,
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "random splits", "data set": "{dataset}", "backbone": "none"},
    wildcards=lambda study: study.targets.random_splits.each_dataset(),
    make=_make,
)
