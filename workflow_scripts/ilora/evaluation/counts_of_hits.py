"""Whether a printed HitRatio@1 can be a count of hits at all.

A ratio to four decimals over some hundred answers is a fraction of small whole numbers, and most values are none. The
denominators that are tried are those which the paper (arXiv 2408.10159) and its released code leave open:

- the answers: every sequence of the split, or only those in whole batches, as the released code drops the last, partial
  batch. Batch sizes are powers of two, as all that the paper and its scripts name.
- the trainings: one, or several, whose answers are counted together, as in the mean of so many seeds.
- what hits are divided by: all answers, or the valid ones. The number of these must itself give the printed ValidRatio.

Values are rounded, a half either way, not cut off: the paper's 0.0135 and 0.1653 for Llama2 on Steam are
16 and 196 of 1,186, which cut off would be 0.0134 and 0.1652.
"""

import math
from collections.abc import Collection, Iterator

#: Half a unit of the fourth decimal, and what floating point adds to it.
_ROUNDING = 0.5e-4 + 1e-12


def is_count(hit_ratio: float, valid_ratio: float, sequences: int, trainings: Collection[int] = (1,)) -> bool:
    """Return whether some hits among some valid answers round to both printed ratios.

    Args:
        hit_ratio: HitRatio@1 to four decimals.
        valid_ratio: ValidRatio of the same answers, to four decimals.
        sequences: of the split, each answered once in a training.
        trainings: numbers of trainings whose answers may be counted together.
    """
    return any(
        _counts(hit_ratio, denominator, most=valid)
        for several in trainings
        for answered in answered_sequences(sequences)
        for valid in _counts(valid_ratio, several * answered, most=several * answered)
        for denominator in {several * answered, valid} - {0}
    )


def answered_sequences(sequences: int) -> set[int]:
    """Return how many sequences may have been answered: all of them, or those in whole batches of 2, 4, 8 and so on."""
    return {sequences, *(sequences - sequences % size for size in _powers_of_two(sequences))}


def _counts(ratio: float, denominator: int, most: int) -> range:
    """Return the numerators up to `most` whose ratio rounds to a printed one, often none."""
    lowest = math.ceil((ratio - _ROUNDING) * denominator)
    highest = math.floor((ratio + _ROUNDING) * denominator)
    return range(max(0, lowest), min(most, highest) + 1)


def _powers_of_two(up_to: int) -> Iterator[int]:
    size = 2
    while size <= up_to:
        yield size
        size *= 2
