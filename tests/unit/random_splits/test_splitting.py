"""Several splits of the same data differ only in the users of train, val and test."""

from collections.abc import Iterable

import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.baselines.popularity import score_by_popularity
from ilora.data.splits import split_users
from ilora.predictions.building import scored_predictions
from ilora.random_splits.hits import SPLIT_HITS, split_hits
from ilora.random_splits.splitting import OWN, SplitSettings, split_data, split_name
from ilora.random_splits.summary import SPLIT_SUMMARY, summarise_splits

USERS, ITEMS = 20, 30
SETTINGS = SplitSettings(split_seed=4, minimum_history=3, maximum_history=10, candidates=10, draws=2, candidate_seed=0)


@pytest.fixture(scope="module")
def interactions() -> pa.Table:
    rows = [
        {"user_id": user, "item_id": item, "timestamp": place, "raw_user_id": f"u{user}", "raw_item_id": str(item)}
        for user in range(USERS)
        for place, item in enumerate((7 * user + 11 * n) % ITEMS for n in range(6))
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


def as_named(raw_user_ids: Iterable[str]) -> dict[str, str]:
    return {user: {"u0": "val", "u1": "test"}.get(user, "train") for user in raw_user_ids}


def held_out(interactions: pa.Table, protocol: str, users: str) -> dict[str, str]:
    sequences, candidates = split_data(
        interactions, protocol, users, SETTINGS, number_of_items=ITEMS, released_split=as_named
    )
    rows = [row for row in sequences.to_pylist() if row["split"] != "train"]
    assert candidates.num_rows == 2 * len(rows)
    return {row["raw_user_id"]: row["split"] for row in rows}


def by_seed(seed: int) -> dict[str, str]:
    splits = split_users([f"u{user}" for user in range(USERS)], seed)
    return {user: split for user, split in splits.items() if split != "train"}


def test_users_are_the_released_ones_or_drawn_by_a_seed(interactions: pa.Table) -> None:
    assert held_out(interactions, "released", OWN) == {"u0": "val", "u1": "test"}
    assert held_out(interactions, "random_users", OWN) == by_seed(4)
    for protocol in ("released", "random_users"):
        assert held_out(interactions, protocol, split_name(3)) == by_seed(3)


def test_hits_of_test_users_are_counted(interactions: pa.Table) -> None:
    sequences, candidates = split_data(
        interactions, "released", OWN, SETTINGS, number_of_items=ITEMS, released_split=as_named
    )
    scores = score_by_popularity(sequences, candidates, ITEMS)
    predictions = scored_predictions(sequences, candidates, scores, "popularity")
    (row,) = split_hits("books", "released", OWN, predictions).to_pylist()
    test = [answer for answer in predictions.to_pylist() if answer["split"] == "test"]
    assert len(test) == 2
    assert row == {
        "dataset": "books",
        "protocol": "released",
        "method": "popularity",
        "users": OWN,
        "test_users": 1,
        "hit_ratio@1": sum(answer["choice"] == answer["target"] for answer in test) / 2,
    }


def test_the_own_split_is_placed_among_the_random_ones() -> None:
    labels = {"dataset": "books", "protocol": "released", "test_users": 10}
    values = {
        "markov": {OWN: 0.5, split_name(0): 0.2, split_name(1): 0.4},
        "popularity": {OWN: 0.3} | dict.fromkeys("ab", 0.3),
    }
    hits = [
        {**labels, "method": method, "users": users, "hit_ratio@1": value}
        for method, of_method in values.items()
        for users, value in of_method.items()
    ]
    summary = summarise_splits(pa.Table.from_pylist(hits, schema=SPLIT_HITS))
    assert summary.schema == SPLIT_SUMMARY
    markov, popularity = summary.to_pylist()
    assert (markov["method"], markov["splits"], markov["lowest"], markov["highest"]) == ("markov", 2, 0.2, 0.4)
    # The standard deviation of two numbers is half of their difference times the square root of 2.
    assert [markov["mean"], markov["standard_deviation"]] == pytest.approx([0.3, 0.1 * 2**0.5])
    assert markov["own_in_deviations"] == pytest.approx(2**0.5)
    assert popularity["own"] == 0.3 and popularity["own_in_deviations"] is None
