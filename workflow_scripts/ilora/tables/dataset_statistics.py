"""Data set statistics, with the papers' numbers and the differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tabulate import tabulate

from ilora.artifacts.parquet import read_table
from ilora.data.acquisition.source import DatasetSource
from ilora.data.statistics import DATASET_STATISTICS
from ilora.data.steps import PREPARATION_STEPS
from ilora.datasets.register import DATASETS
from ilora.layout import TABLES
from ilora.plotting.dataset_reference import paper_statistic
from ilora.plotting.html_page import html_page, html_table, section
from ilora.plotting.labels import dataset_label
from ilora.plotting.latex_table import latex_table
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.sources import of_each

if TYPE_CHECKING:
    from ilora.study.study import Study

#: A row for each data set and statistic. `paper` and `difference` are null where nothing is published.
DATASET_TABLE = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("statistic", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("paper", pa.float64()),
        pa.field("difference", pa.float64()),  # value - paper
    ]
)

NOTES = (
    "The paper's numbers are reference data: Table 1 of LLaRA (arXiv 2312.02445), whose data sets iLoRA uses,"
    " and the sizes of the released split files. For MovieLens and LastFM that table counts interactions that are not"
    " in the released files, so a difference there is the paper's own. For other data sets, the numbers are those that"
    " others publish for the complete data set, counting every rating.",
    "Users and sequences of a split are counted after windows with too short a history were dropped. Shared"
    " timestamps: share of interactions with the same time as another one of the user, which are ordered by the"
    " protocol's tie-breaking rule. Steps to a larger item id: share of consecutive interactions of a user in which the"
    " id grows; far from one half, the order of the ids is a pattern that a model can learn.",
)

_LEAD = "How large each data set is after preparation, and where that differs from what the papers print."
_NOTHING = "–"
_HEADERS = ("Data set", "Protocol", "Statistic", "Ours", "Paper (reference)", "Difference")
_STATISTICS = {
    "users": "users",
    "items": "items",
    "interactions": "interactions",
    "sparsity": "sparsity",
    "sequence_length_mean": "sequence length, mean",
    "sequence_length_min": "sequence length, minimum",
    "sequence_length_max": "sequence length, maximum",
    "shared_timestamps": "shared timestamps",
    "steps_to_larger_id": "steps to a larger item id",
    "users_train": "users, train",
    "sequences_train": "sequences, train",
    "users_val": "users, validation",
    "sequences_val": "sequences, validation",
    "users_test": "users, test",
    "sequences_test": "sequences, test",
}
_STEP_COUNTS = ("rows_in", "rows_out", "users_out", "items_out")
_STEP_HEADERS = ("Data set", "Step", "Interactions in", "Interactions out", "Users left", "Items left")
_SHARES = ("sparsity", "shared_timestamps", "steps_to_larger_id")
_MEANS = ("sequence_length_mean",)


def build_dataset_table(statistics: Iterable[pa.Table]) -> pa.Table:
    """Return the statistics of several data sets with the papers' numbers.

    Args:
        statistics: tables of schema `ilora.data.statistics.DATASET_STATISTICS`.

    Returns:
        A table of schema `DATASET_TABLE`, in the order of `statistics`.
    """
    rows = [_row(row) for table in statistics for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=DATASET_TABLE)


def to_markdown(table: pa.Table, steps: Mapping[str, pa.Table]) -> str:
    """Return the statistics, the preparation steps and notes as Markdown.

    Args:
        table: of schema `DATASET_TABLE`.
        steps: by data set, a table of schema `ilora.data.steps.PREPARATION_STEPS`.
    """
    notes = "\n".join(f"- {note}" for note in _notes(table))
    contents = ((_HEADERS, _cells(table)), (_STEP_HEADERS, _step_cells(steps)))
    tables = [tabulate(cells, headers, tablefmt="github", disable_numparse=True) for headers, cells in contents]
    return "\n\n".join([*tables, notes]) + "\n"


def to_latex(table: pa.Table) -> str:
    """Return a table of schema `DATASET_TABLE` as a `tabular` of the package booktabs, with notes as comments."""
    return latex_table(_HEADERS, _cells(table), _notes(table))


def to_html(table: pa.Table, steps: Mapping[str, pa.Table]) -> str:
    """Return an HTML page with the content of `to_markdown`."""
    body = (
        section("Sizes", html_table(_HEADERS, _cells(table))),
        section("What the preparation kept", html_table(_STEP_HEADERS, _step_cells(steps))),
    )
    return html_page("Data sets", _LEAD, "".join(body), _notes(table))


def to_csv(table: pa.Table) -> str:
    """Return a table of schema `DATASET_TABLE` as comma-separated values, unrounded, with empty cells for nulls."""
    return table.to_pandas().to_csv(index=False, lineterminator="\n")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    paper = paper_statistic(row["dataset"], row["protocol"], row["statistic"])
    return {**row, "paper": paper, "difference": None if paper is None else row["value"] - paper}


def _notes(table: pa.Table) -> list[str]:
    """Return the notes, and the terms of use and citations of each public data set."""
    datasets = [DATASETS[name] for name in dict.fromkeys(table["dataset"].to_pylist()) if name in DATASETS]
    return [*NOTES, *(_terms(dataset.label, dataset.source) for dataset in datasets if dataset.source)]


def _terms(label: str, source: DatasetSource) -> str:
    terms, citations = " ".join(source.terms), " ".join(source.citations)
    return f"{label}: {source.title}, {source.page}. {terms} Please cite: {citations}"


def _step_cells(steps: Mapping[str, pa.Table]) -> list[list[str]]:
    return [
        [dataset_label(dataset), row["step"], *(f"{row[count]:,}" for count in _STEP_COUNTS)]
        for dataset, table in steps.items()
        for row in table.to_pylist()
    ]


def _cells(table: pa.Table) -> list[list[str]]:
    return [
        [
            dataset_label(row["dataset"]),
            row["protocol"],
            _STATISTICS[row["statistic"]],
            _number(row["statistic"], row["value"]),
            _NOTHING if row["paper"] is None else _number(row["statistic"], row["paper"]),
            _difference(row["difference"]),
        ]
        for row in table.to_pylist()
    ]


def _number(statistic: str, value: float) -> str:
    if statistic in _SHARES:
        return f"{value:.2%}"
    return f"{value:.1f}" if statistic in _MEANS else f"{value:,.0f}"


def _difference(difference: float | None) -> str:
    """Return a difference of two counts; no paper publishes a share or a mean."""
    if difference is None:
        return _NOTHING
    return "none" if difference == 0 else f"{difference:+,.0f}"


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "How large each data set is under the protocol, what each step of the preparation left, and where that differs "
        "from the papers' numbers, which are reference data (arXiv 2312.02445, Table 1, and the released split files)."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    table = build_dataset_table(read_table(path, DATASET_STATISTICS) for path in given.inputs["statistics"])
    tables_of_steps = [read_table(path, PREPARATION_STEPS) for path in given.inputs["steps"]]
    steps = dict(zip(given.settings["datasets"], tables_of_steps, strict=True))
    return {
        "parquet": table,
        "csv": to_csv(table),
        "md": to_markdown(table, steps),
        "tex": to_latex(table),
        "html": to_html(table, steps),
    }


DOCUMENT = Document(
    folder=TABLES,
    path="dataset_statistics",
    formats=("parquet", "csv", "md", "tex", "html"),
    inputs=lambda study: {
        "statistics": of_each(study, study.layout.dataset_statistics),
        "steps": of_each(study, study.layout.preparation_steps),
    },
    settings=lambda study, wildcards: {"datasets": study.config.datasets},
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "data sets", "data set": "all", "backbone": "none"},
    wildcards=of_the_study,
    make=_make,
)
