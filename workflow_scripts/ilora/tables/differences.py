"""Pairwise differences between iLoRA and the other methods, as a table for the report and for a paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import DIFFERENCES, POWER
from ilora.evaluation.variation import Variation
from ilora.layout import TABLES
from ilora.plotting.html_page import html_page, html_table
from ilora.plotting.labels import dataset_label, method_label, p_value
from ilora.plotting.latex_table import Row, latex_table
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

_SPLITS = {"test": "test users", "val": "validation users", "val_test": "validation and test users together"}
_LEAD = "Which methods iLoRA is ahead of or behind on the same users, and how large a difference would have been found."
_NOTHING = "–"
_Cell = Callable[[Mapping[str, Any]], str]


def differences_to_html(differences: pa.Table) -> str:
    """Return a table of the schema `ilora.evaluation.schemas.DIFFERENCES` as one page, with notes."""
    return html_page(
        "Differences between methods", _LEAD, html_table(list(_COLUMNS), _rows(differences)), _notes(differences)
    )


def differences_to_latex(differences: pa.Table) -> str:
    """Return a table of the schema `ilora.evaluation.schemas.DIFFERENCES` as a `tabular`, with notes above it."""
    return latex_table(list(_COLUMNS), _rows(differences), _notes(differences))


def _rows(differences: pa.Table) -> list[Row]:
    blocks: dict[str, list[Row]] = {}
    for row in sorted(differences.to_pylist(), key=lambda row: list(_SPLITS).index(row["split"])):
        blocks.setdefault(_heading(row), []).append([cell(row) for cell in _COLUMNS.values()])
    return [row for heading, rows in blocks.items() for row in (heading, *rows)]


def _heading(row: Mapping[str, Any]) -> str:
    return f"{dataset_label(row['dataset'])}, {row['n']} {_SPLITS[row['split']]}: {method_label(row['first'])} minus"


def _notes(differences: pa.Table) -> list[str]:
    rows = differences.to_pylist()
    if not rows:
        return ["The study does not include the method that the others are compared with."]
    first = rows[0]
    return [
        f"Differences in HitRatio@1 on the same candidate sets, paired by user; brackets are {first['confidence']:.0%} "
        "intervals over the variation in the column Over. Trainings of one seed are paired, too. With one training, an "
        "interval does not cover run-to-run variance.",
        "p: exact sign-flip test over users (with one answer per user, McNemar's exact test), Holm-corrected over the "
        f"{first['comparisons']} comparisons of a split. With several trainings, p accounts for them as the "
        "interval does.",
        f"Detectable: the smallest true difference that one such test detects with {POWER:.0%} power, and the smallest "
        f"that the strictest of the {first['comparisons']} tests detects. A smaller difference may exist without being "
        "demonstrated.",
        "Ahead: number of users with more hits by one method than by the other, over candidate sets and trainings.",
    ]


def _number_of(p: float) -> str:
    """Return a p-value without its letter, which is in the column header."""
    return p_value(p).removeprefix("p ").removeprefix("= ")


def _detectable(row: Mapping[str, Any]) -> str:
    found = row["minimum_detectable"], row["minimum_detectable_holm"]
    return ", ".join(_NOTHING if value is None else f"{value:.3f}" for value in found)


_COLUMNS: dict[str, _Cell] = {
    "Method": lambda row: method_label(row["second"]),
    "Difference": lambda row: f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]",
    "Over": lambda row: str(row["covers"]),
    "p": lambda row: _number_of(row["p"]),
    "p, corrected": lambda row: _number_of(row["p_holm"]),
    "Detectable": _detectable,
    "Ahead": lambda row: f"{row['first_ahead']} : {row['second_ahead']}",
    "Trainings": lambda row: _NOTHING if row["covers"] == Variation.USERS else str(row["seeds"]),
}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "Which methods iLoRA is ahead of or behind: HitRatio@1 of iLoRA minus that of every other method, paired by "
        f"user on the same candidate sets. Data sets {', '.join(study.config.datasets)}, {captions.answers(study)}, "
        f"backbone ``{study.backbone_id}``. Brackets are {captions.confidence(study)} intervals over "
        f"{captions.covered(study)}; the table has the number of users, and its notes describe the tests."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    differences = read_table(given.inputs["differences"], DIFFERENCES)
    return {"html": differences_to_html(differences), "tex": differences_to_latex(differences)}


DOCUMENT = Document(
    folder=TABLES,
    path="differences",
    formats=("html", "tex"),
    inputs=lambda study: {"differences": study.layout.differences},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "differences", "data set": "all", "backbone": study.backbone_id},
    wildcards=of_the_study,
    make=_make,
)
