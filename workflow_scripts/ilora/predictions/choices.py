"""Which candidate a generated text names, by three rules.

Exact, the default: the answer's line is the title of exactly one candidate. The released code's (arXiv 2408.10159):
exactly one candidate's title occurs in that line, whatever stands around it. Longest match: the longest title that
occurs in the text, provided that no other candidate is named beside it.

The answer's line is the first that is not blank (`answer_line`): an untuned model often begins with a newline, and the
released code too takes white space off before it looks for a line's end.

A title that two candidates share names neither of them (MovieLens-100K has twenty duplicated titles): such an
answer is ambiguous by every rule, it counts as invalid, and so as no hit, even if one of the two is the target.
Duplicates outside of the candidate set do not matter.
"""

from collections.abc import Callable, Mapping, Sequence

from ilora.data.titles import normalise_title

#: Titles, looked up by item id.
Titles = Sequence[str] | Mapping[int, str]

#: A rule: the text, the item ids of its candidate set and the titles in; the named item, or None, out.
Rule = Callable[[str, Sequence[int], Titles], int | None]


def answer_line(text: str) -> str:
    """Return the line of a text that is its answer: the first that is not blank, as it was written; "" if none is."""
    return next((line for line in text.split("\n") if line.strip()), "")


def resolve_choice(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the candidate that the answer's line names, or None when the answer is invalid: the exact rule.

    Two titles are the same when they agree after Unicode normalisation (NFC), with every run of white space
    counted as one space and none at the ends. Case and punctuation count. A line that merely contains a title is
    invalid.

    Args:
        text: what the model wrote; only its `answer_line` counts.
        candidates: item ids of the candidate set.
        titles: the title of each item, looked up by item id.

    Raises:
        LookupError: `titles` has no entry for a candidate.
    """
    answer = normalise_title(answer_line(text))
    return _only([item for item in candidates if normalise_title(titles[item]) == answer])


def resolve_by_substring(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the only candidate whose title occurs in the answer, or None: the rule of the paper's released code.

    Case does not count, and a title may occur inside a word. So a right answer is invalid when its title
    contains another candidate's ("Portal 2" and "Portal"), and an empty title is contained in every answer.

    Arguments and errors as in `resolve_choice`.
    """
    answer = answer_line(text).strip().lower()
    return _only([item for item in candidates if titles[item].strip().lower() in answer])


def resolve_by_longest_match(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the candidate with the longest title in the text if no other is named beside it, or None.

    Titles are found as whole words, whatever their case, anywhere in the text. A title that occurs only inside
    the longest one ("Portal" in "Portal 2") is not named beside it.

    Arguments and errors as in `resolve_choice`.
    """
    answer = normalise_title(text).casefold()
    found = {item: title for item in candidates if _occurs(title := normalise_title(titles[item]).casefold(), answer)}
    if not found:
        return None
    longest = max(found.values(), key=len)
    rest = answer.replace(longest, "\n")
    if any(_occurs(title, rest) for title in found.values() if title != longest):
        return None
    return _only([item for item, title in found.items() if title == longest])


#: The rules besides the exact one, by the name that their metrics end in.
OTHER_RULES: dict[str, Rule] = {"substring": resolve_by_substring, "longest_match": resolve_by_longest_match}


def _only(items: Sequence[int]) -> int | None:
    return items[0] if len(items) == 1 else None


def _occurs(title: str, text: str) -> bool:
    """Return whether a title stands in a text with no letter or digit right before or after it."""
    place = text.find(title) if title else -1
    while place >= 0:
        before, after = text[max(place - 1, 0) : place], text[place + len(title) : place + len(title) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        place = text.find(title, place + 1)
    return False
