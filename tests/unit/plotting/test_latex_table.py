"""Tables in LaTeX."""

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
