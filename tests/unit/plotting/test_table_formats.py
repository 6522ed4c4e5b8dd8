import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ilora.artifacts.parquet import write_table
from ilora.plotting import terminal_table
from ilora.plotting.backbone_size import Backbone
from ilora.plotting.table1 import build_table1
from ilora.plotting.table_formats import to_csv, to_html, to_latex, to_markdown, to_terminal
from ilora.plotting.table_notes import difference_statement, table_notes

SIZES = {Backbone("movielens", "published", "embedded"): 1_100_000}


@pytest.fixture
def table(summary: pa.Table) -> pa.Table:
    return build_table1(summary, SIZES)


def test_markdown_has_the_same_columns_in_every_row(table: pa.Table) -> None:
    text = to_markdown(table, ["One note.", "Another."])
    lines = text.splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len(body) == 2 + 8
    assert len({line.count("|") for line in body}) == 1
    assert "0.326 ± 0.012 [0.256, 0.396]" in body[-1]
    assert "0.5275" in body[-1]
    assert lines[-2:] == ["- One note.", "- Another."]


def test_latex_is_booktabs_and_escaped(table: pa.Table) -> None:
    text = to_latex(table, ["A note."])
    assert text.startswith("% A note.\n\\begin{tabular}{llll}\n\\toprule\nMethod & HitRatio@1 & ")
    assert text.isascii()
    rows = [line for line in text.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert len(rows) == 1 + 8
    assert {line.count(" & ") for line in rows} == {3}
    assert "\\multicolumn{4}{l}{\\textit{MovieLens, embedded (1.1M parameters)}} \\\\" in text
    assert rows[-1] == "iLoRA & 0.326 [0.256, 0.396] & 0.955 & 0.5275* \\\\"
    assert max(map(len, rows)) <= 60
    assert "{Paper: HitRatio@1, reference data, * (Llama-2-7B)}" in text


def test_latex_escapes_what_it_must(table: pa.Table) -> None:
    named = table.set_column(
        table.schema.get_field_index("backbone"), "backbone", pa.array(["a_b & 5% {c}"] * table.num_rows)
    )
    assert r"\textit{MovieLens, a\_b \& 5\% \{c\}}" in to_latex(named, [])


def test_csv_reads_back_as_it_was(table: pa.Table) -> None:
    read = pd.read_csv(io.StringIO(to_csv(table)), keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(read, table.to_pandas().fillna(np.nan), check_dtype=False)


def test_html_needs_no_other_file_and_is_escaped(table: pa.Table) -> None:
    text = to_html(table, ["a < b"])
    assert "<li>a &lt; b</li>" in text
    assert "http" not in text


def test_the_terminal_table_is_narrow(table: pa.Table) -> None:
    lines = to_terminal(table).splitlines()
    assert len(lines) == 2 + 8
    assert max(map(len, lines)) <= 110


def test_notes_say_whose_numbers_these_are(table: pa.Table, differences: pa.Table) -> None:
    notes = "\n".join(table_notes(table, differences))
    assert "embedded (1.1M parameters)" in notes
    assert "not Llama-2's" in notes
    assert "95 test users" in notes
    assert "10 candidate sets" in notes
    assert "reference data" in notes


def test_a_difference_whose_interval_holds_zero_shows_nothing(differences: pa.Table) -> None:
    _, test, both = differences.to_pylist()
    statement = difference_statement(test)
    assert "iLoRA minus LLaRA" in statement
    assert "-0.025 [-0.061, +0.012], no demonstrated difference" in statement
    assert "LLaRA is ahead on these users" in difference_statement(both)
    ahead = test | {"value": 0.03, "low": 0.01, "high": 0.05, "seeds": 1}
    assert "iLoRA is ahead on these users" in difference_statement(ahead)
    assert "one seed" in difference_statement(ahead)


def test_the_module_prints_table_and_notes(
    table: pa.Table, differences: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(table, tmp_path / "table1.parquet")
    write_table(differences, tmp_path / "differences.parquet")
    terminal_table.main([str(tmp_path / "table1.parquet")])
    alone = capsys.readouterr().out
    assert alone == to_terminal(table) + "\n"
    terminal_table.main([str(tmp_path / "table1.parquet"), "--differences", str(tmp_path / "differences.parquet")])
    assert "no demonstrated difference" in capsys.readouterr().out
