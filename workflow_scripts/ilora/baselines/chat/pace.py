"""Rate limiting of requests to a chat model, over all threads."""

import threading
from collections.abc import Callable


class Pace:
    """A rate limiter that spaces requests evenly.

    Args:
        requests_per_minute: maximum number of requests that start per minute.
        clock: function that returns the seconds of a monotonic clock.
        sleep: function that waits for a number of seconds.
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
        """Delay all further requests by a number of seconds, as requested by a server."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
