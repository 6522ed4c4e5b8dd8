"""Titles that are longer than an answer may be."""

import logging
from collections.abc import Mapping, Sequence


def report_unanswerable_titles(
    title_lengths: Mapping[int, int], targets: Sequence[int], new_tokens: int, description: str, logger: logging.Logger
) -> None:
    """Warn of titles that no answer can hold to their end, if there are any.

    An answer needs the title's own tokens; the newline behind it may be cut off.

    Args:
        title_lengths: tokens of the title of each item that can be chosen, by item id.
        targets: item id of each candidate set's target.
        new_tokens: of an answer, at most.
        description: what the answers are for.
        logger: where the warning goes.
    """
    too_long = {item: length for item, length in title_lengths.items() if length > new_tokens}
    if too_long:
        logger.warning(
            "%s: %d of %d titles have more tokens than decoding.maximum_new_tokens (%d), the longest %d; no answer "
            "can name them, and they are right in %d of %d candidate sets",
            description,
            len(too_long),
            len(title_lengths),
            new_tokens,
            max(too_long.values()),
            sum(target in too_long for target in targets),
            len(targets),
        )
