"""HitRatio@1 of one method on the test users of one split, and what the splits say together."""

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import required

#: A row for each method and split.
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
        dataset: its id.
        protocol: by which its data are kept and ordered.
        users: the split's name.
        predictions: table of schema `PREDICTIONS`, of one method on that split.
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
