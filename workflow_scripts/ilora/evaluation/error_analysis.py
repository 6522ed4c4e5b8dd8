"""Error analysis: answers by category, position of the target, length of the history, and popularity of the item.

Popularity is the number of interactions with an item in the training split alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import rankdata

from ilora.data.trajectories import item_counts, training_trajectories
from ilora.evaluation.answer_categories import AnswerCategory, categorise_answers
from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.metrics import SPLITS, hit_ratio, split_rows
from ilora.evaluation.schemas import ERROR_ANALYSIS
from ilora.evaluation.variation import covered
from ilora.layout import Run
from ilora.predictions.scores import candidate_matrix

#: Lower ends of the groups of target popularity, half decades apart.
POPULARITY_FLOORS = (0, 1, 4, 11, 32, 101, 317)

_Group = tuple[str, str, int]
_Ids = NDArray[np.integer]


@dataclass(frozen=True)
class ItemFacts:
    """Titles and popularity of the items of a data set.

    Attributes:
        titles: title of every item, by item id.
        popularity: interactions with each item in the training split, float64 [items].
    """

    titles: Sequence[str]
    popularity: NDArray[np.float64]


def item_facts(catalogue: pa.Table, sequences: pa.Table) -> ItemFacts:
    """Return the titles and popularity of a data set's items, from tables of the ITEMS and SEQUENCES schemas.

    Raises:
        ValueError: see `training_trajectories`.
    """
    popularity = item_counts(training_trajectories(sequences), catalogue.num_rows)
    return ItemFacts(catalogue["title"].to_pylist(), popularity)


def analyse_errors(
    runs: Sequence[Run], predictions: Sequence[pa.Table], items: ItemFacts, settings: IntervalSettings
) -> pa.Table:
    """Return the error analysis of one method on every split, averaged over the given runs.

    Args:
        runs: runs of one method, variant and data set that differ only in their seeds.
        predictions: predictions of each run; rows of the PREDICTIONS schema that have passed `check_predictions`.
        items: titles and popularity of the data set's items.
        settings: how intervals are computed.

    Returns:
        A table of the ERROR_ANALYSIS schema, without empty groups.
    """
    run = runs[0]
    labels = {
        **{name: getattr(run, name) for name in ("dataset", "protocol", "backbone", "method", "variant")},
        "seed": run.seed if len(runs) == 1 else None,
        "seeds": len(runs),
        "confidence": settings.confidence,
        "covers": covered(runs),
    }
    grouped = [dict(_group_ratios(table, items)) for table in predictions]
    rows = []
    for split in SPLITS:
        chosen = [split_rows(table, split) for table in predictions]
        for group in grouped[0]:
            ratios = [ratios[group].of_rows(mask) for ratios, mask in zip(grouped, chosen, strict=True)]
            counted = np.mean([np.count_nonzero(ratio.denominator) for ratio in ratios])
            if counted:
                rows.append(labels | {"split": split} | _named(group) | _estimated(ratios, round(counted), settings))
    return pa.Table.from_pylist(rows, schema=ERROR_ANALYSIS)


def _named(group: _Group) -> dict[str, str | int]:
    return dict(zip(("breakdown", "group", "order"), group, strict=True))


def _estimated(ratios: Sequence[Ratio], rows: int, settings: IntervalSettings) -> dict[str, float | int | None]:
    result = estimate(ratios, settings)
    defined = not np.isnan(result.value)
    ends = {"value": result.value, "low": result.low, "high": result.high} if defined else {}
    return {**ends, "n": result.n, "rows": rows}


def _group_ratios(predictions: pa.Table, items: ItemFacts) -> Iterator[tuple[_Group, Ratio]]:
    """Yield (breakdown, group, order) and the ratio of each group over all rows."""
    if predictions["text"].null_count == 0:
        yield from _by_category(predictions, items.titles)
    hits = hit_ratio(predictions)
    for breakdown, groups in (
        ("target_place", _places(predictions)),
        ("history_length", _history_lengths(predictions)),
        ("target_popularity", _target_popularities(predictions, items.popularity)),
    ):
        for order, (name, rows) in enumerate(groups):
            yield (breakdown, name, order), hits.counting(rows)
    yield from _popularity_bias(predictions, items.popularity)


def _by_category(predictions: pa.Table, titles: Sequence[str]) -> Iterator[tuple[_Group, Ratio]]:
    users = predictions["user_id"].to_numpy()
    categories = np.array(categorise_answers(predictions, titles))
    for order, category in enumerate(AnswerCategory):
        in_category = (categories == category).astype(np.float64)
        yield ("answer_category", str(category), order), Ratio(users, in_category, np.ones(len(users)))


def _places(predictions: pa.Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    is_target = candidate_matrix(predictions) == predictions["target"].to_numpy()[:, None]
    for place in range(is_target.shape[1]):
        yield str(place + 1), is_target[:, place]


def _history_lengths(predictions: pa.Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    lengths = pc.list_value_length(predictions["history"]).to_numpy()
    for length in np.unique(lengths):
        yield str(length), lengths == length


def _target_popularities(
    predictions: pa.Table, popularity: NDArray[np.float64]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    of_target = popularity[predictions["target"].to_numpy()]
    ceilings = [floor - 1 for floor in POPULARITY_FLOORS[1:]]
    for floor, ceiling in zip(POPULARITY_FLOORS, [*ceilings, None], strict=True):
        if ceiling is None:
            yield f"{floor} or more", of_target >= floor
        else:
            name = str(floor) if floor == ceiling else f"{floor} to {ceiling}"
            yield name, (of_target >= floor) & (of_target <= ceiling)


def _popularity_bias(predictions: pa.Table, popularity: NDArray[np.float64]) -> Iterator[tuple[_Group, Ratio]]:
    users, target = predictions["user_id"].to_numpy(), predictions["target"].to_numpy()
    choice = predictions["choice"].fill_null(-1).to_numpy()
    candidates = candidate_matrix(predictions)
    places = (rankdata(popularity[candidates], axis=1) - 1.0) / max(candidates.shape[1] - 1, 1)
    groups = {
        "target": (target, np.ones(len(users), dtype=bool)),
        "choice": (choice, choice >= 0),
        "wrong choice": (choice, (choice >= 0) & (choice != target)),
    }
    for order, (name, (item, counts)) in enumerate(groups.items()):
        place = np.where(candidates == item[:, None], places, 0.0).sum(axis=1)
        yield ("popularity_bias", name, order), Ratio(users, place, np.ones(len(users))).counting(counts)
