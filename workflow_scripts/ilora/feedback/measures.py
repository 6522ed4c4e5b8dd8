"""Measurements in each round, from the users' known preferences and from the log."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ilora.feedback.simulation import Round
from ilora.feedback.slates import expected_clicks, most_expected_clicks, shown_relevance
from ilora.feedback.users import SimulatedUsers


def gini(exposures: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of item exposure: 0 if all are equal, (n - 1) / n if only one of n items is shown.

    Args:
        exposures: int64 [items], not all 0.
    """
    ordered, items = np.sort(exposures), len(exposures)
    ranks = np.arange(1, items + 1)
    return float(((2 * ranks - items - 1) * ordered).sum() / (items * ordered.sum()))


def measurements(played: Round, users: SimulatedUsers, examination: tuple[float, ...]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one round: all users (group None), then each group.

    Hits, relevance and regret are based on the users' known preferences, over all visits, including those with a random
    slate. Coverage and concentration are those of the policy's own slates over all users, because even a few random
    slates show every item.

    Args:
        played: the round.
        users: users who visited.
        examination: probability that each position is examined, in descending order.
    """
    relevance, examined = users.relevance_of_items(played.visits), np.array(examination)
    shown = shown_relevance(relevance, played.slates)
    by_visit: dict[str, NDArray[Any]] = {
        "hit_ratio@1": played.slates[:, 0] == played.visits.targets,
        "hit_ratio": (played.slates == played.visits.targets[:, None]).any(axis=1),
        "relevance": shown.mean(axis=1),
        "click_rate": played.clicks.mean(axis=1),
        "regret": most_expected_clicks(relevance, examined) - expected_clicks(shown, examined),
    }
    exposures = np.bincount(played.slates[~played.explored].ravel(), minlength=users.rules.items)
    everybody = np.ones(len(shown), dtype=bool)
    catalogue = {"coverage": float((exposures > 0).mean()), "gini": gini(exposures)} if exposures.any() else {}
    yield _row(played.number, None, by_visit, everybody) | catalogue
    for group in range(len(users.group_sizes)):
        yield _row(played.number, group, by_visit, played.visits.groups == group)


def _row(
    number: int, group: int | None, by_visit: dict[str, NDArray[Any]], counted: NDArray[np.bool_]
) -> dict[str, Any]:
    means = {name: float(values[counted].mean()) for name, values in by_visit.items()}
    return {"round": number, "group": group, "visits": int(counted.sum()), **means}
