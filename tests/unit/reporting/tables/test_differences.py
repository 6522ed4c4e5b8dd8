"""The table of differences between methods."""

import pyarrow as pa

from ilora.evaluation.schemas import DIFFERENCES
from ilora.tables.differences import differences_to_html, differences_to_latex

ROW = {
    "dataset": "movielens",
    "protocol": "random_users",
    "first": "ilora",
    "first_backbone": "embedded",
    "second": "llara",
    "second_backbone": "embedded",
    "split": "val",
    "metric": "hit_ratio@1",
    "seeds": 3,
    "value": 0.004,
    "low": -0.0281,
    "high": 0.0384,
    "n": 95,
    "first_ahead": 41,
    "second_ahead": 43,
    "p": 0.852,
    "p_holm": 1.0,
    "comparisons": 2,
    "minimum_detectable": 0.0481,
    "minimum_detectable_holm": None,
    "confidence": 0.95,
    "covers": "users and trainings",
    "p_users": 0.7,
}
OTHER = {
    "split": "test",
    "second": "popularity",
    "second_backbone": "",
    "p": 0.0001,
    "p_holm": 0.0002,
    "covers": "users",
}


def test_the_test_users_come_first() -> None:
    page = differences_to_html(pa.Table.from_pylist([ROW, ROW | OTHER], schema=DIFFERENCES))
    assert page.index("95 test users: iLoRA minus") < page.index("95 validation users: iLoRA minus")
    assert (
        "<td>LLaRA</td><td>+0.004 [-0.028, +0.038]</td><td>users and trainings</td><td>0.85</td><td>1.00</td>"
        "<td>0.048, –</td><td>41 : 43</td><td>3</td>"
    ) in page
    assert "<td>Popularity</td><td>+0.004 [-0.028, +0.038]</td><td>users</td><td>&lt; 0.001</td>" in page
    assert "over the 2 comparisons" in page


def test_latex_has_the_same_rows() -> None:
    lines = differences_to_latex(pa.Table.from_pylist([ROW], schema=DIFFERENCES)).splitlines()
    assert r"LLaRA & +0.004 [-0.028, +0.038] & users and trainings & 0.85 & 1.00 & 0.048, -- & 41 : 43 & 3 \\" in lines


def test_a_study_without_the_reference_says_so() -> None:
    page = differences_to_html(DIFFERENCES.empty_table())
    assert "does not include the method" in page
