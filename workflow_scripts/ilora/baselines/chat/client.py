"""A single attempt at a request, with the official client."""

import asyncio
import threading
from dataclasses import replace
from types import TracebackType

import httpx2
import openai

from ilora.baselines.chat.bodies import NOT_PACKED, limit_body
from ilora.baselines.chat.errors import ChatError, FailedAttemptError
from ilora.baselines.chat.keys import without_key
from ilora.baselines.chat.replies import Reply, UnreadableReplyError, read_reply
from ilora.baselines.chat.requests import ChatRequest
from ilora.baselines.chat.retries import asked_to_wait

#: Statuses after which another attempt may succeed, in addition to all from 500 on.
_TEMPORARY = (408, 409, 429)
#: A gateway failed, although the model behind it may have answered.
_LOST_BY_GATEWAY = (502, 504)
#: The request was not sent, so it cannot be billed.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_LONGEST_WAIT_SECONDS = 600.0
_LONGEST_MESSAGE = 300


class ChatClient:
    """A client of an endpoint, with one attempt per call, as a context manager; threads may share it.

    Errors never contain the key, even if the server repeats it.

    Args:
        base_url: address of the endpoint.
        key: API key of the endpoint.
        timeout_seconds: timeout for the whole answer; half of it for the connection.

    Raises:
        ChatError: the key cannot be sent.
    """

    def __init__(self, base_url: str, key: str, timeout_seconds: float) -> None:
        if not key.isascii() or not key.isprintable():
            raise ChatError(
                "the key in the environment variable that chat.key_variable names contains characters that are not "
                "allowed in a header. Copy it again; it is not shown here."
            )
        self._key, self._seconds = key, timeout_seconds
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            # The shorter timeout distinguishes an unreachable server from one that does not answer and may bill.
            timeout=httpx2.Timeout(timeout_seconds, connect=timeout_seconds / 2),
            # The caller counts, paces and pays for attempts, so the client must not retry by itself.
            max_retries=0,
            default_headers={"Accept-Encoding": NOT_PACKED},
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [limit_body]}),
        )

    def __enter__(self) -> "ChatClient":
        """Start the client and return it."""
        # A deadline for the whole answer, including headers, needs an event loop: a blocking read cannot be cancelled.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat client", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, request: ChatRequest) -> Reply:
        """Return the reply to a request.

        Raises:
            FailedAttemptError: there was no reply, but another attempt may succeed.
            ChatError: the server refuses the request or the key.
        """
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result()

    async def _ask(self, request: ChatRequest) -> Reply:
        # Always `from None`: the client's exceptions contain the request, and with it the key.
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.chat.completions.with_raw_response.create(**request.parameters)
            reply = read_reply(response.text)
        except TimeoutError:
            raise FailedAttemptError("timeout", may_be_billed=True) from None
        except openai.APITimeoutError as error:
            raise FailedAttemptError("timeout", may_be_billed=not _was_not_sent(error)) from None
        except openai.APIConnectionError as error:
            unsent = _was_not_sent(error)
            reason = "no connection" if unsent else "connection lost"
            raise FailedAttemptError(reason, may_be_billed=not unsent) from None
        except openai.APIStatusError as error:
            raise self._failure(error) from None
        except UnreadableReplyError as error:
            raise FailedAttemptError(str(error), may_be_billed=True) from None
        return replace(reply, text=without_key(reply.text, self._key))

    def _failure(self, error: openai.APIStatusError) -> Exception:
        status = error.status_code
        if (status in _TEMPORARY or status >= 500) and error.code != "insufficient_quota":
            wait = asked_to_wait(error.response.headers.get("retry-after"))
            if wait is None or wait <= _LONGEST_WAIT_SECONDS:
                return FailedAttemptError(f"HTTP {status}", may_be_billed=status in _LOST_BY_GATEWAY, wait_seconds=wait)
        # The server's message about a key may contain part of it.
        if status in (401, 403):
            return ChatError(
                f"the chat model's server does not accept the key (HTTP {status}). Check the key in the environment "
                "variable that chat.key_variable names, what it gives access to, and chat.model."
            )
        said = " ".join(without_key(error.response.text, self._key).split())[:_LONGEST_MESSAGE]
        return ChatError(
            f"the chat model's server refuses the request (HTTP {status}): {said}. Check chat.base_url, "
            "chat.model and the other settings of chat, then run again; stored answers are not paid for again."
        )


def _was_not_sent(error: openai.APIConnectionError) -> bool:
    return isinstance(error.__cause__, _NOT_SENT)
