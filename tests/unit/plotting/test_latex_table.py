"""Tables in LaTeX."""

import pytest

from ilora.plotting.latex_table import escape_latex, latex_table


def test_blocks_stand_below_rules_and_notes_above() -> None:
    lines = latex_table(("Name", "Value"), ["Block", ("a_b", "5 %"), ("c", "–")], ["A note."]).splitlines()
    assert lines == [
        "% A note.",
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"Name & Value \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{Block}} \\",
        r"a\_b & 5 \% \\",
        r"c & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_rows_without_a_heading_stand_below_one_rule() -> None:
    lines = latex_table(("Name",), [("a",), ("b",)]).splitlines()
    assert lines[3:6] == [r"\midrule", r"a \\", r"b \\"]


def test_text_is_shown_literally() -> None:
    assert escape_latex(r"50 % of $x_1 \ {a}") == r"50 \% of \$x\_1 \textbackslash{} \{a\}"
    assert escape_latex("p < 0.001") == "p $<$ 0.001"
    assert escape_latex("0.3 ± 0.1") == r"0.3 $\pm$ 0.1"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n"])
def test_a_note_of_several_lines_is_a_comment_to_its_end(line_break: str) -> None:
    table = latex_table(("Name",), [("a",)], [f"The first line.{line_break}The second: 50 % of \\x{{."])
    header, tabular = table.split(r"\begin{tabular}", maxsplit=1)
    assert [line for line in header.splitlines() if not line.startswith("%")] == []
    assert "The second: 50 % of \\x{." in header and tabular
