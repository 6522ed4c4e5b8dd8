"""The loop: recommend, click, retrain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.feedback.policies import Policy
from ilora.feedback.slates import Slates, draw_clicks, top_items
from ilora.feedback.users import SimulatedUsers
from ilora.negative_transfer.groups import Sequences, concatenated

# What the seeds of draws are for; `ilora.feedback.users` has those below.
_EXPLORATION, _TIES, _CLICKS = 5, 6, 7


@dataclass(frozen=True)
class Display:
    """How items are shown.

    Attributes:
        examination: probability that each position is examined, in descending order.
        exploration: share of the visits that are shown a random slate.
    """

    examination: tuple[float, ...]
    exploration: float


@dataclass(frozen=True)
class Round:
    """What happened in one.

    Attributes:
        number: from 0.
        visits: one of each user; the targets are the users' taste.
        slates: what was shown.
        clicks: bool [visits, positions].
        explored: bool [visits], whether the slate was drawn at random in place of the policy's own.
    """

    number: int
    visits: Sequences
    slates: Slates
    clicks: NDArray[np.bool_]
    explored: NDArray[np.bool_]

    @property
    def log(self) -> Sequences:
        """What a system would know of it: one row for each click, the item that was clicked on as the target."""
        visits, positions = np.nonzero(self.clicks)
        clicked = self.visits.rows(visits)
        return Sequences(clicked.groups, clicked.histories, self.slates[visits, positions], clicked.representations)


def simulate(users: SimulatedUsers, policy: Policy, display: Display, rounds: int) -> Iterator[Round]:
    """Yield round 0, in which a policy that has to learn knows nothing and shows random slates, and ``rounds`` more.

    Between two rounds the policy is retrained on the clicks of all rounds so far. Visits, exploration, the order of
    equal scores, what is liked and what is examined are draws of ``users.seed`` and the round: every policy meets the
    same ones, and in round 0 every one that has to learn has the same clicks.

    Args:
        users: who visit and click.
        policy: what recommends; retrained in place.
        display: how items are shown.
        rounds: after round 0.

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
            raise ValueError("feedback: nobody clicked in round 0, which leaves nothing to learn. Take more users.")
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
