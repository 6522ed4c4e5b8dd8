import pytest

from ilora.predictions.choices import (
    OTHER_RULES,
    Rule,
    answer_line,
    resolve_by_longest_match,
    resolve_by_substring,
    resolve_choice,
)

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
        ("\nPortal", 1),
        ("\n\nPortal\nmore", 1),
        (" \n\t\r\n  Portal  \nHeat", 1),
        ("  Portal", 1),
        ("more\nPortal", None),
        ("\n", None),
        (" \n ", None),
        ("", None),
        ("Casino", None),
    ],
)
def test_the_first_line_that_is_not_blank_must_equal_one_title(text: str, choice: int | None) -> None:
    assert resolve_choice(text, [0, 1, 2, 5], TITLES) == choice


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Portal", "Portal"),
        ("\nPortal", "Portal"),
        ("\n\nPortal\nmore", "Portal"),
        ("\n  Portal \n", "  Portal "),
        ("\n", ""),
        ("", ""),
    ],
)
def test_an_answer_is_the_first_line_that_is_not_blank_as_it_was_written(text: str, line: str) -> None:
    assert answer_line(text) == line


def test_spaces_before_a_candidates_title_do_not_count() -> None:
    assert [resolve_choice(text, [0, 1], ["  Portal", "Heat"]) for text in ("Portal", "\n  Portal")] == [0, 0]


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


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Heat", 0),
        ("I choose heat.", 0),
        ("cheating", 0),
        ("  \n Heat \nPortal", 0),
        ("Portal", 1),
        ("Portal 2", None),  # Portal is contained as well
        ("Heat or Amélie", None),
        ("Casino", None),
        ("", None),
    ],
)
def test_the_released_rule_wants_exactly_one_title_inside_the_first_line(text: str, choice: int | None) -> None:
    assert resolve_by_substring(text, [0, 1, 2, 5], TITLES) == choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Heat", 0),
        ("I choose\nHEAT, of course.", 0),
        ("cheating", None),
        ("Portal", 1),
        ("Portal 2", 2),
        ("Portal 2, or Portal", None),
        ("Portal 2 and Portal  2", 2),
        ("Portal 22", 1),
        ("Heat or Amélie", None),
        ("Ame\u0301lie!", 5),
        ("Casino", None),
        ("", None),
    ],
)
def test_the_longest_title_counts_if_no_other_is_named_beside_it(text: str, choice: int | None) -> None:
    assert resolve_by_longest_match(text, [0, 1, 2, 5], TITLES) == choice


@pytest.mark.parametrize("rule", OTHER_RULES.values(), ids=OTHER_RULES.keys())
def test_a_shared_title_is_invalid_by_every_rule(rule: Rule) -> None:
    assert rule("Body Snatchers", [0, 3, 4], TITLES) is None
    assert rule("Body Snatchers", [0, 4], TITLES) == 4
