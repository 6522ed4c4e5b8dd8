"""Categories of generated answers, by the exact rule of `ilora.predictions.choices`."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import pyarrow as pa

from ilora.data.titles import normalise_title
from ilora.predictions.choices import Titles, answer_line


class AnswerCategory(StrEnum):
    """The categories, from best to worst; every answer belongs to exactly one."""

    VALID_RIGHT = "valid and right"
    VALID_WRONG = "valid and wrong"
    AMBIGUOUS = "a title that candidates share"
    HISTORY = "an item of the history"
    OUTSIDE = "an item outside of the candidates"
    UNRECOGNISED = "nothing recognisable"


def categorise_answers(predictions: pa.Table, titles: Sequence[str]) -> list[AnswerCategory]:
    """Return the category of each answer.

    An answer with a choice is valid. Otherwise its line is looked up as a title among the candidates (where a match
    means that several share it), in the history and in the whole catalogue, in this order.

    Args:
        predictions: rows of the PREDICTIONS schema with text.
        titles: title of every item, by item id.
    """
    normalised = [normalise_title(title) for title in titles]
    catalogue = frozenset(normalised)
    return [_categorise(row, normalised, catalogue) for row in predictions.to_pylist()]


def _categorise(row: dict, titles: Titles, catalogue: frozenset[str]) -> AnswerCategory:
    if row["choice"] is not None:
        return AnswerCategory.VALID_RIGHT if row["choice"] == row["target"] else AnswerCategory.VALID_WRONG
    answer = normalise_title(answer_line(row["text"]))
    if answer in _titles_of(row["candidates"], titles):
        return AnswerCategory.AMBIGUOUS
    if answer in _titles_of(row["history"], titles):
        return AnswerCategory.HISTORY
    return AnswerCategory.OUTSIDE if answer in catalogue else AnswerCategory.UNRECOGNISED


def _titles_of(items: Iterable[int], titles: Titles) -> set[str]:
    return {titles[item] for item in items}
