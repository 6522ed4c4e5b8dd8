import pyarrow as pa
import pytest

from ilora.evaluation.answer_categories import AnswerCategory, categorise_answers
from ilora.predictions.schema import PREDICTIONS

TITLES = ["Heat", "Ran", "Body Snatchers", "Body Snatchers", "Casino", "Brazil", "Heat"]


def _answer(text: str, choice: int | None) -> pa.Table:
    row = {
        "sequence_id": 1,
        "split": "test",
        "user_id": 1,
        "draw": 0,
        "method": "llara",
        "candidates_hash": "hash",
        "history": [4, 6],
        "target": 1,
        "candidates": [0, 1, 2, 3],
        "scores": None,
        "text": text,
        "choice": choice,
    }
    return pa.Table.from_pylist([row], schema=PREDICTIONS)


@pytest.mark.parametrize(
    ("text", "choice", "category"),
    [
        ("Ran", 1, AnswerCategory.VALID_RIGHT),
        ("Heat", 0, AnswerCategory.VALID_WRONG),  # an item of the history has this title, too
        ("Body Snatchers", None, AnswerCategory.AMBIGUOUS),
        ("Casino", None, AnswerCategory.HISTORY),
        ("  Casino \nand more", None, AnswerCategory.HISTORY),
        ("Brazil", None, AnswerCategory.OUTSIDE),
        ("\n\nBrazil\n", None, AnswerCategory.OUTSIDE),
        ("\n", None, AnswerCategory.UNRECOGNISED),
        ("I like Ran", None, AnswerCategory.UNRECOGNISED),
        ("", None, AnswerCategory.UNRECOGNISED),
    ],
)
def test_every_answer_has_one_category(text: str, choice: int | None, category: AnswerCategory) -> None:
    assert categorise_answers(_answer(text, choice), TITLES) == [category]
