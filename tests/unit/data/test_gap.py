"""The protocol gap: which items of which users are trained on, validated and tested."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.protocol_names import gap_of, gap_protocol
from ilora.data.protocols import draw_candidate_sets, make_sequences

# A user with eight items, and one with four.
LONG, SHORT = list(range(8)), [4, 3, 2, 1]
BOUNDS: dict[str, Any] = {"split_seed": 0, "minimum_history": 1, "maximum_history": 3}


@pytest.fixture(scope="module")
def interactions() -> pa.Table:
    rows = [
        {"user_id": user, "item_id": item, "timestamp": time, "raw_user_id": f"u{user}", "raw_item_id": f"i{item}"}
        for user, items in enumerate((LONG, SHORT))
        for time, item in enumerate(items)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def windows(sequences: pa.Table, split: str, user: int) -> list[tuple[list[int], int]]:
    return [
        (row["history"], row["target"])
        for row in sequences.to_pylist()
        if row["split"] == split and row["user_id"] == user
    ]


def test_the_items_before_the_last_one_are_withheld(interactions: pa.Table) -> None:
    sequences = make_sequences(interactions, "gap~2", **BOUNDS)
    assert windows(sequences, "train", 0) == [([0], 1), ([0, 1], 2), ([0, 1, 2], 3)]
    assert windows(sequences, "val", 0) == [([1, 2, 3], 4)]
    # Without a gap, and with a gap of two items, which the history contains.
    assert windows(sequences, "test", 0) == [([2, 3, 4], 5), ([4, 5, 6], 7)]


def test_a_user_with_fewer_than_three_more_items_is_for_training_alone(interactions: pa.Table) -> None:
    tested = make_sequences(interactions, "gap~1", **BOUNDS)
    assert windows(tested, "test", 1) == [([4, 3], 2), ([4, 3, 2], 1)]
    assert windows(tested, "val", 1) == [([4], 3)] and not windows(tested, "train", 1)
    trained = make_sequences(interactions, "gap~2", **BOUNDS)
    assert windows(trained, "train", 1) == [([4], 3), ([4, 3], 2), ([4, 3, 2], 1)]
    assert not windows(trained, "val", 1) and not windows(trained, "test", 1)


def test_the_last_item_is_chosen_among_the_same_candidates_at_every_gap(interactions: pa.Table) -> None:
    def sets(gap: int) -> dict[int, list[str]]:
        sequences = make_sequences(interactions, gap_protocol(gap), **BOUNDS)
        drawn = draw_candidate_sets(
            sequences, interactions, gap_protocol(gap), number_of_items=30, size=5, draws=2, seed=0
        )
        return {
            sequence["position"]: drawn.filter(pc.equal(drawn["sequence_id"], sequence["sequence_id"]))[
                "hash"
            ].to_pylist()
            for sequence in sequences.to_pylist()
            if sequence["split"] == "test" and sequence["user_id"] == 0
        }

    without, four = sets(0), sets(4)
    assert without.keys() == {7} and four.keys() == {3, 7}
    assert four[7] == without[7] and len(set(four[7] + four[3])) == 4


def test_a_gap_of_nothing_is_leave_one_out() -> None:
    assert gap_protocol(0) == "chronological" and gap_of("chronological") == 0
    assert gap_protocol(20) == "gap~20" and gap_of("gap~20") == 20
