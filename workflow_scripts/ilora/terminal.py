"""Text for a terminal, on which data and models' answers must not act."""

import re

#: Control characters of ASCII and Latin-1 but for newline and tab, ends of lines that only Unicode knows, and marks
#: that turn the direction of what follows.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    r"""Return a text with everything that a terminal would act on as Python writes it, such as ``\x1b``."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
