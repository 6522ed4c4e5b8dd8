"""The API key of a chat model's endpoint, which is read only from the environment and never written."""

from collections.abc import Mapping

#: Placeholder for servers without a key, because the client requires one.
NO_KEY = "none"

#: Shorter keys are not secrets but words such as "none", which may occur in any text.
_SHORTEST_SECRET = 8


def read_key(variable: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the key; None if the variable is not set.

    Args:
        variable: name of the environment variable that holds the key; None for a server without keys.
        environment: usually `os.environ`.
    """
    if variable is None:
        return NO_KEY
    return environment.get(variable, "").strip() or None


def without_key(text: str, key: str) -> str:
    """Return a text from the server with the key redacted, because a server may repeat it."""
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_SECRET else text
