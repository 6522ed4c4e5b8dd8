"""One method against all others of a study, on the same candidate sets: differences, tests and their power."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
    pairs = list(_pairs(reference, predictions))
    rows = []
    for split in SPLITS:
        compared = [_compare(labels, first, second, split, settings) for labels, first, second in pairs]
        _correct(compared, settings)
        rows += compared
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)


def _pairs(
    reference: str, predictions: Mapping[Run, pa.Table]
) -> Iterator[tuple[dict[str, Any], list[pa.Table], list[pa.Table]]]:
    """Yield labels and tables of the reference and of each other method, wherever both were run."""
    sides: dict[tuple[str, str], dict[_Side, dict[Run, pa.Table]]] = {}
    for run, table in predictions.items():
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
                    "metric": _METRIC,
                    "seeds": _seeds(methods[first], methods[second]),
                    "covers": covered(methods[first], methods[second]),
                }
                ours, theirs = _by_seed(methods[first]), _by_seed(methods[second])
                shared = set.intersection(*(set(table["draw"].to_pylist()) for table in (*ours, *theirs)))
                yield labels, _of_draws(ours, shared), _of_draws(theirs, shared)


def _of_draws(tables: list[pa.Table], draws: set[int]) -> list[pa.Table]:
    return [table.filter(pc.is_in(table["draw"], pa.array(sorted(draws), pa.int32()))) for table in tables]


def _by_seed(side: Mapping[Run, pa.Table]) -> list[pa.Table]:
    return [side[run] for run in sorted(side, key=lambda run: run.seed)]


def _seeds(*sides: Mapping[Run, pa.Table]) -> int:
    return min(filter(None, map(count_trainings, sides)), default=1)


def _compare(
    labels: Mapping[str, Any], first: list[pa.Table], second: list[pa.Table], split: str, settings: IntervalSettings
) -> dict[str, Any]:
    """Return a row of the DIFFERENCES schema before correction, with the deviation of the users' differences.

    How the difference varies over trainings is there too, as "variation".
    """
    ours, theirs = ([hit_ratio(table).of_rows(split_rows(table, split)) for table in side] for side in (first, second))
    hits, answers = _user_differences(ours, theirs)
    found = estimate_difference(ours, theirs, settings)
    users = np.unique(ours[0].users)
    variation = variation_of_difference(sum_by_user(ours, users), sum_by_user(theirs, users))
    p_users = sign_flip_test(hits)
    return {
        **labels,
        **vars(found),
        "variation": variation,
        "split": split,
        "first_ahead": int((hits > 0).sum()),
        "second_ahead": int((hits < 0).sum()),
        "p_users": float(p_users),
        "p": float(variation.widen_p_value(p_users, np.asarray(found.value), max(len(users), 2))),
        "deviation": float(hits.std(ddof=1) / answers) if len(hits) > 1 else math.nan,
    }


def _user_differences(first: Sequence[Ratio], second: Sequence[Ratio]) -> tuple[NDArray[np.int64], float]:
    """Return each user's hits by the first method minus those by the second, int64 [users], and the answers per user.

    With unequally many runs on the two sides, both are scaled to the least common number of runs.
    """
    runs = math.lcm(len(first), len(second))
    users = np.unique(first[0].users)
    scaled = [np.rint(sum_by_user(side, users).numerator.sum(axis=0)) * (runs // len(side)) for side in (first, second)]
    return (scaled[0] - scaled[1]).astype(np.int64), runs * len(first[0].users) / len(users)


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
