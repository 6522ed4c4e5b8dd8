"""What can go wrong between us and a chat model."""


class ChatError(RuntimeError):
    """Asking cannot go on. The message says what to do; answers that were kept stay."""


class CeilingError(ChatError):
    """The next request could cost more than is left of what may be spent."""


class FailedAttemptError(Exception):
    """One attempt brought no answer, and another may.

    Attributes:
        reason: what happened, the same words for the same kind of failure.
        may_be_billed: whether the provider may have counted the request nonetheless.
        wait_seconds: how long the server wants to be left alone; None if it does not say.
    """

    def __init__(self, reason: str, *, may_be_billed: bool, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_be_billed = may_be_billed
        self.wait_seconds = wait_seconds
