"""Latency under concurrent requests."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import numpy.typing as npt
import torch


def seconds_under_load(
    answer: Callable[[int], object], users: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], float]:
    """Run one thread per client; each sends its next request when the previous one is answered.

    Torch computes each request on one core meanwhile, so that requests and not operations share the machine's cores.

    Args:
        answer: function that answers a user.
        users: user of each request, int64 [clients, requests].

    Returns:
        Seconds per request, float64 [clients, requests], and seconds from the first request to the last answer.
    """
    begin = Barrier(len(users) + 1)

    def client(asks: npt.NDArray[np.int64]) -> list[float]:
        torch.set_num_threads(1)
        begin.wait()
        return [_seconds(answer, int(user)) for user in asks]

    cores = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(len(users)) as clients:
            waiting = [clients.submit(client, asks) for asks in users]
            begin.wait()
            begun = time.perf_counter()
            seconds = np.array([each.result() for each in waiting])
            return seconds, time.perf_counter() - begun
    finally:
        torch.set_num_threads(cores)


def _seconds(answer: Callable[[int], object], user: int) -> float:
    begun = time.perf_counter()
    answer(user)
    return time.perf_counter() - begun
