"""Which printed values are consistent with integer numbers of hits."""

import pytest

from ilora.evaluation.counts_of_hits import answered_sequences, is_count


def test_all_sequences_are_answered_or_those_in_whole_batches() -> None:
    assert answered_sequences(95) == {95, 94, 92, 88, 80, 64}
    assert answered_sequences(1) == {1}


@pytest.mark.parametrize(
    ("hit_ratio", "valid_ratio", "sequences"),
    [
        (0.5275, 0.9891, 95),  # 48 of 91 valid answers among 92, without the last 3
        (0.4421, 0.9684, 95),  # 42 of 95, of which 92 valid
        (0.3750, 1.0000, 95),  # 33 of 88
        (0.5000, 1.0000, 122),
        (0.0135, 0.1653, 1186),  # 16 and 196: rounded, not truncated
        (0.0, 0.0, 95),
        (1.0, 1.0, 1),
    ],
)
def test_these_are_counts(hit_ratio: float, valid_ratio: float, sequences: int) -> None:
    assert is_count(hit_ratio, valid_ratio, sequences)


@pytest.mark.parametrize(
    ("hit_ratio", "valid_ratio", "sequences"),
    [
        (0.3861, 1.0000, 95),  # 39 of 101
        (0.3444, 1.0000, 95),  # 31 of 90, a number that no power-of-two batch size yields
        (0.2616, 1.0000, 122),
        (0.5264, 0.9981, 1186),  # the ValidRatio is inconsistent too
        (0.9000, 0.5000, 10),  # more hits than valid answers
    ],
)
def test_these_are_no_counts(hit_ratio: float, valid_ratio: float, sequences: int) -> None:
    assert not is_count(hit_ratio, valid_ratio, sequences)


def test_a_mean_of_several_trainings_counts_their_answers_together() -> None:
    assert not is_count(0.2233, 1.0, 122)
    assert is_count(0.2233, 1.0, 122, trainings=(1, 5))  # 134 of 5 x 120
