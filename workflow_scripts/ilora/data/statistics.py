"""How large a data set is, as a protocol keeps it."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.interactions import share_timestamp
from ilora.data.positions import locate
from ilora.data.splits import SPLITS

#: A row for each statistic of one data set and protocol.
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

    - `users`, `items`, `interactions`: how many the protocol keeps, items that do not occur among them where they are
      candidates too; `sparsity`: 1 - interactions / (users * items).
    - `sequence_length_mean`, `_min`, `_max`: items of a user.
    - `users_train`, `sequences_train` and so on: of each split, after windows with too short a history were dropped.
    - `shared_timestamps`: the share of interactions whose time another of the same user has too, so that a rule for
      ties places them.
    - `steps_to_larger_id`: the share of steps from one interaction of a user to the next that go to a larger item id.
      Far from a half, the order of the ids is a pattern of its own, which a model can learn.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together.
        sequences: table of schema `SEQUENCES`, made from them, so that some user has more than one item.
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
