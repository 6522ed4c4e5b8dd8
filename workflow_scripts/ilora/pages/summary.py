"""The findings of a study on one page: each question with its answer and interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import DIFFERENCES
from ilora.layout import REPORT
from ilora.plotting.html_page import html_page, paragraph, section
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.paper_reference import paper_value
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.findings import UNIFORM_LORA, difference_statement, headline
from ilora.tables.table1 import DOCUMENT as TABLE1_FILES

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "What this study found: three questions, each with its answer and the numbers behind it."
_NOTES = (
    "A difference is demonstrated if its test is significant after Holm's correction and every method in it that is "
    "trained was trained more than once. Otherwise nothing is claimed, whatever the value.",
    "Every number is in Table 1 and in the table of differences, with the notes on how it was computed.",
)
_SPLITS = ("test", "val_test")
_NO_VERDICT = "The paper prints no numbers for the methods and data of this study."


def summary_page(title: str, table: pa.Table, differences: pa.Table, encoder: str) -> str:
    """Return the page.

    Args:
        title: title of the page.
        table: of the schema `ilora.tables.table1.rows.TABLE1`.
        differences: of the schema `ilora.evaluation.schemas.DIFFERENCES`.
        encoder: id of the recommender whose vectors the language model reads.
    """
    compared = differences.to_pylist()
    body = [
        section("Is instance-wise LoRA ahead of uniform LoRA?", _compared(compared, UNIFORM_LORA)),
        section(
            f"Is the tuned language model ahead of {method_label(encoder)}, whose vectors it reads?",
            _compared(compared, encoder),
        ),
        section("Are the paper's numbers reproduced?", _judged(table.to_pylist())),
    ]
    return html_page(title, _LEAD, "".join(body), _NOTES)


def _compared(differences: Iterable[Mapping[str, Any]], second: str) -> str:
    rows = [row for row in differences if row["second"] == second and row["split"] in _SPLITS]
    if not rows:
        return paragraph(f"This study does not compare them: it needs the methods ilora and {second}.")
    rows.sort(key=lambda row: _SPLITS.index(row["split"]))
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        of_dataset = [row for row in rows if row["dataset"] == dataset]
        parts.append(_finding(headline(of_dataset[0]), map(difference_statement, of_dataset)))
    return "".join(parts)


def _judged(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the verdicts on the paper's numbers, a paragraph for each kind of verdict."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] and row["status"] is None:
            found.setdefault(row["verdict"], []).append(_beside_the_papers(row))
    if not found:
        return paragraph(_NO_VERDICT)
    return "".join(
        _finding(f"{verdict[0].upper()}{verdict[1:]}: {len(cells)} of {sum(map(len, found.values()))}.", cells)
        for verdict, cells in found.items()
    )


def _beside_the_papers(row: Mapping[str, Any]) -> str:
    paper = paper_value(row["dataset"], row["protocol"], row["method"])
    assert paper is not None  # it has a verdict
    value, low, high = (row[f"{paper.metric}_test{end}"] for end in ("", "_low", "_high"))
    return (
        f"{method_label(row['method'])} on {dataset_label(row['dataset'])} {value:.3f} [{low:.3f}, {high:.3f}], the "
        f"paper's {paper.hit_ratio:.4f}"
    )


def _finding(answer: str, numbers: Iterable[str]) -> str:
    listed = "".join(f"<li>{escape(text)}</li>\n" for text in numbers)
    return f"<p><strong>{escape(answer)}</strong></p>\n<ul>\n{listed}</ul>\n"


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"study": study.config.study, "encoder": study.config.recommenders.sequence_encoder}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "Whether instance-wise LoRA is ahead of uniform LoRA, whether the language model is ahead of the recommender "
        "that it reads, and whether the paper's numbers are reproduced. Each answer is in bold, with its numbers after "
        f"it; brackets are {captions.confidence(study)} intervals over {captions.covered(study)}."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    from ilora.tables.table1.rows import TABLE1

    table, differences = read_table(given.inputs["table"], TABLE1), read_table(given.inputs["differences"], DIFFERENCES)
    title = f"Findings of the study {given.settings['study']}"
    return {"html": summary_page(title, table, differences, given.settings["encoder"])}


DOCUMENT = Document(
    folder=REPORT,
    path="summary",
    formats=("html",),
    inputs=lambda study: {"table": TABLE1_FILES.file(study, "parquet"), "differences": study.layout.differences},
    settings=_settings,
    caption=_caption,
    category="Findings",
    labels=lambda study: {"page": "summary"},
    wildcards=of_the_study,
    make=_make,
)
