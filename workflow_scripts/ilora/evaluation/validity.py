"""Which candidate a generated text names: the exact rule.

Two titles are the same when they agree after Unicode normalisation (NFC), with every run of white space
counted as one space and none at the ends. Case and punctuation count.
"""

import unicodedata
from collections.abc import Mapping, Sequence


def resolve_choice(text: str, candidates: Sequence[int], titles: Sequence[str] | Mapping[int, str]) -> int | None:
    """Return the candidate that the first line of `text` names, or None when the answer is invalid.

    The answer is valid when the first line equals the title of exactly one candidate. A line that merely
    contains a title is invalid. So is a title that two of the candidates share (MovieLens-100K has twenty
    duplicated titles): such an answer is ambiguous, it counts as invalid, and so as no hit, even if one of
    the two is the target. Duplicates outside of the candidate set do not matter.

    Args:
        text: what the model wrote; only what stands before the first newline counts.
        candidates: item ids of the candidate set.
        titles: the title of each item, looked up by item id.

    Raises:
        LookupError: `titles` has no entry for a candidate.
    """
    answer = normalise_title(text.split("\n", 1)[0])
    named = [item for item in candidates if normalise_title(titles[item]) == answer]
    return named[0] if len(named) == 1 else None


def normalise_title(title: str) -> str:
    """Return the form in which two titles are compared: NFC, single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", title).split())
