"""From requests to replies: each asked once, at a pace, again where it failed, and never above the ceiling."""

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
    """Whatever makes one attempt, as `ilora.baselines.chat.client.ChatClient` does."""

    def ask(self, request: ChatRequest) -> Reply:
        """Return the reply, or raise `FailedAttemptError` or `ChatError`."""
        ...


@dataclass(frozen=True)
class RequestLimits:
    """How a server is treated.

    Attributes:
        requests_per_minute: that may start, over all threads.
        concurrency: requests that may wait for an answer at once.
        attempts: at one request, before the run is given up.
    """

    requests_per_minute: float
    concurrency: int
    attempts: int


@dataclass
class Tally:
    """What one run did.

    Attributes:
        kept: requests whose answers were there already.
        sent: attempts that were made.
        failures: of these, those without an answer, by reason.
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
    """Answer every request, from the store where it can.

    Args:
        requests: in any order; one that stands there twice is asked once.
        client: makes the attempts.
        store: keeps each answer as soon as it is there.
        prices: of the model.
        limits: how the server is treated.
        logger: where failures and progress go.
        sleep: waits for some seconds; by default until then, or until the run stops.

    Returns:
        The reply to each request, in their order, and what was done for them.

    Raises:
        CeilingError: the next request could exceed the ceiling.
        ChatError: the server refuses, or a request failed in every attempt. What others answered by then is kept.
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
    """What the threads of one run share."""

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
        """Let no thread send another request; return the first reason that was given, since others follow from it."""
        with self._counting:
            self._reason = self._reason or reason
            self._stopped.set()
            return self._reason

    def answer(self, key: str, request: ChatRequest) -> Reply:
        """Return the reply to a request; if there is none, stop the run at once."""
        try:
            return self._answer(key, request)
        except BaseException as error:
            self.stop(error)
            raise

    def _answer(self, key: str, request: ChatRequest) -> Reply:
        """Return the reply to a request, after as many attempts as it takes and the limits allow."""
        for attempt in range(self._limits.attempts):
            self._pace.wait()
            if self._stopped.is_set():
                raise ChatError("not asked, since the run stopped before")
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
            f"the chat model's server gave no answer in {self._limits.attempts} attempts at one request, the last of "
            f"which ended with: {reason}. Look whether chat.base_url is right and the server up, then run again; what "
            "was answered is kept and not paid again."
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
                f"the server counted {reply.prompt_tokens} tokens in a prompt of {request.maximum_prompt_tokens} at "
                f"most and {reply.answer_tokens} in an answer of {request.model.maximum_answer_tokens} at most, so "
                f"that the request cost {show_usd(cost)} and chat.max_cost_usd cannot be kept. Find out what it "
                "counts (it may think before it answers, or not heed chat.answer_limit) before you run again."
            )
        return reply

    def _count(self, failure: str | None) -> None:
        with self._counting:
            if failure is None:
                self.tally.sent += 1
            else:
                self.tally.failures[failure] += 1
