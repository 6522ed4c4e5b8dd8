"""Table 1 as Markdown, LaTeX, CSV, HTML and terminal text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from ilora.plotting.labels import NO_BACKBONE, dataset_label, method_label
from ilora.plotting.table1 import (
    HIT_OVER_VALID_TEST,
    HIT_TEST,
    HIT_VAL,
    MRR_TEST,
    VALID_TEST,
    TableColumn,
)

NOTHING = "–"

Row = Mapping[str, Any]
Cell = Callable[[Row], str]


def to_markdown(table: pa.Table, notes: Iterable[str]) -> str:
    """Return the table as Markdown, with the notes as a list below it.

    Args:
        table: of the TABLE1 schema.
        notes: from `ilora.plotting.table_notes.table_notes`.
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in _full_cells(table)]
    body = tabulate(cells, headers=list(_FULL), tablefmt="github", disable_numparse=True)
    return body + "\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def to_latex(table: pa.Table, notes: Iterable[str]) -> str:
    """Return the main columns as a `tabular` of the package booktabs, narrow enough for a paper's column.

    Rows of one data set and backbone stand together under their names; the notes stand above as comments. The text is
    escaped, and ASCII, so that it compiles with every engine and input encoding.
    """
    width = len(_COLUMN)
    lines = [f"% {note}" for note in notes]
    lines += [rf"\begin{{tabular}}{{{'l' * width}}}", r"\toprule", " & ".join(_COLUMN) + r" \\"]
    for (dataset, backbone), rows in groupby(table.to_pylist(), lambda row: (row["dataset"], row["backbone"])):
        names = dataset_label(dataset) if backbone == NO_BACKBONE else f"{dataset_label(dataset)}, {backbone}"
        lines += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{\textit{{{_escape(names)}}}}} \\"]
        lines += [" & ".join(_escape(cell(row)) for cell in _COLUMN.values()) + r" \\" for row in rows]
    models = " ".join(dict.fromkeys(filter(None, map(_model_of_paper, table.to_pylist()))))
    reference = "Paper: HitRatio@1, reference data" + (f", * {models}" if models else "")
    lines += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{{_escape(reference)}}} \\"]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _escape(text: str) -> str:
    """Return text as LaTeX shows it literally; what is not ASCII is spelled out."""
    return "".join(_LATEX.get(character, character) for character in text)


def to_csv(table: pa.Table) -> str:
    """Return every column of the table as comma-separated values, unrounded; what is null is empty."""
    return table.to_pandas().to_csv(index=False, lineterminator="\n")


def to_html(table: pa.Table, notes: Iterable[str]) -> str:
    """Return the table as one HTML page that needs no other file, with the notes below it."""
    body = tabulate(_full_cells(table), headers=list(_FULL), tablefmt="html", disable_numparse=True)
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return _PAGE.format(body=body, notes=listed)


def to_terminal(table: pa.Table) -> str:
    """Return the main columns as plain text, about a hundred characters wide."""
    cells = [[cell(row) for cell in _COMPACT.values()] for row in table.to_pylist()]
    return tabulate(cells, headers=list(_COMPACT), tablefmt="simple", disable_numparse=True)


def _full_cells(table: pa.Table) -> Sequence[list[str]]:
    return [[cell(row) for cell in _FULL.values()] for row in table.to_pylist()]


def _text(name: str) -> Cell:
    return lambda row: NOTHING if row[name] is None else str(row[name])


def _plain(name: str) -> Cell:
    return lambda row: NOTHING if row[name] is None else f"{row[name]:.4f}"


def _value(column: TableColumn, digits: int = 3) -> Cell:
    return lambda row: NOTHING if row[column.name] is None else f"{row[column.name]:.{digits}f}"


def _value_with_interval(column: TableColumn, spread_over_seeds: bool = True) -> Cell:
    def cell(row: Row) -> str:
        if row[column.name] is None:
            return NOTHING
        sd = row[f"{column.name}_sd"] if spread_over_seeds else None
        spread = "" if sd is None else f" ± {sd:.3f}"
        low, high = row[f"{column.name}_low"], row[f"{column.name}_high"]
        return f"{row[column.name]:.3f}{spread} [{low:.3f}, {high:.3f}]"

    return cell


def _short_backbone(row: Row) -> str:
    return row["backbone"].replace(" parameters", "") if row["backbone"] != NO_BACKBONE else NOTHING


def _model_of_paper(row: Row) -> str:
    """Return the language model behind the paper's number, in brackets; nothing where there is none."""
    return str(row["paper_backbone"] or "").removeprefix("paper").strip()


_FULL: dict[str, Cell] = {
    "Dataset": lambda row: dataset_label(row["dataset"]),
    "Backbone": _text("backbone"),
    "Method": lambda row: method_label(row["method"]),
    "Seeds": _text("seeds"),
    "HitRatio@1 (test)": _value_with_interval(HIT_TEST),
    "HitRatio@1 (validation)": _value_with_interval(HIT_VAL),
    "HitRatio@1 over valid (test)": _value_with_interval(HIT_OVER_VALID_TEST),
    "ValidRatio (test)": _value_with_interval(VALID_TEST),
    "MRR (test)": _value(MRR_TEST),
    "Paper HitRatio@1": _plain("paper_hit_ratio@1"),
    "Paper ValidRatio": _plain("paper_valid_ratio"),
    "Paper's number from": _text("paper_backbone"),
}

_COMPACT: dict[str, Cell] = {
    "Dataset": _FULL["Dataset"],
    "Method": _FULL["Method"],
    "Backbone": _short_backbone,
    "HitRatio@1 test": _value_with_interval(HIT_TEST, spread_over_seeds=False),
    "validation": _value(HIT_VAL),
    "ValidRatio": _value(VALID_TEST),
    "MRR": _FULL["MRR (test)"],
    "paper": _FULL["Paper HitRatio@1"],
}

_COLUMN: dict[str, Cell] = {
    "Method": _FULL["Method"],
    "HitRatio@1": _value_with_interval(HIT_TEST, spread_over_seeds=False),
    "ValidRatio": _value(VALID_TEST),
    "Paper": lambda row: _plain("paper_hit_ratio@1")(row) + ("*" if _model_of_paper(row) else ""),
}

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    NOTHING: "--",
    **{character: "\\" + character for character in "&%$#_{}"},
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Table 1</title>
<style>
body {{ font: 14px/1.5 sans-serif; margin: 1.5em; }}
table {{ border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }}
th, td {{ padding: 0.25em 0.75em; text-align: left; font-variant-numeric: tabular-nums; }}
thead {{ border-bottom: 1px solid; }}
ul {{ max-width: 60em; padding-left: 1.2em; }}
</style>
{body}
<ul>{notes}</ul>
</html>
"""
