"""The choice of the L2 by validation."""

import pyarrow as pa
import pytest

from ilora.recommenders.weight_decay import (
    WEIGHT_DECAYS,
    Trial,
    chosen_weight_decay,
    compare_weight_decays,
    weight_decay_text,
)


def trial(weight_decay: float, *scores: float) -> Trial:
    """Return a training with two validations per epoch."""
    rows = [{"epoch": (number + 1) / 2, "validation_hit_ratio@1": score} for number, score in enumerate(scores)]
    return Trial(weight_decay, pa.Table.from_pylist(rows))


def test_the_best_on_validation_is_chosen() -> None:
    table = compare_weight_decays([trial(0.1, 0.2, 0.4, 0.3), trial(0.0, 0.1, 0.3), trial(0.001, 0.5, 0.5, 0.4)])
    assert table.schema == WEIGHT_DECAYS
    assert table["weight_decay"].to_pylist() == [0.0, 0.001, 0.1]
    assert table["validation_hit_ratio@1"].to_pylist() == [0.3, 0.5, 0.4]
    assert table["epoch"].to_pylist() == [1.0, 0.5, 1.0]  # the first of ties
    assert table["is_best"].to_pylist() == table["is_chosen"].to_pylist() == [False, True, False]
    assert chosen_weight_decay(table) == 0.001


def test_of_equal_values_all_are_marked_and_the_smallest_is_chosen() -> None:
    table = compare_weight_decays([trial(0.1, 0.4), trial(0.001, 0.1, 0.4), trial(0.0, 0.3)])
    assert table["is_best"].to_pylist() == [False, True, True]
    assert table["is_chosen"].to_pylist() == [False, True, False]


def test_the_mean_over_seeds_decides() -> None:
    seeds = {0.0: (0.1, 0.2, 0.6), 0.01: (0.3, 0.4, 0.35), 0.1: (0.4, 0.35, 0.3)}
    table = compare_weight_decays([trial(value, score) for value, scores in seeds.items() for score in scores])
    assert table["trainings"].to_pylist() == [3, 3, 3]
    assert table["validation_hit_ratio@1"].to_pylist() == pytest.approx([0.3, 0.35, 0.35])
    assert table["lowest"].to_pylist() == [0.1, 0.3, 0.3]
    assert table["highest"].to_pylist() == [0.6, 0.4, 0.4]
    # The order of summation must not matter.
    assert table["is_best"].to_pylist() == [False, True, True]
    assert chosen_weight_decay(table) == 0.01


def test_a_value_that_was_tried_less_often_is_refused() -> None:
    with pytest.raises(ValueError, match="found trainings {0.0: 2, 0.1: 1}, expected equally many"):
        compare_weight_decays([trial(0.0, 0.1), trial(0.0, 0.2), trial(0.1, 0.1)])
    with pytest.raises(ValueError, match="expected equally many"):
        compare_weight_decays([])


def test_equal_values_have_one_text() -> None:
    assert [weight_decay_text(value) for value in (0.0, 1e-5, 0.00001, 0.001)] == ["0.0", "1e-05", "1e-05", "0.001"]
