"""How often a chat model is asked, over all threads that ask it."""

import threading
from collections.abc import Callable


class Pace:
    """Keeps requests at an even distance.

    Args:
        requests_per_minute: how many may start in a minute.
        clock: seconds from a monotonic clock.
        sleep: waits for some seconds.
    """

    def __init__(
        self, requests_per_minute: float, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        self._distance = 60.0 / requests_per_minute
        self._clock, self._sleep = clock, sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._distance
        if turn > now:
            self._sleep(turn - now)

    def postpone(self, seconds: float) -> None:
        """Let no request take a turn for some seconds, as a server asked for."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
