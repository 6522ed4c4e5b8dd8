"""Tables of the error analysis."""

import pyarrow as pa
import pytest

from ilora.plotting.breakdowns import DRAWN, select_breakdowns
from ilora.tables.error_analysis import BREAKDOWNS, errors_to_html, errors_to_latex

METHODS = ("sasrec", "zero_shot", "ilora")


@pytest.fixture
def shown(analysis: pa.Table) -> pa.Table:
    return select_breakdowns(analysis, "movielens", BREAKDOWNS, METHODS)


def test_test_answers_and_the_mean_over_seeds_are_shown(shown: pa.Table) -> None:
    assert shown.schema.equals(DRAWN)
    assert shown.num_rows == 3 * (20 + 2 + 3 + 3) + 2 * 3
    assert list(dict.fromkeys(shown["method"].to_pylist())) == list(METHODS)
    assert set(zip(shown["method"].to_pylist(), shown["seeds"].to_pylist(), strict=True)) == {
        ("sasrec", 2),
        ("zero_shot", 1),
        ("ilora", 2),
    }
    assert max(shown["value"].to_pylist()) < 0.5


def test_a_study_without_such_rows_is_refused(analysis: pa.Table) -> None:
    with pytest.raises(ValueError, match="no test rows of 'steam' for answer_category"):
        select_breakdowns(analysis, "steam", ["answer_category"], METHODS)


def test_the_page_has_a_section_for_each_breakdown_and_a_column_for_each_method(shown: pa.Table) -> None:
    page = errors_to_html("Errors", shown, 0.95)
    assert page.count("<h2>") == len(BREAKDOWNS) and page.count("<tr>") == len(BREAKDOWNS) + 3 + 20 + 2 + 3 + 3
    assert "<th>Answer</th><th>Untuned LLM</th><th>iLoRA</th>" in page
    assert '<td>valid and wrong</td><td class="lines">0.060 [0.010, 0.130]\nn = 41</td>' in page
    assert '<td class="lines">0.210 [0.160, 0.280]\nn = 41</td></tr>' in page
    assert "95%" in page


def test_latex_has_the_methods_asked_for(shown: pa.Table) -> None:
    lines = errors_to_latex(shown, ["zero_shot", "ilora"]).splitlines()
    assert r" & Untuned LLM & iLoRA \\" in lines
    assert r"valid and wrong & 0.060 [0.010, 0.130] n = 41 & 0.210 [0.160, 0.280] n = 41 \\" in lines
    assert len([line for line in lines if r"\multicolumn{3}" in line]) == len(BREAKDOWNS)
