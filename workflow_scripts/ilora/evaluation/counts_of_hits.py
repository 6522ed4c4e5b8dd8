"""Consistency check of a printed HitRatio@1 with an integer number of hits.

A ratio over a few hundred answers is a fraction of small integers, and most values with four decimals are not. The
check tries all denominators that the paper (arXiv 2408.10159) and its released code allow:

- answers: every sequence of the split, or only those in full batches, since the released code drops the last, partial
  batch. Batch sizes are powers of two, as are all those named in the paper and its scripts.
- trainings: one, or several whose answers are pooled, as in the mean over seeds.
- denominator of the ratio: all answers, or the valid ones. Their number must also match the printed ValidRatio.

Values are rounded to nearest, with halves in either direction, not truncated: the paper's 0.0135 and 0.1653 for Llama2
on Steam are 16 and 196 of 1,186, which would be truncated to 0.0134 and 0.1652.
"""

import math
from collections.abc import Collection, Iterator

#: Half a unit of the fourth decimal, plus a tolerance for floating-point errors.
_ROUNDING = 0.5e-4 + 1e-12


def is_count(hit_ratio: float, valid_ratio: float, sequences: int, trainings: Collection[int] = (1,)) -> bool:
    """Return whether integer numbers of hits and valid answers exist that round to both printed ratios.

    Args:
        hit_ratio: HitRatio@1 to four decimals.
        valid_ratio: ValidRatio of the same answers, to four decimals.
        sequences: number of sequences of the split, each answered once per training.
        trainings: possible numbers of trainings whose answers are pooled.
    """
    return any(
        _counts(hit_ratio, denominator, most=valid)
        for several in trainings
        for answered in answered_sequences(sequences)
        for valid in _counts(valid_ratio, several * answered, most=several * answered)
        for denominator in {several * answered, valid} - {0}
    )


def answered_sequences(sequences: int) -> set[int]:
    """Return the possible numbers of answered sequences: all, or those in full batches of 2, 4, 8 and so on."""
    return {sequences, *(sequences - sequences % size for size in _powers_of_two(sequences))}


def _counts(ratio: float, denominator: int, most: int) -> range:
    """Return the numerators up to `most` whose ratio rounds to the printed one; often empty."""
    lowest = math.ceil((ratio - _ROUNDING) * denominator)
    highest = math.floor((ratio + _ROUNDING) * denominator)
    return range(max(0, lowest), min(most, highest) + 1)


def _powers_of_two(up_to: int) -> Iterator[int]:
    size = 2
    while size <= up_to:
        yield size
        size *= 2
