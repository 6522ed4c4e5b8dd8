"""Metrics of methods that are trained on a share of the training users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from ilora.data.protocol_names import share_of
from ilora.data.training_users import number_of_users
from ilora.drift.measures import Trainings, by_method, columns
from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate, estimate_difference
from ilora.evaluation.variation import Variation, count_trainings, covered
from ilora.layout import Run
from ilora.scarcity.schemas import SCARCE_USERS

_ALL = 100


def measure_shares(predictions: Mapping[Run, pa.Table], training_users: int, settings: IntervalSettings) -> pa.Table:
    """Return the metrics of every method by the share of the training users.

    Args:
        predictions: tables of the PREDICTIONS schema, by run, of the protocols that
            `ilora.data.protocol_names.share_protocol` gives, that of all users among them; all of one data set.
        training_users: number of all training users.
        settings: how intervals are computed.

    Returns:
        A table of schema `SCARCE_USERS`, by method, metric and share.

    Raises:
        ValueError: the runs did not answer the same candidate sets.
    """
    dataset = next(iter(predictions)).dataset
    rows = []
    for (method, backbone), protocols in by_method(predictions).items():
        _check_sets(protocols)
        draws_of: dict[int, list[Trainings]] = {}
        for protocol, trainings in protocols.items():
            part = share_of(protocol)
            draws_of.setdefault(_ALL if part is None else part.percent, []).append(trainings)
        (whole,) = draws_of[_ALL]
        for metric in whole.metrics:
            for share in sorted(draws_of):
                draws = draws_of[share]
                values = _runs(draws, metric)
                found = estimate(values, settings)
                difference = estimate_difference(values, whole.metrics[metric], settings) if share != _ALL else None
                rows.append(
                    {
                        "dataset": dataset,
                        "backbone": backbone,
                        "method": method,
                        "metric": metric,
                        "share": share,
                        "training_users": number_of_users(training_users, share),
                        "draws_of_users": len(draws),
                        **columns("value", found),
                        **columns("difference", difference),
                        "users": found.n,
                        "seeds": len(whole.runs),
                        "draws": whole.draws,
                        "confidence": settings.confidence,
                        "covers": _covers(draws),
                    }
                )
    return pa.Table.from_pylist(rows, schema=SCARCE_USERS)


def _check_sets(protocols: Mapping[str, Trainings]) -> None:
    (first, one), *others = protocols.items()
    for protocol, other in others:
        if not np.array_equal(one.sets, other.sets):
            raise ValueError(
                f"{protocol} and {first} have other test users or candidate sets, expected the same ones. Make their "
                "predictions again."
            )


def _runs(draws: Sequence[Trainings], metric: str) -> Sequence[Ratio]:
    """Return what an estimate is the mean over: the trainings, or the draws of the users if there are several.

    The trainings on one draw are no independent ones, so that their mean counts once.
    """
    if len(draws) == 1:
        return draws[0].metrics[metric]
    return [_mean(draw.metrics[metric]) for draw in draws]


def _mean(runs: Sequence[Ratio]) -> Ratio:
    numerators, denominators = ([getattr(run, side) for run in runs] for side in ("numerator", "denominator"))
    return Ratio(runs[0].users, np.mean(numerators, axis=0), np.mean(denominators, axis=0))


def _covers(draws: Sequence[Trainings]) -> str:
    runs = [run for draw in draws for run in draw.runs]
    if len(draws) == 1:
        return covered(runs)
    trained = " and their trainings" if count_trainings(runs) else ""
    return f"{Variation.USERS} and draws of the training users{trained}"
