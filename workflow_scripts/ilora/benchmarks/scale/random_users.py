"""Random users, drawn before the timing."""

from collections.abc import Callable, Iterator
from itertools import cycle

import torch


def for_random_users(
    run: Callable[[torch.Tensor], object], users: int, *, calls: int, batch: int
) -> Callable[[], object]:
    """Return a function that calls ``run`` with the next random users.

    Args:
        run: function of some users, int64 [batch].
        users: number of users to draw from.
        calls: calls after which the same users come again.
        batch: number of users in a call.
    """
    drawn = torch.randint(users, (calls, batch), generator=torch.Generator().manual_seed(0))
    following: Iterator[torch.Tensor] = cycle(drawn)
    return lambda: run(next(following))
