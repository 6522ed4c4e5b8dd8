"""Table 1 as Markdown, LaTeX, CSV, HTML and terminal text."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from ilora.evaluation.metrics import METRICS, metric_label
from ilora.evaluation.variation import Variation
from ilora.plotting.html_page import html_page, html_table
from ilora.plotting.labels import NO_BACKBONE, dataset_label, method_label, p_value
from ilora.plotting.latex_table import latex_table
from ilora.tables.table1.rows import HIT_OVER_VALID_TEST, HIT_TEST, HIT_VAL, VALID_TEST, TableColumn

NOTHING = "–"

#: Mark of a paper's number that no count of hits gives, and its meaning.
NO_COUNT_MARK, NO_COUNT = "†", "no count of hits gives this value"

_SPLITS = {"test": "test", "val": "validation", "val_test": "validation and test"}
_LINE = "\n"
_LEAD = (
    "How often each method chooses the right item among the candidates, how often its answer is a candidate at all, "
    "and whether the paper's numbers are reproduced."
)

Row = Mapping[str, Any]
Cell = Callable[[Row], str]


def to_markdown(table: pa.Table, notes: Iterable[str]) -> str:
    """Return the table as Markdown, with the notes as a list below it.

    Args:
        table: of the TABLE1 schema.
        notes: from `ilora.tables.table1.notes.table_notes`.
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in _full_cells(table)]
    body = tabulate(cells, headers=list(_FULL), tablefmt="github", disable_numparse=True)
    return body + "\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def to_latex(table: pa.Table, notes: Iterable[str]) -> str:
    """Return the main columns as a `tabular` of the package booktabs, narrow enough for a paper's column.

    Rows are grouped by data set and backbone; the notes precede the table as comments. The text is escaped ASCII, so it
    compiles with every engine and input encoding.
    """
    models = " ".join(dict.fromkeys(filter(None, map(_model_of_paper, table.to_pylist()))))
    reference = "Paper: HitRatio@1, reference data" + (f", * {models}" if models else "")
    if False in table["paper_is_count"].to_pylist():
        reference += f", {NO_COUNT_MARK} {NO_COUNT}"
    return latex_table(list(_COLUMN), [*_grouped_cells(table, _COLUMN), reference], notes)


def to_csv(table: pa.Table) -> str:
    """Return every column of the table as comma-separated values, unrounded, with empty cells for nulls."""
    return table.to_pandas(integer_object_nulls=True).to_csv(index=False, lineterminator="\n")


def to_html(table: pa.Table, notes: Iterable[str], details: Iterable[str] = ()) -> str:
    """Return the table as one self-contained HTML page.

    Rows are grouped by data set and backbone, and the paper's numbers follow ours.

    Args:
        table: of the TABLE1 schema.
        notes: from `ilora.tables.table1.notes.main_notes`.
        details: from `ilora.tables.table1.notes.detailed_notes`; folded until a reader opens them.
    """
    return html_page("Table 1", _LEAD, html_table(list(_PAGE), _grouped_cells(table, _PAGE)), notes, details)


def to_terminal(table: pa.Table) -> str:
    """Return the main columns as plain text for a terminal of 80 columns, grouped by data set and backbone."""
    parts = list(_grouped_cells(table, _COMPACT))
    cells = [part for part in parts if not isinstance(part, str)]
    # The header as a row: `tabulate` would make each column at least two characters wider than its header.
    header, *lines = tabulate([[*_COMPACT], *cells], tablefmt="plain", disable_numparse=True).splitlines()
    rows = iter(lines)
    return "\n".join([header, *(f"\n{part}" if isinstance(part, str) else next(rows) for part in parts)])


def _full_cells(table: pa.Table) -> Sequence[list[str]]:
    return [[cell(row) for cell in _FULL.values()] for row in table.to_pylist()]


def _grouped_cells(table: pa.Table, columns: Mapping[str, Cell]) -> Iterator[str | list[str]]:
    """Yield a heading for each data set and backbone, followed by the cells of its rows."""
    for (dataset, backbone), rows in groupby(table.to_pylist(), lambda row: (row["dataset"], row["backbone"])):
        yield dataset_label(dataset) if backbone == NO_BACKBONE else f"{dataset_label(dataset)}, {backbone}"
        for row in rows:
            yield [cell(row) for cell in columns.values()]


def _text(name: str) -> Cell:
    return lambda row: NOTHING if row[name] is None else str(row[name])


def _plain(name: str) -> Cell:
    return lambda row: NOTHING if row[name] is None else f"{row[name]:.4f}"


def _trainings(row: Row) -> str:
    """Return how often the method was trained; a dash if it is not trained or was not run."""
    if row["covers"] in (None, Variation.USERS):
        return NOTHING
    return "once" if row["seeds"] == 1 else f"{row['seeds']} times"


def _value(column: TableColumn, digits: int = 3) -> Cell:
    return lambda row: NOTHING if row[column.name] is None else f"{row[column.name]:.{digits}f}"


def _value_with_interval(column: TableColumn, spread_over_seeds: bool = True) -> Cell:
    def cell(row: Row) -> str:
        if row[column.name] is None:
            return row["status"] if column == HIT_TEST and row["status"] else NOTHING
        sd = row[f"{column.name}_sd"] if spread_over_seeds else None
        spread = "" if sd is None else f" ± {sd:.3f}"
        low, high = row[f"{column.name}_low"], row[f"{column.name}_high"]
        return f"{row[column.name]:.3f}{spread} [{low:.3f}, {high:.3f}]"

    return cell


def _difference(row: Row) -> str:
    if row["difference"] is None:
        return NOTHING
    low, high = row["difference_low"], row["difference_high"]
    return f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}], {p_value(row['p_holm'])}"


def _in_lines(cell: Cell) -> Cell:
    """Put the interval of a cell, and what follows it, on separate lines."""
    return lambda row: cell(row).replace(" [", "\n[").replace("], ", "]\n")


def _percent(name: str) -> Cell:
    return lambda row: NOTHING if row[name] is None else f"{row[name]:+.1f} %"


def _paper_hit_ratio(row: Row) -> str:
    return _plain("paper_hit_ratio@1")(row) + (NO_COUNT_MARK if row["paper_is_count"] is False else "")


def _verdict(row: Row) -> str:
    """Return the verdict, and a remark if no count of hits gives the paper's value."""
    remarks = [row["verdict"], NO_COUNT if row["paper_is_count"] is False else None]
    return "; ".join(filter(None, remarks)) or NOTHING


def _short_verdict(row: Row) -> str:
    return NOTHING if row["verdict"] is None else str(row["verdict"]).removeprefix("not comparable: ")


def _below_method(row: Row) -> str:
    return "" if _trainings(row) == NOTHING else f"\ntrained {_trainings(row)}"


def _model_of_paper(row: Row) -> str:
    """Return the language model behind the paper's number in brackets; an empty text without one."""
    return str(row["paper_backbone"] or "").removeprefix("paper").strip()


#: The shown columns of the metrics, in order.
_SHOWN = {
    TableColumn(metric.name, column.split): (metric, column)
    for metric in METRICS
    for column in metric.columns
    if column.shows != "nothing"
}


def _wide(column: TableColumn) -> dict[str, Cell]:
    """Return header and cells of a metric's column, each on one line."""
    metric, declared = _SHOWN[column]
    cell = _value(column) if declared.shows == "value" else _value_with_interval(column)
    return {f"{metric.label} ({_SPLITS[column.split]})": cell}


def _narrow(column: TableColumn) -> dict[str, Cell]:
    """Return header and cells of a metric's column, each on several lines."""
    metric, _ = _SHOWN[column]
    (cell,) = _wide(column).values()
    return {f"{metric.heading}{', ' if _LINE in metric.heading else _LINE}{_SPLITS[column.split]}": _in_lines(cell)}


def _joined(parts: Iterable[Mapping[str, Cell]]) -> dict[str, Cell]:
    return {head: cell for part in parts for head, cell in part.items()}


_FULL: dict[str, Cell] = {
    "Dataset": lambda row: dataset_label(row["dataset"]),
    "Backbone": _text("backbone"),
    "Method": lambda row: method_label(row["method"]),
    "Trained": _trainings,
    "Brackets over": _text("covers"),
    **_joined(map(_wide, _SHOWN)),
    "iLoRA minus it (test)": _difference,
    "iLoRA's Imp.%": _percent("improvement"),
    "Paper HitRatio@1": _paper_hit_ratio,
    "Paper ValidRatio": _plain("paper_valid_ratio"),
    "Paper's Imp.%": _percent("paper_improvement"),
    "Paper's number from": _text("paper_backbone"),
    "Verdict": _verdict,
}


# The paper's two metrics come first, next to its numbers, then the other counts of hits.
_PLACED = (HIT_TEST, VALID_TEST, HIT_OVER_VALID_TEST, HIT_VAL)

_PAGE: dict[str, Cell] = {
    "Method": lambda row: method_label(row["method"]) + _below_method(row),
    **_narrow(HIT_TEST),
    "Paper": lambda row: f"{_paper_hit_ratio(row)}\n{_model_of_paper(row)}".rstrip(),
    "Verdict": lambda row: _verdict(row).replace(": ", ":\n").replace("; ", ";\n"),
    **_narrow(VALID_TEST),
    "Paper's\nValidRatio": _FULL["Paper ValidRatio"],
    **_narrow(HIT_OVER_VALID_TEST),
    **_narrow(HIT_VAL),
    **_joined(_narrow(column) for column in _SHOWN if column not in _PLACED),
    "iLoRA minus it\ntest": _in_lines(_difference),
    "iLoRA's\nImp.%": lambda row: _percent("improvement")(row).replace(" ", "\N{NO-BREAK SPACE}"),
    "Paper's\nImp.%": lambda row: _percent("paper_improvement")(row).replace(" ", "\N{NO-BREAK SPACE}"),
}

_COMPACT: dict[str, Cell] = {
    "Method": _FULL["Method"],
    "runs": lambda row: NOTHING if _trainings(row) == NOTHING else str(row["seeds"]),
    f"{metric_label(HIT_TEST.metric)} test": _value_with_interval(HIT_TEST, spread_over_seeds=False),
    "val.": _value(HIT_VAL),
    "valid": _value(VALID_TEST),
    "paper": _FULL["Paper HitRatio@1"],
    "verdict": _short_verdict,
}

_COLUMN: dict[str, Cell] = {
    "Method": _FULL["Method"],
    "Trained": _trainings,
    metric_label(HIT_TEST.metric): _value_with_interval(HIT_TEST, spread_over_seeds=False),
    metric_label(VALID_TEST.metric): _value(VALID_TEST),
    "Paper": lambda row: _paper_hit_ratio(row) + ("*" if _model_of_paper(row) else ""),
}
