"""Three rules that decide which candidate a generated text names.

- Exact, the default: the answer line is the title of exactly one candidate.
- Substring, the rule of the released code (arXiv 2408.10159): exactly one candidate's title occurs in the answer line.
- Longest match: the longest title that occurs in the text, provided that no other candidate is named as well.

The answer line is the first line that is not blank (`answer_line`): untuned models often begin with a newline, and the
released code also strips whitespace before it splits lines.

A title shared by two candidates names neither of them (MovieLens-100K has twenty duplicate titles). Such an answer is
ambiguous under every rule; it counts as invalid and thus as a miss, even if one of the two is the target. Duplicates
outside the candidate set do not matter.
"""

from collections.abc import Callable, Mapping, Sequence

from ilora.data.titles import normalise_title

#: Titles, looked up by item id.
Titles = Sequence[str] | Mapping[int, str]

#: A rule: maps a text, the item ids of its candidate set and the titles to the named item, or None.
Rule = Callable[[str, Sequence[int], Titles], int | None]


def answer_line(text: str) -> str:
    """Return the answer line of a text: the first line that is not blank, unaltered; "" if all lines are blank."""
    return next((line for line in text.split("\n") if line.strip()), "")


def resolve_choice(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the candidate named by the answer line under the exact rule, or None if the answer is invalid.

    Titles are compared after Unicode normalisation (NFC), with runs of whitespace collapsed to one space and stripped
    at the ends. Case and punctuation are significant. A line that merely contains a title is invalid.

    Args:
        text: generated text; only its `answer_line` counts.
        candidates: item ids of the candidate set.
        titles: the title of each item, looked up by item id.

    Raises:
        LookupError: `titles` has no entry for a candidate.
    """
    answer = normalise_title(answer_line(text))
    return _only([item for item in candidates if normalise_title(titles[item]) == answer])


def resolve_by_substring(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the only candidate whose title occurs in the answer line, or None: the paper's released rule.

    Case is ignored, and a title may occur inside a word. A correct answer is therefore invalid if its title contains
    that of another candidate ("Portal 2" and "Portal"), and an empty title is contained in every answer.

    For arguments and errors see `resolve_choice`.
    """
    answer = answer_line(text).strip().lower()
    return _only([item for item in candidates if titles[item].strip().lower() in answer])


def resolve_by_longest_match(text: str, candidates: Sequence[int], titles: Titles) -> int | None:
    """Return the candidate with the longest title in the text if no other candidate is named, or None.

    Titles match as whole words, ignoring case, anywhere in the text. A title that occurs only inside the longest one
    ("Portal" in "Portal 2") does not count as named.

    For arguments and errors see `resolve_choice`.
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


#: The rules other than the exact one, by the suffix of their metrics.
OTHER_RULES: dict[str, Rule] = {"substring": resolve_by_substring, "longest_match": resolve_by_longest_match}


def _only(items: Sequence[int]) -> int | None:
    return items[0] if len(items) == 1 else None


def _occurs(title: str, text: str) -> bool:
    """Return whether a title occurs in a text without an adjacent letter or digit."""
    place = text.find(title) if title else -1
    while place >= 0:
        before, after = text[max(place - 1, 0) : place], text[place + len(title) : place + len(title) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        place = text.find(title, place + 1)
    return False
