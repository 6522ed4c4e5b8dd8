import pyarrow as pa
import pytest

from ilora.artifacts.schemas import SEQUENCES
from ilora.data.trajectories import training_trajectories


def _sequences(*rows: tuple[str, int, list[int], int]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"sequence_id": number, "split": split, "user_id": user, "history": history, "target": target}
            for number, (split, user, history, target) in enumerate(rows)
        ],
        schema=SEQUENCES,
    )


def test_windows_are_put_together_and_held_out_items_left_out() -> None:
    sequences = _sequences(
        ("train", 3, [5, 1], 2),
        ("train", 3, [5, 1, 2], 0),
        ("train", 3, [1, 2, 0], 7),  # a history of at most three items has lost its first
        ("train", 4, [9, 8], 7),
        ("val", 4, [8, 7], 6),  # leave-one-out: the same user's last items are held out
        ("test", 4, [8, 7, 6], 5),
    )
    assert training_trajectories(sequences) == [[5, 1, 2, 0, 7], [9, 8, 7]]


def test_windows_that_do_not_follow_each_other_are_refused() -> None:
    sequences = _sequences(("train", 3, [5, 1], 2), ("train", 3, [5, 1, 4], 0))
    with pytest.raises(ValueError, match="training sequence 1 does not continue .* user 3"):
        training_trajectories(sequences)


def test_no_training_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="no training sequences"):
        training_trajectories(_sequences(("val", 4, [8, 7], 6)))
