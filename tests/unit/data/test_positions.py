"""Positions of interactions in their users' sequences."""

import numpy as np
import pytest

from ilora.data.positions import locate, runs


def test_places_count_from_both_ends() -> None:
    positions = locate(np.array([7, 7, 7, 2, 5, 5], dtype=np.int32))
    assert positions.from_start.tolist() == [0, 1, 2, 0, 0, 1]
    assert positions.from_end.tolist() == [2, 1, 0, 0, 1, 0]
    assert positions.first_rows.tolist() == [0, 3, 4]
    assert positions.lengths.tolist() == [3, 1, 2]


def test_scattered_users_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of a user are not contiguous"):
        locate(np.array([7, 2, 7], dtype=np.int32))


def test_runs_may_be_empty() -> None:
    assert runs(np.array([4, 9, 2]), np.array([2, 0, 3])).tolist() == [4, 5, 2, 3, 4]
    assert runs(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []
