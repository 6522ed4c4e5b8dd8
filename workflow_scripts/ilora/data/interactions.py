"""The steps from raw ratings to interactions; a protocol is a choice of these, in its order."""

import hashlib
import logging

import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.schemas import INTERACTIONS, ITEMS

logger = logging.getLogger(__name__)


def keep_minimum_rating(interactions: pa.Table, minimum: float) -> pa.Table:
    """Keep the rows whose `rating` is at least `minimum`.

    Raises:
        ValueError: no row is left.
    """
    kept = interactions.filter(pc.greater_equal(interactions["rating"], minimum))
    logger.info("rating >= %g: %d interactions in, %d out", minimum, interactions.num_rows, kept.num_rows)
    if not kept.num_rows:
        raise ValueError(f"None of the {interactions.num_rows} interactions has a rating of at least {minimum:g}.")
    return kept


def number_users_and_items(interactions: pa.Table) -> pa.Table:
    """Give users and items dense ids from 0, in the numeric order of their raw ids.

    Returns:
        A table of schema `INTERACTIONS`, rows in the order of the input; other columns are dropped.
    """
    users = sorted(pc.unique(interactions["raw_user_id"]).to_pylist(), key=numeric_order)
    items = sorted(pc.unique(interactions["raw_item_id"]).to_pylist(), key=numeric_order)
    user_ids = pc.index_in(interactions["raw_user_id"], value_set=pa.array(users, pa.string()))
    item_ids = pc.index_in(interactions["raw_item_id"], value_set=pa.array(items, pa.string()))
    columns = {
        "user_id": user_ids,
        "item_id": item_ids,
        **{name: interactions[name] for name in ("timestamp", "raw_user_id", "raw_item_id")},
    }
    logger.info("dense ids: %d interactions of %d users and %d items", interactions.num_rows, len(users), len(items))
    return pa.table(columns, schema=INTERACTIONS)


def order_by_time(interactions: pa.Table) -> pa.Table:
    """Order by user and timestamp; within one timestamp, at random but always alike.

    Ties are put in the order of a hash of (raw user id, raw item id): the input's order does not matter, and the order
    says nothing about the items. Ordered by item id instead, half of all steps in MovieLens-100K would go to a larger
    id, a pattern that a model could learn.
    """
    users, items = interactions["raw_user_id"].to_pylist(), interactions["raw_item_id"].to_pylist()
    shuffled = pa.array([_position(user, item) for user, item in zip(users, items, strict=True)])
    ordered = (
        interactions.append_column("position", shuffled)
        .sort_by([("user_id", "ascending"), ("timestamp", "ascending"), ("position", "ascending")])
        .drop_columns("position")
    )
    logger.info("order by time: %d interactions in, %d out", interactions.num_rows, ordered.num_rows)
    return ordered


def _position(raw_user_id: str, raw_item_id: str) -> str:
    return hashlib.blake2b(f"order\0{raw_user_id}\0{raw_item_id}".encode(), digest_size=8).hexdigest()


def describe_items(interactions: pa.Table, raw_items: pa.Table) -> pa.Table:
    """Return the table of schema `ITEMS` for the items that occur in `interactions`; row number = item_id.

    Args:
        interactions: table of schema `INTERACTIONS`.
        raw_items: table of schema `ilora.data.raw.RAW_ITEMS`.

    Raises:
        ValueError: an item that occurs has no row in `raw_items`.
    """
    raw_id_of = dict(zip(interactions["item_id"].to_pylist(), interactions["raw_item_id"].to_pylist(), strict=True))
    raw_ids = pa.array([raw_id_of[item_id] for item_id in range(len(raw_id_of))], pa.string())
    rows = pc.index_in(raw_ids, value_set=raw_items["raw_id"])
    if rows.null_count:
        unknown = raw_ids.filter(pc.is_null(rows)).to_pylist()
        raise ValueError(f"{len(unknown)} items occur in interactions but are not described, e.g. raw id {unknown[0]}.")
    described = raw_items.take(rows).append_column("item_id", pa.array(range(len(raw_ids)), pa.int32()))
    logger.info("items: %d described, %d occur", raw_items.num_rows, described.num_rows)
    return described.select(ITEMS.names).cast(ITEMS)


def numeric_order(raw_id: str) -> tuple[bool, int, str]:
    """Return a sorting key: raw ids that are whole numbers first, by value; all others after, by text."""
    if raw_id.isascii() and raw_id.isdecimal():
        return False, int(raw_id), raw_id
    return True, 0, raw_id
