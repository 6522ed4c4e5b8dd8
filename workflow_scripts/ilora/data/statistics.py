"""Statistics of a data set as prepared by a protocol."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.interactions import share_timestamp
from ilora.data.positions import locate
from ilora.data.splits import SPLITS

#: One row per statistic of a data set and protocol.
DATASET_STATISTICS = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("statistic", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


def dataset_statistics(interactions: pa.Table, sequences: pa.Table, items: int) -> dict[str, float]:
    """Return the statistics of a data set, by name.

    - `users`, `items`, `interactions`: counts after preparation; `items` includes items that do not occur if they can
      be candidates; `sparsity`: 1 - interactions / (users * items).
    - `sequence_length_mean`, `_min`, `_max`: items per user.
    - `users_train`, `sequences_train` and so on: counts per split, without windows whose history is too short.
    - `shared_timestamps`: share of the interactions that have the same time as another of the same user, so that
      tie-breaking decides their order.
    - `steps_to_larger_id`: share of the steps from one interaction of a user to the next that go to a larger item id.
      If it is far from one half, the order of the ids is a pattern that a model can learn.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together.
        sequences: table of schema `SEQUENCES` made from the interactions; some user has more than one item.
        items: size of the catalogue.
    """
    positions = locate(interactions["user_id"].to_numpy())
    lengths = positions.lengths
    statistics = {
        "users": len(lengths),
        "items": items,
        "interactions": interactions.num_rows,
        "sparsity": 1 - interactions.num_rows / (len(lengths) * items),
        "sequence_length_mean": lengths.mean(),
        "sequence_length_min": lengths.min(),
        "sequence_length_max": lengths.max(),
        "shared_timestamps": np.count_nonzero(share_timestamp(interactions)) / interactions.num_rows,
        "steps_to_larger_id": (np.diff(interactions["item_id"].to_numpy()) > 0)[positions.from_start[1:] > 0].mean(),
    }
    for split in SPLITS:
        users = sequences["user_id"].filter(pc.equal(sequences["split"], split))
        statistics |= {f"users_{split}": pc.count_distinct(users).as_py(), f"sequences_{split}": len(users)}
    return {name: float(value) for name, value in statistics.items()}


def statistics_table(dataset: str, protocol: str, statistics: Mapping[str, float]) -> pa.Table:
    """Return statistics as a table of schema `DATASET_STATISTICS`, in their order."""
    labels = {"dataset": dataset, "protocol": protocol}
    rows = [{**labels, "statistic": name, "value": value} for name, value in statistics.items()]
    return pa.Table.from_pylist(rows, schema=DATASET_STATISTICS)
