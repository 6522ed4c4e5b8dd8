"""Errors of requests to a chat model."""


class ChatError(RuntimeError):
    """The run cannot continue. The message says what to do; stored answers are kept."""


class CeilingError(ChatError):
    """The next request could exceed the spending ceiling."""


class FailedAttemptError(Exception):
    """An attempt failed, but another may succeed.

    Attributes:
        reason: kind of failure, in fixed words.
        may_be_billed: whether the provider may have billed the request nonetheless.
        wait_seconds: delay that the server requested; None if it requested none.
    """

    def __init__(self, reason: str, *, may_be_billed: bool, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_be_billed = may_be_billed
        self.wait_seconds = wait_seconds
