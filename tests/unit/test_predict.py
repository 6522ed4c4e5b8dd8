from pathlib import Path

import numpy as np
import pytest

from ilora import predict
from ilora.llm.inference.tuned_method import Answer
from ilora.predict import UnknownTitleError, answer_text, find_items

TITLES = ["Toy Story", "Alien", "Aliens", "Heat", "Heat"]


def test_titles_are_found_whatever_their_case_and_spaces() -> None:
    assert find_items(["toy  story", " ALIENS "], TITLES) == [0, 2]


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("Alein", r"'Alein': no item has this title; similar titles: Alien; Aliens"),
        ("Qqqq", r"'Qqqq': no item has this title$"),
        ("Heat", r"'Heat': 2 items have this title, expected one"),
    ],
)
def test_a_title_that_names_no_item_is_refused(title: str, message: str) -> None:
    with pytest.raises(UnknownTitleError, match=message):
        find_items([title], TITLES)


ANSWER = Answer(np.array([0.25, 0.7, 0.05]), [0.9, 0.1])


def test_the_answer_is_the_most_likely_candidate() -> None:
    lines = answer_text(TITLES, [0, 1, 3], ANSWER).splitlines()
    assert lines[0] == "Answer: Alien"
    assert [line.split("  ")[-1] for line in lines[3:6]] == ["Alien", "Toy Story", "Heat"]
    assert lines[-1] == "Expert weights: 0.900  0.100"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Toy Story", "Toy Story"),
        ("The Birest Gump", "The Birest Gump  (not a candidate)"),
        ("", "(nothing)  (not a candidate)"),
        ("Heat" * 30, f"{'Heat' * 25}…  (not a candidate)"),
    ],
)
def test_free_text_follows_the_answer(written: str, shown: str) -> None:
    lines = answer_text(TITLES, [0, 1, 3], ANSWER, written).splitlines()
    assert lines[:2] == ["Answer: Alien", f"Free text: {shown}"]


def test_what_is_wrong_does_not_act_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(adapter: Path) -> None:
        raise ValueError("the title 'Alien\x1b[2J'")

    monkeypatch.setattr(predict, "load_tuned_method", load)
    with pytest.raises(SystemExit, match=r"ilora predict: the title 'Alien\\x1b\[2J'"):
        predict.main(["adapter", "--history", "Alien"])
