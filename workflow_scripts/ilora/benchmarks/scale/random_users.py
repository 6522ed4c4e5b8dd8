"""Users who ask at random, drawn before anything is timed."""

from collections.abc import Callable, Iterator
from itertools import cycle

import torch


def for_random_users(
    run: Callable[[torch.Tensor], object], users: int, *, calls: int, batch: int
) -> Callable[[], object]:
    """Return a function that runs for the next users each time it is called.

    Args:
        run: takes users, int64 [batch].
        users: number of users that there are.
        calls: calls after which the same users ask again.
        batch: users who ask together.
    """
    drawn = torch.randint(users, (calls, batch), generator=torch.Generator().manual_seed(0))
    following: Iterator[torch.Tensor] = cycle(drawn)
    return lambda: run(next(following))
