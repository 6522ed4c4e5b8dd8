"""HitRatio@1 of one method on the test users of one split."""

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import required

#: A row per method and split.
SPLIT_HITS = pa.schema(
    [
        required("dataset", pa.string()),
        required("protocol", pa.string()),
        required("method", pa.string()),
        required("users", pa.string()),  # the split: "own", or "split_seed~3"
        required("test_users", pa.int32()),
        required("hit_ratio@1", pa.float64()),  # over all candidate sets of the test users
    ]
)


def split_hits(dataset: str, protocol: str, users: str, predictions: pa.Table) -> pa.Table:
    """Return a table of schema `SPLIT_HITS` with one row.

    Args:
        dataset: id of the data set.
        protocol: protocol that filters and orders its data.
        users: name of the split.
        predictions: table of schema `PREDICTIONS`, for one method on that split.
    """
    test = predictions.filter(pc.equal(predictions["split"], "test"))
    hits = pc.fill_null(pc.equal(test["choice"], test["target"]), False)
    row = {
        "dataset": dataset,
        "protocol": protocol,
        "method": predictions["method"][0].as_py(),
        "users": users,
        "test_users": pc.count_distinct(test["user_id"]).as_py(),
        "hit_ratio@1": pc.mean(hits).as_py(),
    }
    return pa.Table.from_pylist([row], schema=SPLIT_HITS)
