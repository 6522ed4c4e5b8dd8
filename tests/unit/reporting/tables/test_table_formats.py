import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ilora.artifacts.parquet import write_table
from ilora.evaluation.schemas import DIFFERENCES
from ilora.layout import Run
from ilora.plotting.backbone_size import Backbone
from ilora.reporting.findings import difference_statement
from ilora.tables.table1 import __main__ as terminal_table
from ilora.tables.table1.formats import to_csv, to_html, to_latex, to_markdown, to_terminal
from ilora.tables.table1.notes import table_notes
from ilora.tables.table1.rows import build_table1

SIZES = {Backbone("movielens", "random_users", "embedded"): 1_100_000}


@pytest.fixture
def table(summary: pa.Table, differences: pa.Table) -> pa.Table:
    return build_table1(summary, differences, SIZES)


@pytest.fixture
def with_a_row_without_key(summary: pa.Table, differences: pa.Table) -> pa.Table:
    return build_table1(summary, differences, SIZES, [Run("movielens", "random_users", "chatrec", "gpt-4o")])


def test_every_format_says_what_was_not_run(with_a_row_without_key: pa.Table, differences: pa.Table) -> None:
    notes = table_notes(with_a_row_without_key, differences)
    assert "not run: no key: ChatRec. The environment variable that chat.key_variable names" in "\n".join(notes)
    row = to_markdown(with_a_row_without_key, notes).splitlines()[10]
    assert [cell.strip() for cell in row.split("|")][1:8] == [
        "MovieLens",
        "gpt-4o",
        "ChatRec",
        "–",
        "–",
        "not run: no key",
        "–",
    ]
    assert "| 0.2000 " in row and "| 0.9895 " in row
    assert "ChatRec & -- & not run: no key & -- & 0.2000 \\\\" in to_latex(with_a_row_without_key, notes)
    assert "<td>ChatRec</td><td>not run: no key</td>" in to_html(with_a_row_without_key, notes)
    assert "not run: no key" in to_terminal(with_a_row_without_key).splitlines()[-1]
    others = [note for note in notes if "no key" not in note]
    assert others == table_notes(with_a_row_without_key.slice(0, 8), differences)


def test_methods_on_fewer_candidate_sets_are_named(table: pa.Table, differences: pa.Table) -> None:
    draws = pa.array([10] * 7 + [1], pa.int32())
    notes = table_notes(table.set_column(table.schema.get_field_index("draws"), "draws", draws), differences)
    assert any(note.startswith("MovieLens (random_users protocol): 95 test users, 10 candidate sets") for note in notes)
    assert any(note.startswith("MovieLens (random_users protocol), iLoRA: 95 test users, 1 cand") for note in notes)


def test_markdown_has_the_same_columns_in_every_row(table: pa.Table) -> None:
    text = to_markdown(table, ["One note.", "Another."])
    lines = text.splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len(body) == 2 + 8
    assert len({line.count("|") for line in body}) == 1
    assert "0.326 ± 0.012 [0.256, 0.396]" in body[-1]
    assert "0.5275" in body[-1]
    assert "not comparable: small backbone" in body[-1]
    assert "-0.025 [-0.061, +0.012], p = 0.36" in body[-2]
    assert "+19.3 %" in body[-2]
    assert lines[-2:] == ["- One note.", "- Another."]


def test_latex_is_booktabs_and_escaped(table: pa.Table) -> None:
    text = to_latex(table, ["A note."])
    assert text.startswith("% A note.\n\\begin{tabular}{lllll}\n\\toprule\nMethod & Trained & HitRatio@1 & ")
    assert text.isascii()
    rows = [line for line in text.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert len(rows) == 1 + 8
    assert {line.count(" & ") for line in rows} == {4}
    assert "\\multicolumn{5}{l}{\\textit{MovieLens, embedded (1.1M parameters)}} \\\\" in text
    assert rows[-1] == "iLoRA & 3 times & 0.326 [0.256, 0.396] & 0.955 & 0.5275* \\\\"
    assert max(map(len, rows)) <= 68
    assert "{Paper: HitRatio@1, reference data, * (Llama-2-7B), $\\dagger$ no count" in text


def test_a_value_that_no_count_gives_is_marked_beside_its_verdict(table: pa.Table, differences: pa.Table) -> None:
    """SASRec's 0.3444, not GRU4Rec's 0.3750, which is 33 of 88."""
    said, notes = "no count of hits gives this value", table_notes(table, differences)
    of_gru4rec, of_sasrec = (to_markdown(table, []).splitlines()[row] for row in (4, 6))
    assert "| 0.3444† " in of_sasrec and of_sasrec.endswith(f"| reproduced; {said} |")
    assert "| 0.3750 " in of_gru4rec and said not in of_gru4rec
    assert f'>0.3444†</td><td class="lines">reproduced;\n{said}</td>' in to_html(table, [])
    latex = to_latex(table, [])
    assert r"& 0.3444$\dagger$ \\" in latex and r"$\dagger$ " + said in latex
    (of_sasrec,) = (line for line in to_terminal(table).splitlines() if line.startswith("SASRec "))
    assert "  0.3444†  " in of_sasrec
    assert table["paper_is_count"].to_pylist() == [None, None, True, False, False, True, True, True]
    assert any(note.startswith(f"†, {said}: ") for note in notes)
    assert not any(said in note for note in table_notes(table.slice(0, 3), DIFFERENCES.empty_table()))
    assert said not in to_latex(table.slice(0, 3), [])


def test_latex_escapes_what_it_must(table: pa.Table) -> None:
    named = table.set_column(
        table.schema.get_field_index("backbone"), "backbone", pa.array(["a_b & 5% {c}"] * table.num_rows)
    )
    assert r"\textit{MovieLens, a\_b \& 5\% \{c\}}" in to_latex(named, [])


def test_csv_reads_back_as_it_was(with_a_row_without_key: pa.Table) -> None:
    text = to_csv(with_a_row_without_key)
    read = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(read, with_a_row_without_key.to_pandas().fillna(np.nan), check_dtype=False)
    assert ",iLoRA," not in text and ",ilora,,3,95,10,0.95,users and trainings," in text  # integers stay integers


def test_html_needs_no_other_file_and_is_escaped(table: pa.Table) -> None:
    text = to_html(table, ["a < b"])
    assert "<li>a &lt; b</li>" in text
    assert '<th class="group" colspan="13">MovieLens, embedded (1.1M parameters)</th>' in text
    assert '<td class="lines">0.326 ± 0.012\n[0.256, 0.396]</td><td class="lines">0.5275\n(Llama-2-7B)</td>' in text
    assert "http" not in text


def test_the_terminal_table_is_narrow(table: pa.Table) -> None:
    lines = to_terminal(table).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1:3] == ["", "MovieLens"] and lines[3].startswith("Popularity ")
    group = lines.index("MovieLens, embedded (1.1M parameters)")
    assert lines[group - 1] == "" and lines[group + 1].startswith("Untuned LLM ")
    assert len(lines) == 1 + 8 + 2 * 2


def test_notes_say_whose_numbers_these_are(table: pa.Table, differences: pa.Table) -> None:
    notes = "\n".join(table_notes(table, differences))
    assert "embedded (1.1M parameters)" in notes
    assert "not Llama-2's" in notes
    assert "95 test users" in notes
    assert "10 candidate sets" in notes
    assert "reference data" in notes


def test_notes_say_how_intervals_and_tests_are_made(table: pa.Table, differences: pa.Table) -> None:
    notes = "\n".join(table_notes(table, differences))
    assert "cluster bootstrap over users (BCa" in notes
    assert "answer per user, else" not in notes
    assert "McNemar's exact test), Holm-corrected over the 7 comparisons" in notes
    assert "Popularity on MovieLens 1.2%" in notes
    once = table.set_column(table.schema.get_field_index("draws"), "draws", pa.array([1] * 8, pa.int32()))
    assert "Wilson's with one answer per user, else cluster bootstrap" in "\n".join(table_notes(once, differences))


def test_every_format_says_how_often_a_method_was_trained_and_what_its_interval_covers(
    summary: pa.Table, differences: pa.Table
) -> None:
    rows = [
        row | ({"seeds": 1, "sd": None, "covers": "users, one training"} if row["method"] == "sasrec" else {})
        for row in summary.to_pylist()
    ]
    table = build_table1(pa.Table.from_pylist(rows, schema=summary.schema), differences, SIZES)
    notes = table_notes(table, differences)
    assert "Brackets over users, since nothing is trained for them: Popularity, Markov chain, Untuned LLM." in notes
    assert "3 trainings each, brackets over users and trainings: GRU4Rec, Caser, LLaRA, iLoRA." in notes
    assert any(note.startswith("ONE TRAINING each, brackets over users only: SASRec. Another seed") for note in notes)
    assert any(note.startswith('"One training": no verdict') for note in notes)
    lines = to_terminal(table).splitlines()
    for start in ("SASRec        1     ", "GRU4Rec       3     ", "Popularity    –     "):
        assert any(line.startswith(start) for line in lines), start
    assert "users, one training" in to_markdown(table, [])
    assert "SASRec & once & " in to_latex(table, [])
    assert "SASRec\ntrained once" in to_html(table, [])


def test_notes_say_where_the_papers_improvements_disagree_with_its_cells(
    table: pa.Table, differences: pa.Table
) -> None:
    notes = "\n".join(table_notes(table, differences))
    assert "for LLaRA on LastFM it prints 8.51 %, its cells give 10.91 %" in notes
    assert "printed as 11.4 %, is 12.2 % by its cells" in notes


def test_a_study_that_the_paper_says_nothing_of_has_no_notes_on_it(table: pa.Table) -> None:
    own = table.slice(0, 2)
    notes = "\n".join(table_notes(own, DIFFERENCES.empty_table()))
    assert "none of these rows" in notes
    assert "Verdict" not in notes
    assert "Imp.%" not in notes
    assert "sign-flip" not in notes


def test_only_the_difference_from_uniform_lora_is_spelt_out(table: pa.Table, differences: pa.Table) -> None:
    notes = "\n".join(table_notes(table, differences))
    assert notes.count("iLoRA minus LLaRA") == 2
    assert "iLoRA minus SASRec" not in notes


def test_a_difference_that_is_not_significant_after_correction_shows_nothing(differences: pa.Table) -> None:
    val, test, both, _ = differences.to_pylist()
    statement = difference_statement(test)
    assert "iLoRA minus LLaRA" in statement
    assert "-0.025 [-0.061, +0.012], no demonstrated difference (p = 0.18, corrected p = 0.36; 95 users" in statement
    assert "One test has less than 80% power for true differences below 0.052." in statement
    assert "no demonstrated difference" in difference_statement(val)
    assert "LLaRA is ahead on these users" in difference_statement(both)
    ahead = both | {"value": 0.03, "low": 0.01, "high": 0.05, "seeds": 1, "minimum_detectable": None}
    once = ahead | {"covers": "users, one training"}
    assert "iLoRA is ahead on these users with these trainings" in difference_statement(once)
    assert "ONE TRAINING, so variation between trainings is not covered" in difference_statement(once)
    assert "over users and 3 trainings" in statement
    assert "missed" not in difference_statement(ahead)


def test_the_module_prints_table_and_notes(
    table: pa.Table, differences: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(table, tmp_path / "table1.parquet")
    write_table(differences, tmp_path / "differences.parquet")
    terminal_table.main([str(tmp_path / "table1.parquet")])
    alone = capsys.readouterr().out
    assert alone == to_terminal(table) + "\n"
    terminal_table.main([str(tmp_path / "table1.parquet"), "--differences", str(tmp_path / "differences.parquet")])
    with_findings = capsys.readouterr().out
    assert max(map(len, with_findings.splitlines())) <= 116
    assert with_findings.startswith(alone)
    said = " ".join(with_findings.split())
    assert "MovieLens: no demonstrated difference between iLoRA and LLaRA. The difference in HitRatio@1 is" in said
    assert with_findings.splitlines()[-1].startswith("Next:      make report")
