import logging

import numpy as np
import pytest

from ilora.analysis.gradient_samples import SampleSizes, draw_blocks, draw_partitions, draw_single_sequences
from ilora.data.sequences import SequenceKey, SequenceTable

GENRES = [["Horror"], ["Horror"], ["Horror"], ["Horror", "Comedy"], ["Comedy"], []]


def test_blocks_are_of_one_group_and_hold_no_sequence_twice() -> None:
    groups = np.repeat(np.arange(3, dtype=np.int32), 20)
    sequence_ids = np.arange(100, 160)
    users = np.arange(60, dtype=np.int32)
    blocks = draw_blocks(groups, sequence_ids, users, 4, 3, [0])
    assert blocks.groups.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert blocks.sequence_ids.shape == (12, 3)
    assert len(np.unique(blocks.sequence_ids)) == 36
    assert np.array_equal(groups[blocks.sequence_ids - 100], np.repeat(blocks.groups[:, None], 3, axis=1))
    assert np.array_equal(draw_blocks(groups, sequence_ids, users, 4, 3, [0]).sequence_ids, blocks.sequence_ids)
    assert not np.array_equal(draw_blocks(groups, sequence_ids, users, 4, 3, [1]).sequence_ids, blocks.sequence_ids)


def test_users_are_spread_and_do_not_straddle_blocks_more_than_needed() -> None:
    users = np.repeat(np.arange(6, dtype=np.int32), 10)
    everyone = np.zeros(60, dtype=np.int32)
    groups = np.concatenate([everyone, everyone + 1])
    sequence_ids, users = np.arange(120), np.concatenate([users, users])
    blocks = draw_blocks(groups, sequence_ids, users, 3, 4, [0])
    held = users[blocks.sequence_ids[:3]]
    assert np.bincount(held.ravel()).tolist() == [2] * 6
    assert all(len(np.unique(block)) == 2 for block in held)


def test_a_small_group_is_reported_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    groups = np.array([0] * 10 + [1] * 5 + [2] * 10, dtype=np.int32)
    rows, users = np.arange(25), np.arange(25, dtype=np.int32)
    with caplog.at_level(logging.WARNING):
        blocks = draw_blocks(groups, rows, users, 2, 4, [0])
    assert np.unique(blocks.groups).tolist() == [0, 2]
    assert "group 1 has 5 training sequences, but its gradient requires 8" in caplog.text
    with pytest.raises(ValueError, match="found 0 groups with at least 12"):
        draw_blocks(groups, rows, users, 3, 4, [0])


def test_the_case_study_takes_one_sequence_of_each_user_and_all_clusters() -> None:
    histories = [[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 2, 3], [3, 2, 1, 0], [4, 5], [0, 1, 2, 3, 4]]
    users = np.array([0, 1, 0, 2, 3, 4], dtype=np.int32)
    clusters = np.array([0, 0, 0, 0, 1, 1], dtype=np.int32)
    rows = np.arange(6)
    drawn = draw_single_sequences(clusters, rows, users, histories, GENRES, 10, [0])
    assert drawn.sequence_ids.shape == (3, 1)  # users 0, 2 and 4: the others have at most three of one genre
    assert np.array_equal(drawn.groups, drawn.sequence_ids[:, 0])
    assert users[drawn.groups].tolist() == [0, 2, 4]
    two = draw_single_sequences(clusters, rows, users, histories, GENRES, 2, [0])
    assert sorted(clusters[two.groups].tolist()) == [0, 1]
    none = draw_single_sequences(clusters, rows, users, [[5]] * 6, GENRES, 2, [0])
    assert none.sequence_ids.shape == (0, 1)
    unknown = draw_single_sequences(clusters, rows, users, [[5]] * 6, [[]] * 6, 10, [0])
    assert len(unknown.groups) == 5


def test_partitions_hold_training_sequences_only() -> None:
    keys = [SequenceKey("train" if row < 40 else "test", f"u{row}", 0) for row in range(60)]
    sequences = SequenceTable(
        keys=keys,
        user_ids=np.arange(60, dtype=np.int32),
        histories=[[0, 1, 2, 3]] * 60,
        targets=np.full(60, 4, dtype=np.int32),
    )
    clusters = np.tile(np.arange(2, dtype=np.int32), 30)
    partitions = draw_partitions(sequences, clusters, GENRES, SampleSizes(4, 2, 6), 0)
    assert {name: blocks.sequence_ids.shape for name, blocks in partitions.items()} == {
        "cluster": (8, 2),
        "sequence": (6, 1),
    }
    for blocks in partitions.values():
        assert blocks.sequence_ids.max() < 40
