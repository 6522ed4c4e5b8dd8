"""Delays between attempts at a request: exponential backoff and `Retry-After`."""

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


def pause_seconds(key: str, attempt: int) -> float:
    """Return the pause after a failed attempt: exponential backoff with up to 50% jitter.

    The jitter is a pure function of the request and the attempt, and prevents requests that failed together from being
    retried together.

    Args:
        key: key of the request.
        attempt: number of the failed attempt, from 0.
    """
    longest = min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS)
    digest = hashlib.sha256(f"pause/{key}/{attempt}".encode()).digest()
    return longest * (0.5 + 0.5 * int.from_bytes(digest[:4]) / 2**32)


def asked_to_wait(retry_after: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which is a number or a date; None if there is no valid value."""
    if retry_after is None:
        return None
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        pass
    try:
        wanted = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((wanted.replace(tzinfo=wanted.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
