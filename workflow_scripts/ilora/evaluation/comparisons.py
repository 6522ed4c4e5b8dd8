"""Comparison of one method with all others of a study on the same candidate sets: differences, tests and power."""

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

#: Labels of a comparison, and the tables of its two sides.
_Pair = tuple[dict[str, Any], list[list[pa.Table]]]

# Number of steps into which the exact test over users divides an NDCG of 1; its time and memory grow with the square of
# this number. Adjacent ranks up to 10 differ by at least one step, and 1/2 to 1/6 are whole numbers of steps.
_STEPS = 60

#: An integer difference for each user, int64 [users], and the integer that stands for a difference of 1.
_Counted = tuple[NDArray[np.int64], float]


def compare_with(reference: str, predictions: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return HitRatio@1 of one method minus that of every other method on its data set and protocol, paired by user.

    Intervals and p-values cover users and, where methods were trained several times, trainings; trainings with the same
    seed are paired. Holm's correction covers all rows of a split across data sets, since these are the comparisons of
    one table. If a method answered fewer draws of candidate sets, only the shared draws are compared.

    Args:
        reference: id of the method to compare with all others.
        predictions: tables of the PREDICTIONS schema, by run; only those of the variant "default" are compared.
        settings: how intervals are computed; tests are at the level 1 - confidence.

    Returns:
        A table of the DIFFERENCES schema, with a row per other method and split; empty without the reference.

    Raises:
        ValueError: two methods were evaluated on different users.
    """
    pairs = [(labels, _of_shared_draws(*sides)) for labels, sides in _pairs(reference, predictions, _METRIC)]

    def measure(table: pa.Table, split: str) -> Ratio:
        return hit_ratio(table).of_rows(split_rows(table, split))

    return _differences(pairs, SPLITS, measure, _hits_of_users, settings)


def compare_rankings(reference: str, ranks: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return NDCG@10 of one method's full ranking minus that of every other method; see `compare_with`.

    The test over users rounds differences to steps of 1/60.

    Args:
        reference: id of the method to compare with all others.
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
    """Return a table of the DIFFERENCES schema for the metric that `measure` computes from a run and split."""
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
    """Yield the labels and tables of the reference with each other method, wherever both were run."""
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
    """Return the rows with draws of candidate sets that all tables contain."""
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
    """Return a row of the DIFFERENCES schema before correction.

    It additionally holds the standard deviation of the users' differences ("deviation") and the variation of the
    difference over trainings ("variation").
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

    If the sides differ in their number of runs, both are scaled to the least common multiple.
    """
    runs = math.lcm(len(first), len(second))
    users = np.unique(first[0].users)
    scaled = [np.rint(sum_by_user(side, users).numerator.sum(axis=0)) * (runs // len(side)) for side in (first, second)]
    return (scaled[0] - scaled[1]).astype(np.int64), runs * len(first[0].users) / len(users)


def _steps_of_users(first: Sequence[Ratio], second: Sequence[Ratio]) -> _Counted:
    """Return each user's mean gain by the first method minus that by the second, in steps, and the steps per 1."""
    users = np.unique(first[0].users)
    means = [sum_by_user(side, users) for side in (first, second)]
    ours, theirs = (side.numerator.mean(axis=0) / side.denominator.mean(axis=0) for side in means)
    return np.rint((ours - theirs) * _STEPS).astype(np.int64), float(_STEPS)


def _detectable(deviation: float, users: int, variation: TrainingVariation, level: float) -> float:
    """Return the smallest true difference that a test over users and trainings detects with power `POWER`.

    The detectable differences over users and over trainings are combined in quadrature, like the intervals. NaN where
    no user differs.
    """
    over_users = minimum_detectable_difference(deviation, users, level, POWER)
    # The textbook's sum of quantiles: within 10 % of the noncentral t for so few trainings.
    over_trainings = [
        float(spread.error * (spread.quantile(level) + spread.quantile(2.0 * (1.0 - POWER))))
        for spread in variation.spreads
    ]
    return max(over_users, math.hypot(over_users * math.sqrt(variation.users_share), *over_trainings))


def _correct(rows: list[dict[str, Any]], settings: IntervalSettings) -> None:
    """Add the columns that depend on the number of comparisons to the rows of one split, in place."""
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
