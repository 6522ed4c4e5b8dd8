"""One method against all others of a study, on the same candidate sets: differences, tests and their power."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.evaluation import full_ranking
from ilora.evaluation.intervals import (
    IntervalSettings,
    Ratio,
    estimate_difference,
    sum_by_user,
    variation_of_difference,
)
from ilora.evaluation.metrics import SPLITS, hit_ratio, split_rows
from ilora.evaluation.schemas import DIFFERENCES, POWER
from ilora.evaluation.significance import holm, minimum_detectable_difference, sign_flip_test
from ilora.evaluation.trainings import TrainingVariation
from ilora.evaluation.variation import count_trainings, covered
from ilora.layout import Run

_METRIC = "hit_ratio@1"
_Side = tuple[str, str]

#: What a comparison is called, and the tables of its two sides.
_Pair = tuple[dict[str, Any], list[list[pa.Table]]]

# Of an NDCG of 1, in which the exact test over users counts: its time and memory grow with their square. The places up
# to 10 differ by one at least, and a half, a third, a quarter, a fifth and a sixth are whole numbers of them.
_STEPS = 60

#: A whole number for each user, int64 [users], and how many of them a difference of 1 is.
_Counted = tuple[NDArray[np.int64], float]


def compare_with(reference: str, predictions: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return HitRatio@1 of one method minus that of every other one of its data set and protocol, paired by user.

    Intervals and p-values are over users and, where the methods were trained several times, over trainings; the
    trainings of one seed are paired. Holm's correction is over all rows of one split, whatever their data set: the
    comparisons that a reader of one table makes. A method that answered fewer draws of candidate sets is compared on
    those alone.

    Args:
        reference: id of the method that the others are compared with.
        predictions: tables of the PREDICTIONS schema, by run; only those of the variant "default" are compared.
        settings: how intervals are computed; tests are at the level 1 - confidence.

    Returns:
        A table of the DIFFERENCES schema, a row for each other method and split; empty without the reference.

    Raises:
        ValueError: two methods were evaluated on different users.
    """
    pairs = [(labels, _of_shared_draws(*sides)) for labels, sides in _pairs(reference, predictions, _METRIC)]

    def measure(table: pa.Table, split: str) -> Ratio:
        return hit_ratio(table).of_rows(split_rows(table, split))

    return _differences(pairs, SPLITS, measure, _hits_of_users, settings)


def compare_rankings(reference: str, ranks: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return NDCG@10 of the full ranking by one method minus that of every other one, as `compare_with` does.

    The test over users counts differences in steps of a 60th.

    Args:
        reference: id of the method that the others are compared with.
        ranks: tables of the RANKS schema, by run.
        settings: how intervals are computed; tests are at the level 1 - confidence.

    Raises:
        ValueError: two methods were evaluated on different users.
    """
    pairs = list(_pairs(reference, ranks, full_ranking.COMPARED))

    def measure(table: pa.Table, split: str) -> Ratio:
        return full_ranking.ranking_ratio(table, full_ranking.COMPARED, split)

    return _differences(pairs, full_ranking.SPLITS, measure, _steps_of_users, settings)


def _differences(
    pairs: Sequence[_Pair],
    splits: Iterable[str],
    measure: Callable[[pa.Table, str], Ratio],
    count: Callable[[Sequence[Ratio], Sequence[Ratio]], _Counted],
    settings: IntervalSettings,
) -> pa.Table:
    """Return a table of the DIFFERENCES schema of a metric; `measure` gives it of a run and split."""
    rows = []
    for split in splits:
        compared = []
        for labels, sides in pairs:
            ours, theirs = ([measure(table, split) for table in side] for side in sides)
            compared.append(_compare({**labels, "split": split}, ours, theirs, settings, count))
        _correct(compared, settings)
        rows += compared
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)


def _pairs(reference: str, tables: Mapping[Run, pa.Table], metric: str) -> Iterator[_Pair]:
    """Yield labels and tables of the reference and of each other method, wherever both were run."""
    sides: dict[tuple[str, str], dict[_Side, dict[Run, pa.Table]]] = {}
    for run, table in tables.items():
        if run.variant == "default":
            sides.setdefault(run.data, {}).setdefault((run.method, run.backbone), {})[run] = table
    for (dataset, protocol), methods in sides.items():
        for first in [side for side in methods if side[0] == reference]:
            for second in [side for side in methods if side[0] != reference]:
                labels = {
                    "dataset": dataset,
                    "protocol": protocol,
                    "first": first[0],
                    "first_backbone": first[1],
                    "second": second[0],
                    "second_backbone": second[1],
                    "metric": metric,
                    "seeds": _seeds(methods[first], methods[second]),
                    "covers": covered(methods[first], methods[second]),
                }
                yield labels, [_by_seed(methods[first]), _by_seed(methods[second])]


def _of_shared_draws(*sides: list[pa.Table]) -> list[list[pa.Table]]:
    """Return the rows of the draws of candidate sets that every table has."""
    shared = set.intersection(*(set(table["draw"].to_pylist()) for side in sides for table in side))
    return [_of_draws(side, shared) for side in sides]


def _of_draws(tables: list[pa.Table], draws: set[int]) -> list[pa.Table]:
    return [table.filter(pc.is_in(table["draw"], pa.array(sorted(draws), pa.int32()))) for table in tables]


def _by_seed(side: Mapping[Run, pa.Table]) -> list[pa.Table]:
    return [side[run] for run in sorted(side, key=lambda run: run.seed)]


def _seeds(*sides: Mapping[Run, pa.Table]) -> int:
    return min(filter(None, map(count_trainings, sides)), default=1)


def _compare(
    labels: Mapping[str, Any],
    ours: Sequence[Ratio],
    theirs: Sequence[Ratio],
    settings: IntervalSettings,
    count: Callable[[Sequence[Ratio], Sequence[Ratio]], _Counted],
) -> dict[str, Any]:
    """Return a row of the DIFFERENCES schema before correction, with the deviation of the users' differences.

    How the difference varies over trainings is there too, as "variation".
    """
    counted, answers = count(ours, theirs)
    found = estimate_difference(ours, theirs, settings)
    users = np.unique(ours[0].users)
    variation = variation_of_difference(sum_by_user(ours, users), sum_by_user(theirs, users))
    p_users = sign_flip_test(counted)
    return {
        **labels,
        **vars(found),
        "variation": variation,
        "first_ahead": int((counted > 0).sum()),
        "second_ahead": int((counted < 0).sum()),
        "p_users": float(p_users),
        "p": float(variation.widen_p_value(p_users, np.asarray(found.value), max(len(users), 2))),
        "deviation": float(counted.std(ddof=1) / answers) if len(counted) > 1 else math.nan,
    }


def _hits_of_users(first: Sequence[Ratio], second: Sequence[Ratio]) -> _Counted:
    """Return each user's hits by the first method minus those by the second, int64 [users], and the answers per user.

    With unequally many runs on the two sides, both are scaled to the least common number of runs.
    """
    runs = math.lcm(len(first), len(second))
    users = np.unique(first[0].users)
    scaled = [np.rint(sum_by_user(side, users).numerator.sum(axis=0)) * (runs // len(side)) for side in (first, second)]
    return (scaled[0] - scaled[1]).astype(np.int64), runs * len(first[0].users) / len(users)


def _steps_of_users(first: Sequence[Ratio], second: Sequence[Ratio]) -> _Counted:
    """Return each user's mean gain by the first method minus that by the second, in steps, and the steps of 1."""
    users = np.unique(first[0].users)
    means = [sum_by_user(side, users) for side in (first, second)]
    ours, theirs = (side.numerator.mean(axis=0) / side.denominator.mean(axis=0) for side in means)
    return np.rint((ours - theirs) * _STEPS).astype(np.int64), float(_STEPS)


def _detectable(deviation: float, users: int, variation: TrainingVariation, level: float) -> float:
    """Return the smallest true difference that a test over users and trainings finds with the probability `POWER`.

    What each of the two takes alone adds up by squares, as the intervals do. NaN where no user differs.
    """
    over_users = minimum_detectable_difference(deviation, users, level, POWER)
    # The textbook's sum of quantiles: within a tenth of the noncentral t's for so few trainings.
    over_trainings = [
        float(spread.error * (spread.quantile(level) + spread.quantile(2.0 * (1.0 - POWER))))
        for spread in variation.spreads
    ]
    return max(over_users, math.hypot(over_users * math.sqrt(variation.users_share), *over_trainings))


def _correct(rows: list[dict[str, Any]], settings: IntervalSettings) -> None:
    """Add to the rows of one split what depends on how many they are, in place."""
    level = 1.0 - settings.confidence
    for row, corrected in zip(rows, holm(np.array([row["p"] for row in rows])), strict=True):
        deviation, variation, users = row.pop("deviation"), row.pop("variation"), row["n"]
        detectable, strictest = (_detectable(deviation, users, variation, each) for each in (level, level / len(rows)))
        row |= {
            "p_holm": float(corrected),
            "comparisons": len(rows),
            "minimum_detectable": None if math.isnan(detectable) else detectable,
            "minimum_detectable_holm": None if math.isnan(strictest) else strictest,
            "confidence": settings.confidence,
        }
