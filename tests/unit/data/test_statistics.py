"""Statistics of a data set."""

import pyarrow as pa

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.chronological import make_sequences
from ilora.data.statistics import DATASET_STATISTICS, dataset_statistics, statistics_table


def test_everything_is_counted() -> None:
    times = {0: [1, 1, 2, 3], 1: [5, 6, 7, 8, 9, 9]}
    rows = [
        {"user_id": user, "item_id": item, "timestamp": time, "raw_user_id": str(user), "raw_item_id": str(item)}
        for user, of_user in times.items()
        for item, time in zip([3, 2, 1, 0, 4, 5], of_user, strict=False)
    ]
    interactions = pa.Table.from_pylist(rows, schema=INTERACTIONS)
    statistics = dataset_statistics(
        interactions, make_sequences(interactions, minimum_history=3, maximum_history=10), 8
    )
    assert statistics == {
        "users": 2,
        "items": 8,  # two of which do not occur
        "interactions": 10,
        "sparsity": 1 - 10 / 16,
        "sequence_length_mean": 5,
        "sequence_length_min": 4,
        "sequence_length_max": 6,
        "shared_timestamps": 0.4,
        "steps_to_larger_id": 2 / 8,
        "users_train": 1,
        "sequences_train": 1,
        "users_val": 1,
        "sequences_val": 1,
        "users_test": 2,
        "sequences_test": 2,
    }
    table = statistics_table("books", "chronological", statistics)
    assert table.schema == DATASET_STATISTICS
    assert table.slice(3, 1).to_pylist() == [
        {"dataset": "books", "protocol": "chronological", "statistic": "sparsity", "value": 1 - 10 / 16}
    ]
