"""Protocols with a share of the training users, and with short held-out histories: what they change, and what not."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.protocol_names import (
    TrainingShare,
    kind_of,
    length_of,
    share_of,
    share_protocol,
    short_protocol,
    trained_protocol,
)
from ilora.data.protocols import draw_candidate_sets, make_sequences
from ilora.data.training_users import keep_training_users

USERS, ITEMS = 60, 80
BOUNDS: dict[str, Any] = {"split_seed": 0, "minimum_history": 3, "maximum_history": 10}
SHARES = (1, 3, 10, 30, 100)


@pytest.fixture(scope="module")
def interactions() -> pa.Table:
    """Users with 5 to 24 items each."""
    rows = [
        {
            "user_id": user,
            "item_id": (7 * user + 3 * time) % ITEMS,
            "timestamp": time,
            "raw_user_id": f"u{user}",
            "raw_item_id": f"i{(7 * user + 3 * time) % ITEMS}",
        }
        for user in range(USERS)
        for time in range(5 + user % 20)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def sequences_of(interactions: pa.Table, protocol: str) -> pa.Table:
    return make_sequences(interactions, protocol, **BOUNDS)


def sets_of(sequences: pa.Table, interactions: pa.Table, protocol: str) -> pa.Table:
    return draw_candidate_sets(sequences, interactions, protocol, number_of_items=ITEMS, size=20, draws=3, seed=0)


def of_split(sequences: pa.Table, *splits: str) -> pa.Table:
    return sequences.filter(pc.is_in(sequences["split"], pa.array(splits))).drop_columns(["sequence_id"])


def users_of(sequences: pa.Table, *splits: str) -> set[str]:
    return set(of_split(sequences, *splits)["raw_user_id"].to_pylist())


@pytest.mark.parametrize("draw", [1, 2])
def test_a_smaller_share_is_part_of_a_larger_one(interactions: pa.Table, draw: int) -> None:
    whole = sequences_of(interactions, "random_users")
    taken = [
        users_of(sequences_of(interactions, share_protocol("random_users", share, draw)), "train") for share in SHARES
    ]
    assert [len(users) for users in taken] == [1, 2, 5, 15, 48]  # of 48, rounded up
    assert all(smaller < larger for smaller, larger in zip(taken, taken[1:], strict=False))
    assert taken[-1] == users_of(whole, "train")


def test_each_draw_takes_other_users_whatever_their_order(interactions: pa.Table) -> None:
    whole = sequences_of(interactions, "random_users")
    draws = [users_of(keep_training_users(whole, 30, seed=draw), "train") for draw in (1, 2, 3)]
    assert len({frozenset(users) for users in draws}) == 3
    backwards = whole.take(pa.array(range(whole.num_rows - 1, -1, -1)))
    assert users_of(keep_training_users(backwards, 30, seed=1), "train") == draws[0]


@pytest.mark.parametrize("share", SHARES)
def test_a_share_changes_nothing_that_is_tested(interactions: pa.Table, share: int) -> None:
    protocol = share_protocol("random_users", share, 1)
    whole, sequences = sequences_of(interactions, "random_users"), sequences_of(interactions, protocol)
    assert of_split(sequences, "val", "test").equals(of_split(whole, "val", "test"))
    # The same sets to the byte; only the sequences' numbers are others.
    found, expected = (
        sets_of(table, interactions, name).drop_columns(["sequence_id"])
        for table, name in ((sequences, protocol), (whole, "random_users"))
    )
    assert found.equals(expected) and found.num_rows == 3 * 12
    # Whoever is trained on has all windows, and no test or validation user is.
    trained = users_of(sequences, "train")
    is_taken = pc.is_in(of_split(whole, "train")["raw_user_id"], pa.array(sorted(trained)))
    assert of_split(sequences, "train").equals(of_split(whole, "train").filter(is_taken))
    assert not trained & users_of(sequences, "val", "test")
    assert sequences["sequence_id"].to_pylist() == list(range(sequences.num_rows))


@pytest.mark.parametrize("protocol", ["random_users", "chronological"])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_held_out_histories_are_cut_to_their_last_items(interactions: pa.Table, protocol: str, length: int) -> None:
    whole, short = (sequences_of(interactions, name) for name in (protocol, f"{protocol}~last{length}"))
    assert of_split(short, "train").equals(of_split(whole, "train"))
    assert short.drop_columns(["history"]).equals(whole.drop_columns(["history"]))
    for split in ("val", "test"):
        pairs = zip(of_split(whole, split)["history"], of_split(short, split)["history"], strict=True)
        assert all(cut.as_py() == full.as_py()[-length:] for full, cut in pairs)
    assert {len(history) for history in of_split(short, "test")["history"].to_pylist()} == {min(length, 10)} | (
        {4} if length > 4 else set()
    )


def test_names_say_what_is_trained_on_and_asked_with() -> None:
    assert share_protocol("random_users", 10, 2) == "random_users~share10draw2"
    assert share_protocol("released", 100, 2) == "released"
    assert share_of("released~share3draw14") == TrainingShare(percent=3, draw=14)
    assert share_of("released") is share_of("random_users~last3") is share_of("gap~5") is None
    assert short_protocol("chronological", 3, 10) == "chronological~last3"
    assert short_protocol("chronological", 10, 10) == "chronological"
    assert length_of("chronological~last3") == 3 and length_of("random_users~share3draw1") is None
    assert trained_protocol("random_users~last3") == "random_users"
    for protocol in ("random_users", "random_users~share3draw1", "gap~5", "rolling~2of4"):
        assert trained_protocol(protocol) == protocol
    assert kind_of("random_users~share3draw1") == kind_of("random_users~last3") == "random_users"


@pytest.mark.parametrize(
    "protocol",
    ["chronological~share10draw1", "random_users~share100draw1", "random_users~share0draw1", "gap~5~last3", "gap~last3"]
    + ["random_users~last0", "random_users~share10", "rolling~share10draw1", "random_users~share10draw1~last3"],
)
def test_protocols_that_cannot_be_are_refused(interactions: pa.Table, protocol: str) -> None:
    with pytest.raises(ValueError, match=f"no protocol '{protocol}'.*random_users~share10draw1, random_users~last3"):
        sequences_of(interactions, protocol)
