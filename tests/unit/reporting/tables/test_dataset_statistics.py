"""The table of data set statistics: ours, the papers', and the difference between them."""

import pyarrow as pa
import pytest

from ilora.data.statistics import statistics_table
from ilora.data.steps import StepCount, steps_table
from ilora.tables.dataset_statistics import DATASET_TABLE, build_dataset_table, to_csv, to_html, to_latex, to_markdown

STATISTICS = {"users": 943.0, "items": 1574.0, "sparsity": 0.9444, "sequence_length_mean": 87.508, "sequences_test": 94}
STEPS = {"movielens": steps_table([StepCount("rating >= 3", 100_000, 82_520, 943, 1_574)])}


@pytest.fixture
def table() -> pa.Table:
    return build_dataset_table([statistics_table("movielens", "random_users", STATISTICS)])


def test_differences_are_ours_minus_the_papers(table: pa.Table) -> None:
    assert table.schema == DATASET_TABLE
    assert table["paper"].to_pylist() == [943, 1682, None, None, 95]
    assert table["difference"].to_pylist() == [0, -108, None, None, -1]


@pytest.mark.parametrize(("dataset", "protocol"), [("movielens", "chronological"), ("books", "random_users")])
def test_the_papers_have_nothing_on_other_protocols_and_data_sets(dataset: str, protocol: str) -> None:
    table = build_dataset_table([statistics_table(dataset, protocol, STATISTICS)])
    assert table["paper"].null_count == table["difference"].null_count == len(STATISTICS)


def test_text_marks_the_papers_numbers_as_reference(table: pa.Table) -> None:
    lines = to_markdown(table, STEPS).splitlines()
    assert "Paper (reference)" in lines[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:7]]
    assert cells == [
        ["MovieLens", "random_users", "users", "943", "943", "none"],
        ["MovieLens", "random_users", "items", "1,574", "1,682", "-108"],
        ["MovieLens", "random_users", "sparsity", "94.44%", "–", "–"],
        ["MovieLens", "random_users", "sequence length, mean", "87.5", "–", "–"],
        ["MovieLens", "random_users", "sequences, test", "94", "95", "-1"],
    ]
    assert [cell.strip() for cell in lines[10].strip("|").split("|")][1:3] == ["rating >= 3", "100,000"]
    assert lines[-1].startswith("- ")


def test_latex_is_escaped_and_ascii(table: pa.Table) -> None:
    latex = to_latex(table)
    assert latex.isascii()
    assert r"94.44\%" in latex
    assert "94.44%" not in latex.replace(r"\%", "")


def test_html_and_csv_hold_every_row(table: pa.Table) -> None:
    page = to_html(table, STEPS)
    assert page.count("<tr>") == 1 + len(STATISTICS) + 1 + 1
    assert "rating &gt;= 3" in page
    assert len(to_csv(table).splitlines()) == 1 + len(STATISTICS)
