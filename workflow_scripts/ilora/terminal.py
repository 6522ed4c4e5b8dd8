"""Escaping of text from data and models, which must not control the terminal."""

import re

#: Control characters of ASCII and Latin-1 except newline and tab, Unicode's line separators, and directional marks.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    r"""Return a text with all control characters escaped as in Python, such as ``\x1b``."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
