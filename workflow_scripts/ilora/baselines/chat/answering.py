"""Sending requests to a chat model: with rate limiting, retries with exponential backoff, and a spending ceiling."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Protocol

from ilora.baselines.chat.answer_store import AnswerStore
from ilora.baselines.chat.errors import ChatError, FailedAttemptError
from ilora.baselines.chat.pace import Pace
from ilora.baselines.chat.prices import Prices, show_usd
from ilora.baselines.chat.replies import Reply
from ilora.baselines.chat.requests import ChatRequest
from ilora.baselines.chat.retries import pause_seconds
from ilora.progress import Progress


class Client(Protocol):
    """A client that makes one attempt, such as `ilora.baselines.chat.client.ChatClient`."""

    def ask(self, request: ChatRequest) -> Reply:
        """Return the reply, or raise `FailedAttemptError` or `ChatError`."""
        ...


@dataclass(frozen=True)
class RequestLimits:
    """Limits on the requests to a server.

    Attributes:
        requests_per_minute: maximum rate of requests, over all threads.
        concurrency: maximum number of requests in flight.
        attempts: maximum number of attempts per request, after which the run fails.
    """

    requests_per_minute: float
    concurrency: int
    attempts: int


@dataclass
class Tally:
    """Counters of one run.

    Attributes:
        kept: number of requests with stored answers.
        sent: number of attempts.
        failures: number of attempts without an answer, by reason.
    """

    kept: int = 0
    sent: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return the tally as a sentence."""
        reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(self.failures.items()))
        return f"{self.kept} answers were kept before, {self.sent} requests sent, failed: {reasons or 'none'}"


def answer_requests(
    requests: Sequence[ChatRequest],
    client: Client,
    store: AnswerStore,
    prices: Prices,
    limits: RequestLimits,
    logger: logging.Logger,
    *,
    sleep: Callable[[float], object] | None = None,
) -> tuple[list[Reply], Tally]:
    """Answer every request, from the store if possible.

    Args:
        requests: requests in any order; duplicates are sent once.
        client: client that makes the attempts.
        store: store that keeps each answer as soon as it arrives.
        prices: prices of the model.
        limits: limits on the requests to the server.
        logger: logger for failures and progress.
        sleep: function that waits for a number of seconds; the default also returns when the run stops.

    Returns:
        The reply to each request, in the order of the requests, and the counters of the run.

    Raises:
        CeilingError: the next request could exceed the ceiling.
        ChatError: the server refuses, or a request failed in every attempt. Earlier answers are kept.
    """
    run = _Run(client, store, prices, limits, logger, sleep)
    wanted = {request.key: request for request in requests}
    replies = {key: reply for key in wanted if (reply := store.answer(key)) is not None}
    run.tally.kept = len(replies)
    missing = [key for key in wanted if key not in replies]
    with (
        Progress(len(missing), "asking the chat model", logger) as progress,
        ThreadPoolExecutor(limits.concurrency) as threads,
    ):
        asked = {threads.submit(run.answer, key, wanted[key]): key for key in missing}
        try:
            for future in as_completed(asked):
                replies[asked[future]] = future.result()
                progress.update()
        except BaseException as error:
            reason = run.stop(error)
            threads.shutdown(cancel_futures=True)
            logger.info("stopped: %s", run.tally)
            raise reason from None
    logger.info("%s", run.tally)
    return [replies[request.key] for request in requests], run.tally


class _Run:
    """The state that the threads of one run share."""

    def __init__(
        self,
        client: Client,
        store: AnswerStore,
        prices: Prices,
        limits: RequestLimits,
        logger: logging.Logger,
        sleep: Callable[[float], object] | None,
    ) -> None:
        self.tally = Tally()
        self._client, self._store, self._prices, self._limits = client, store, prices, limits
        self._logger = logger
        self._reason: BaseException | None = None
        self._stopped = threading.Event()
        self._sleep = self._stopped.wait if sleep is None else sleep
        self._pace = Pace(limits.requests_per_minute, time.monotonic, self._sleep)
        self._counting = threading.Lock()

    def stop(self, reason: BaseException) -> BaseException:
        """Stop all threads from sending requests; return the first reason, because later ones follow from it."""
        with self._counting:
            self._reason = self._reason or reason
            self._stopped.set()
            return self._reason

    def answer(self, key: str, request: ChatRequest) -> Reply:
        """Return the reply to a request; stop the whole run if it fails."""
        try:
            return self._answer(key, request)
        except BaseException as error:
            self.stop(error)
            raise

    def _answer(self, key: str, request: ChatRequest) -> Reply:
        """Return the reply to a request, with as many attempts as the limits allow."""
        for attempt in range(self._limits.attempts):
            self._pace.wait()
            if self._stopped.is_set():
                raise ChatError("not sent, because the run was stopped")
            try:
                return self._attempt(key, request)
            except FailedAttemptError as failure:
                reason = failure.reason
                self._count(reason)
                self._logger.warning("attempt %d of %d: %s", attempt + 1, self._limits.attempts, reason)
                self._pace.postpone(failure.wait_seconds or 0.0)
            if attempt + 1 < self._limits.attempts:
                self._sleep(pause_seconds(key, attempt))
        raise ChatError(
            f"the chat model's server gave no answer in {self._limits.attempts} attempts at one request; the last one "
            f"failed with: {reason}. Check that chat.base_url is right and the server is up, then run again; stored "
            "answers are kept and not paid for again."
        )

    def _attempt(self, key: str, request: ChatRequest) -> Reply:
        highest = self._prices.cost(request.maximum_prompt_tokens, request.model.maximum_answer_tokens)
        entry = self._store.reserve(key, highest)
        self._count(None)
        try:
            reply = self._client.ask(request)
        except FailedAttemptError as failure:
            (self._store.write_off if failure.may_be_billed else self._store.release)(entry)
            raise
        except ChatError:
            self._store.release(entry)
            raise
        except BaseException:
            self._store.write_off(entry)
            raise
        counted = reply.prompt_tokens is not None and reply.answer_tokens is not None
        cost = self._prices.cost(reply.prompt_tokens or 0, reply.answer_tokens or 0) if counted else highest
        self._store.keep(entry, key, request.content, reply, cost)
        if cost > highest:
            raise ChatError(
                f"the server counted {reply.prompt_tokens} tokens in a prompt of at most "
                f"{request.maximum_prompt_tokens} and {reply.answer_tokens} in an answer of at most "
                f"{request.model.maximum_answer_tokens}, so the request cost {show_usd(cost)} and chat.max_cost_usd "
                "cannot be guaranteed. Find out what the server counts (it may count reasoning tokens or ignore "
                "chat.answer_limit) before you run again."
            )
        return reply

    def _count(self, failure: str | None) -> None:
        with self._counting:
            if failure is None:
                self.tally.sent += 1
            else:
                self.tally.failures[failure] += 1
