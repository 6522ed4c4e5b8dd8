"""The feedback loop: recommend, click, retrain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.feedback.policies import Policy
from ilora.feedback.slates import Slates, draw_clicks, top_items
from ilora.feedback.users import SimulatedUsers
from ilora.negative_transfer.groups import Sequences, concatenated

# Purposes of derived seeds; `ilora.feedback.users` has the lower numbers.
_EXPLORATION, _TIES, _CLICKS = 5, 6, 7


@dataclass(frozen=True)
class Display:
    """Display settings.

    Attributes:
        examination: probability that each position is examined, in descending order.
        exploration: fraction of the visits with a random slate.
    """

    examination: tuple[float, ...]
    exploration: float


@dataclass(frozen=True)
class Round:
    """A round of the simulation.

    Attributes:
        number: number of the round, from 0.
        visits: one visit per user; the targets are the users' preferences.
        slates: items shown at each visit.
        clicks: bool [visits, positions].
        explored: bool [visits], whether the slate was random instead of the policy's own.
    """

    number: int
    visits: Sequences
    slates: Slates
    clicks: NDArray[np.bool_]
    explored: NDArray[np.bool_]

    @property
    def log(self) -> Sequences:
        """The information available to a real system: one row per click, with the clicked item as the target."""
        visits, positions = np.nonzero(self.clicks)
        clicked = self.visits.rows(visits)
        return Sequences(clicked.groups, clicked.histories, self.slates[visits, positions], clicked.representations)


def simulate(users: SimulatedUsers, policy: Policy, display: Display, rounds: int) -> Iterator[Round]:
    """Yield round 0, in which an untrained policy shows random slates, and ``rounds`` more.

    After each round, the policy is retrained on the clicks of all rounds so far. Visits, exploration, tie-breaking,
    relevance and examination are drawn from ``users.seed`` and the round. They are thus the same for every policy, and
    all untrained policies get the same clicks in round 0.

    Args:
        users: users who visit and click.
        policy: policy that recommends; it is retrained in place.
        display: display settings.
        rounds: number of rounds after round 0.

    Raises:
        ValueError: nobody clicked in round 0, so that there is nothing to learn from.
    """
    log: list[Sequences] = []
    for number in range(rounds + 1):
        if log:
            policy.retrain(concatenated(log), number - 1)
        played = _play(users, policy, display, number)
        log.append(played.log)
        if not len(log[0].targets):
            raise ValueError("feedback: found no clicks in round 0, so there is nothing to learn from. Use more users.")
        yield played


def _play(users: SimulatedUsers, policy: Policy, display: Display, number: int) -> Round:
    visits = users.visits(number)
    relevance, examination = users.relevance_of_items(visits), np.array(display.examination)
    exploring, ties, clicking = (
        np.random.default_rng([users.seed, purpose, number]) for purpose in (_EXPLORATION, _TIES, _CLICKS)
    )
    explored = exploring.random(len(relevance)) < display.exploration
    scores = np.where(explored[:, None], 0.0, policy.scores(visits))
    slates = top_items(scores, len(examination), ties)
    return Round(number, visits, slates, draw_clicks(relevance, slates, examination, clicking), explored)
