"""Steps that number and order the kept raw rows, and the table of the items that occur in them."""

import hashlib
import logging

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import INTERACTIONS, ITEMS
from ilora.data.steps import Step

logger = logging.getLogger(__name__)


def number_numerically() -> Step:
    """Return the step that assigns users and items dense ids from 0, in the numeric order of their raw ids.

    Its output has the schema `INTERACTIONS` and the row order of the input; other columns are dropped.
    """
    return Step("dense ids", lambda interactions: _number(interactions, _in_numeric_order(interactions["raw_item_id"])))


def number_in_catalogue_order(raw_items: pa.Table) -> Step:
    """Return the step that assigns items dense ids in the order of `raw_items`, and users as `number_numerically`.

    Args:
        raw_items: table of schema `ilora.data.raw.RAW_ITEMS`. An interaction with any other item is a ValueError.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        occurring = pc.unique(interactions["raw_item_id"])
        _require_described(occurring, raw_items)
        described = raw_items["raw_id"]
        return _number(interactions, described.filter(pc.is_in(described, value_set=occurring)).to_pylist())

    return Step("dense ids, items in the catalogue's order", apply)


def number_in_whole_catalogue(catalogue: pa.Table) -> Step:
    """Return the step that numbers items by their row in the catalogue, and users as `number_numerically`.

    Args:
        catalogue: table of schema `ilora.data.raw.RAW_ITEMS`, whose items need not occur. An interaction with any other
            item is a ValueError.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        _require_described(pc.unique(interactions["raw_item_id"]), catalogue)
        return _number(interactions, catalogue["raw_id"].to_pylist())

    return Step("dense ids, of the whole catalogue", apply)


def number_users_by_arrival() -> Step:
    """Return the step that renumbers users by the time of their first interactions, so later users change no number.

    Users who arrive at the same time keep their order.
    """
    return Step("users in the order of arrival", _number_by_arrival)


def order_by_time() -> Step:
    """Return the step that orders by user and timestamp, with random but reproducible tie-breaking.

    Ties are ordered by a hash of (raw user id, raw item id), so that their order depends neither on the input's order
    nor on the items. Tie-breaking by item id would add a pattern that a model can learn: half of all steps in
    MovieLens-100K, and nine of ten in LastFM, where whole days share a timestamp, would go to a larger id.
    """
    return Step("order by time, ties at random", _order_by_time)


def order_by_item_id() -> Step:
    """Return the step that orders by user and dense item id, regardless of time."""
    return Step("order by item id", _by_item_id)


def share_timestamp(interactions: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows share their timestamp with another row of the same user, bool [rows].

    Args:
        interactions: table of schema `INTERACTIONS`, in any order.
    """
    user_ids, timestamps = interactions["user_id"].to_numpy(), interactions["timestamp"].to_numpy()
    order = np.lexsort((timestamps, user_ids))
    user_ids, timestamps = user_ids[order], timestamps[order]
    like_next = (user_ids[1:] == user_ids[:-1]) & (timestamps[1:] == timestamps[:-1])
    shares = np.zeros(len(order), dtype=bool)
    shares[order[1:][like_next]] = True
    shares[order[:-1][like_next]] = True
    return shares


def describe_items(interactions: pa.Table, raw_items: pa.Table) -> pa.Table:
    """Return the table of schema `ITEMS` for the items that occur in `interactions`; row number = item_id.

    Args:
        interactions: table of schema `INTERACTIONS`.
        raw_items: table of schema `ilora.data.raw.RAW_ITEMS`.

    Raises:
        ValueError: an item that occurs has no row in `raw_items`.
    """
    item_ids, first_rows = np.unique(interactions["item_id"].to_numpy(), return_index=True)
    raw_ids = interactions["raw_item_id"].take(pa.array(first_rows))
    _require_described(raw_ids, raw_items)
    rows = pc.index_in(raw_ids, value_set=raw_items["raw_id"])
    described = raw_items.take(rows).append_column("item_id", pa.array(item_ids, pa.int32()))
    logger.info("items: %d described, %d occur", raw_items.num_rows, described.num_rows)
    return described.select(ITEMS.names).cast(ITEMS)


def describe_catalogue(catalogue: pa.Table) -> pa.Table:
    """Return the table of schema `ITEMS` for a whole catalogue, numbered as by `number_in_whole_catalogue`.

    Args:
        catalogue: table of schema `ilora.data.raw.RAW_ITEMS`.
    """
    item_ids = pa.array(np.arange(catalogue.num_rows), pa.int32())
    return catalogue.append_column("item_id", item_ids).select(ITEMS.names).cast(ITEMS)


def numeric_order(raw_id: str) -> tuple[bool, int, str]:
    """Return a sort key: raw ids that are whole numbers first, by value, then all others, by text."""
    if raw_id.isascii() and raw_id.isdecimal():
        return False, int(raw_id), raw_id
    return True, 0, raw_id


def _by_item_id(interactions: pa.Table) -> pa.Table:
    return interactions.sort_by([("user_id", "ascending"), ("item_id", "ascending")])


def _number(interactions: pa.Table, items: list[str]) -> pa.Table:
    users = _in_numeric_order(interactions["raw_user_id"])
    columns = {
        "user_id": pc.index_in(interactions["raw_user_id"], value_set=pa.array(users, pa.string())),
        "item_id": pc.index_in(interactions["raw_item_id"], value_set=pa.array(items, pa.string())),
        **{name: interactions[name] for name in ("timestamp", "raw_user_id", "raw_item_id")},
    }
    return pa.table(columns, schema=INTERACTIONS)


def _number_by_arrival(interactions: pa.Table) -> pa.Table:
    user_ids = interactions["user_id"].to_numpy()
    arrivals = np.full(int(user_ids.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(arrivals, user_ids, interactions["timestamp"].to_numpy())
    numbers = np.empty(len(arrivals), dtype=np.int32)
    numbers[np.argsort(arrivals, kind="stable")] = np.arange(len(arrivals), dtype=np.int32)
    return interactions.set_column(0, INTERACTIONS.field("user_id"), pa.array(numbers[user_ids]))


def _in_numeric_order(raw_ids: pa.ChunkedArray) -> list[str]:
    return sorted(pc.unique(raw_ids).to_pylist(), key=numeric_order)


def _require_described(raw_item_ids: pa.Array | pa.ChunkedArray, raw_items: pa.Table) -> None:
    unknown = raw_item_ids.filter(pc.invert(pc.is_in(raw_item_ids, value_set=raw_items["raw_id"])))
    if len(unknown):
        raise ValueError(f"{len(unknown)} items occur in interactions but are not described, e.g. raw id {unknown[0]}.")


def _order_by_time(interactions: pa.Table) -> pa.Table:
    """Order by user and time, and by a hash among a user's rows with equal time, the only rows that need one."""
    keys = np.zeros(interactions.num_rows, dtype=np.uint64)
    tied = np.flatnonzero(share_timestamp(interactions))
    keys[tied] = _hash_keys(interactions.take(pa.array(tied)))
    user_ids, timestamps = interactions["user_id"].to_numpy(), interactions["timestamp"].to_numpy()
    return interactions.take(pa.array(np.lexsort((keys, timestamps, user_ids))))


def _hash_keys(interactions: pa.Table) -> npt.NDArray[np.uint64]:
    users, items = interactions["raw_user_id"].to_pylist(), interactions["raw_item_id"].to_pylist()
    digests = [
        hashlib.blake2b(f"order\0{user}\0{item}".encode(), digest_size=8).digest()
        for user, item in zip(users, items, strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
