"""The key of a chat model's endpoint: from the environment alone, and nowhere written."""

from collections.abc import Mapping

#: What a server that wants no key is sent in its place, since the client insists on one.
NO_KEY = "none"

#: Shorter ones are no secrets but words such as "none", which may stand in any text.
_SHORTEST_SECRET = 8


def read_key(variable: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the key; None if there is none.

    Args:
        variable: name of the environment variable that holds it; None for a server that wants no key.
        environment: usually `os.environ`.
    """
    if variable is None:
        return NO_KEY
    return environment.get(variable, "").strip() or None


def without_key(text: str, key: str) -> str:
    """Return a text of the server, which may repeat what it was sent, with the key blotted out."""
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_SECRET else text
