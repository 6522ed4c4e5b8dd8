"""Error analysis of the answers, as tables for the report and for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.layout import TABLES
from ilora.plotting.breakdowns import select_breakdowns
from ilora.plotting.html_page import html_page, html_table, paragraph, section
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.latex_table import Row, latex_table
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

#: Breakdowns of ERROR_ANALYSIS: title, meaning of the groups, and meaning of the values.
BREAKDOWNS = {
    "answer_category": ("What the answers are", "Answer", "Share of all answers, for methods that write text."),
    "target_place": (
        "Position bias",
        "Place of the target",
        "HitRatio@1 by the target's place in the candidate set. The sets are shuffled, so the place only matters to "
        "methods that read them in order.",
    ),
    "history_length": ("Length of the history", "Items", "HitRatio@1 by the number of items in the history."),
    "target_popularity": (
        "Popularity of the target",
        "Training interactions",
        "HitRatio@1 by the number of interactions with the target in the training split; 0 are cold items.",
    ),
    "popularity_bias": (
        "Popularity bias",
        "Item",
        "Mean rank of an item in its candidate set by popularity, from 0 (least popular) to 1 (most popular). A method "
        "without bias chooses items that are as popular as the targets.",
    ),
}

NOTES = (
    "Test answers; mean over the trainings of a method. n is the number of users with an answer in the group, and "
    "brackets are intervals over these users and, where there are several, trainings. Groups with few users say "
    "little.",
)

_LEAD = (
    "Which kinds of wrong answers each method gives, and whether its hits depend on the target's place among the "
    "candidates, on the length of the history, or on popularity."
)
_NOTHING = "–"
_Cells = Mapping[tuple[str, str], Mapping[str, float | int]]


def errors_to_html(title: str, drawn: pa.Table, confidence: float) -> str:
    """Return the tables as one page: a section for each breakdown, a column for each method.

    Args:
        title: title of the page.
        drawn: of the schema `ilora.plotting.breakdowns.DRAWN`.
        confidence: confidence level of the intervals.
    """
    sections = []
    for breakdown, (heading, groups, meaning) in BREAKDOWNS.items():
        cells = _cells(drawn, breakdown)
        if cells:
            methods = list(dict.fromkeys(method for _, method in cells))
            headers = (groups, *map(method_label, methods))
            table = html_table(headers, _rows(cells, methods, "\n"))
            sections.append(section(heading, paragraph(meaning), table))
    notes = (*NOTES, *_training_notes(drawn), f"Intervals are of {confidence:.0%} confidence.")
    return html_page(title, _LEAD, "".join(sections), notes)


def errors_to_latex(drawn: pa.Table, methods: Iterable[str]) -> str:
    """Return the tables of some methods as one `tabular`, a block for each breakdown.

    Args:
        drawn: of the schema `ilora.plotting.breakdowns.DRAWN`.
        methods: ids of the methods to show.
    """
    shown = [method for method in methods if method in drawn["method"].to_pylist()]
    rows: list[Row] = []
    for breakdown, (heading, groups, _) in BREAKDOWNS.items():
        cells = _cells(drawn, breakdown)
        rows += [f"{heading} ({groups.lower()})", *_rows(cells, shown, " ")] if cells else []
    return latex_table(("", *map(method_label, shown)), rows, (*NOTES, *_training_notes(drawn)))


def _training_notes(drawn: pa.Table) -> list[str]:
    """Return notes on the variation that the intervals of each method cover."""
    methods: dict[str, dict[str, None]] = {}
    for row in drawn.to_pylist():
        methods.setdefault(row["covers"], {})[method_label(row["method"])] = None
    return [f"Intervals over {covers}: {', '.join(names)}." for covers, names in methods.items()]


def _cells(drawn: pa.Table, breakdown: str) -> _Cells:
    """Return the rows of one breakdown by group and method, groups and methods in order."""
    rows = [row for row in drawn.to_pylist() if row["breakdown"] == breakdown]
    return {(row["group"], row["method"]): row for row in sorted(rows, key=lambda row: row["order"])}


def _rows(cells: _Cells, methods: Sequence[str], separator: str) -> list[list[str]]:
    groups = dict.fromkeys(group for group, _ in cells)
    return [[group, *(_cell(cells.get((group, method)), separator) for method in methods)] for group in groups]


def _cell(row: Mapping[str, float | int] | None, separator: str) -> str:
    if row is None:
        return _NOTHING
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]{separator}n = {row['n']}"


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {
        "backbone": study.backbone_id,
        "confidence": study.config.statistics.confidence,
        "methods": study.methods,
        "writing_methods": study.writing_methods,
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Where the test answers on {wildcards['dataset']} go wrong, for every method: {captions.answers(study)}, "
        f"backbone ``{study.backbone_id}``. Each number has its number of users n and its {captions.confidence(study)} "
        f"interval over {captions.covered(study)} (Wilson with one answer per user, otherwise the cluster bootstrap, "
        "BCa)."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    dataset, settings = given.wildcards["dataset"], given.settings
    analysis = read_table(given.inputs["analysis"], ERROR_ANALYSIS)
    shown = select_breakdowns(analysis, dataset, BREAKDOWNS, settings["methods"])
    title = f"Where the answers go wrong: {setting_label(dataset, settings['backbone'])}"
    return {
        "html": errors_to_html(title, shown, settings["confidence"]),
        "tex": errors_to_latex(shown, settings["writing_methods"]),
    }


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/error_analysis",
    formats=("html", "tex"),
    inputs=lambda study: {"analysis": study.layout.error_analysis},
    settings=_settings,
    caption=_caption,
    category="Answers",
    labels=lambda study: {
        "view": "where they go wrong, all methods",
        "data set": "{dataset}",
        "backbone": study.backbone_id,
    },
    make=_make,
)
