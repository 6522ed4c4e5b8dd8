import pytest

from ilora.evaluation.validity import resolve_choice

TITLES = ["Heat", "Portal", "Portal 2", "Body Snatchers", "Body Snatchers", "Amélie"]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Heat", 0),
        ("  Heat \nand more", 0),
        ("Portal", 1),
        ("Portal  2", 2),
        ("Ame\u0301lie", 5),
        ("heat", None),
        ("Heat.", None),
        ("I choose Heat", None),
        ("\nHeat", None),
        ("", None),
        ("Casino", None),
    ],
)
def test_the_first_line_must_equal_one_title(text: str, choice: int | None) -> None:
    assert resolve_choice(text, [0, 1, 2, 5], TITLES) == choice


def test_a_title_outside_of_the_candidates_is_invalid() -> None:
    assert resolve_choice("Heat", [1, 2], TITLES) is None


def test_a_title_that_two_candidates_share_is_invalid() -> None:
    assert resolve_choice("Body Snatchers", [0, 3, 4], TITLES) is None


def test_a_duplicate_outside_of_the_candidates_does_not_matter() -> None:
    assert resolve_choice("Body Snatchers", [0, 4], TITLES) == 4


def test_titles_may_be_a_mapping() -> None:
    assert resolve_choice("Ran", [7, 9], {7: "Ran", 9: "Brazil"}) == 7


def test_a_candidate_without_a_title_is_refused() -> None:
    with pytest.raises(LookupError):
        resolve_choice("Heat", [0, 99], TITLES)
