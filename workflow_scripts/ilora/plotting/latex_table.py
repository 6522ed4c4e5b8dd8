"""Tables for LaTeX papers, as a `tabular` of the package booktabs."""

from collections.abc import Iterable, Sequence

#: Starts a block of rows: a cell over all columns, below a rule.
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
    # TeX's default font encoding has other characters in their places.
    **{character: f"${character}$" for character in "<>|"},
    **{character: "\\" + character for character in "&%$#_{}"},
}


def latex_table(headers: Sequence[str], rows: Iterable[Row], notes: Iterable[str] = ()) -> str:
    """Return a `tabular`, preceded by the notes as comments.

    Args:
        headers: text of the column headers.
        rows: text of each cell, or a single text for a heading over all columns.
        notes: text of each note; each becomes one line.
    """
    # Text after a line break would no longer be a comment.
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
    """Return the text with LaTeX's special characters escaped."""
    return "".join(_SPELLED.get(character, character) for character in text)


def _cells(cells: Sequence[str]) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"
