"""Tables for LaTeX papers: a `tabular` of the package booktabs."""

from collections.abc import Iterable, Sequence

#: Begins a block of rows: one cell over all columns, below a rule.
Heading = str
Row = Sequence[str] | Heading

_SPELLED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    # Text in TeX's oldest font encoding, still the default, has other characters in their places.
    **{character: f"${character}$" for character in "<>|"},
    **{character: "\\" + character for character in "&%$#_{}"},
}


def latex_table(headers: Sequence[str], rows: Iterable[Row], notes: Iterable[str] = ()) -> str:
    """Return a `tabular`; the notes stand above it as comments.

    Args:
        headers: of the columns, as text.
        rows: text of each cell, or a text alone for a heading over all columns.
        notes: as text; each becomes one line.
    """
    # What followed a line break inside a comment would be set above the table.
    lines = [f"% {' '.join(note.splitlines())}" for note in notes]
    lines += [rf"\begin{{tabular}}{{{'l' * len(headers)}}}", r"\toprule", _cells(headers)]
    ruled = False
    for row in rows:
        if isinstance(row, str):
            lines += [r"\midrule", rf"\multicolumn{{{len(headers)}}}{{l}}{{\textit{{{escape_latex(row)}}}}} \\"]
        else:
            lines += [_cells(row)] if ruled else [r"\midrule", _cells(row)]
        ruled = True
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def escape_latex(text: str) -> str:
    """Return text as LaTeX shows it literally."""
    return "".join(_SPELLED.get(character, character) for character in text)


def _cells(cells: Sequence[str]) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"
