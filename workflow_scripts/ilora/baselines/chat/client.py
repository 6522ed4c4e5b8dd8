"""One attempt to have a request answered, by the official client."""

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

#: Statuses after which another attempt may succeed, besides all from 500 on.
_TEMPORARY = (408, 409, 429)
#: A gateway lost an answer that the model behind it may have given.
_LOST_BY_GATEWAY = (502, 504)
#: The request never left: nobody can bill it.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_LONGEST_WAIT_SECONDS = 600.0
_LONGEST_MESSAGE = 300


class ChatClient:
    """Asks an endpoint, once for each call, as a context manager; threads may share it.

    No error holds the key, nor what the server repeats of it.

    Args:
        base_url: address of the endpoint.
        key: of the endpoint.
        timeout_seconds: how long to wait for the whole answer; for the connection, half as long.

    Raises:
        ChatError: the key cannot be sent.
    """

    def __init__(self, base_url: str, key: str, timeout_seconds: float) -> None:
        if not key.isascii() or not key.isprintable():
            raise ChatError(
                "the key in the environment variable that chat.key_variable names holds characters that no header may "
                "hold. Copy it anew; it is not shown here."
            )
        self._key, self._seconds = key, timeout_seconds
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            # So that a server that is not there is told from one that does not answer, which may be paid.
            timeout=httpx2.Timeout(timeout_seconds, connect=timeout_seconds / 2),
            # Attempts are counted, paced and paid for by the caller, so the client makes none of its own.
            max_retries=0,
            default_headers={"Accept-Encoding": NOT_PACKED},
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [limit_body]}),
        )

    def __enter__(self) -> "ChatClient":
        """Return the client, which can be asked from now on."""
        # A deadline over all of an answer, headers included, needs a loop: a thread cannot be told to stop reading.
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
            FailedAttemptError: there was none in time, and another attempt may bring one.
            ChatError: the server refuses such requests, or has no use for this key.
        """
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result()

    async def _ask(self, request: ChatRequest) -> Reply:
        # `from None` everywhere: the client's exceptions hold the request, and with it the key.
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
        # The server's words on a key may hold a part of it.
        if status in (401, 403):
            return ChatError(
                f"the chat model's server does not accept the key (HTTP {status}). Check the key in the environment "
                "variable that chat.key_variable names, what it gives access to, and chat.model."
            )
        said = " ".join(without_key(error.response.text, self._key).split())[:_LONGEST_MESSAGE]
        return ChatError(
            f"the chat model's server refuses the request (HTTP {status}) and says: {said}. Check chat.base_url, "
            "chat.model and the settings beside them, then run again; answers that were kept are not paid again."
        )


def _was_not_sent(error: openai.APIConnectionError) -> bool:
    return isinstance(error.__cause__, _NOT_SENT)
