"""Steps that filter interactions.

Which rows a step keeps depends only on the set of its input rows, not on their order; it preserves their order.
"""

import hashlib
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.steps import Step

_USER, _ITEM = "raw_user_id", "raw_item_id"


def keep_minimum_rating(minimum: float) -> Step:
    """Return the step that keeps ratings of at least `minimum`.

    It raises a ValueError for interactions without a rating, which cannot be compared with the minimum.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        if interactions["rating"].null_count:
            raise ValueError(
                f"{interactions['rating'].null_count} of {interactions.num_rows} interactions have no rating, so a"
                f" minimum rating of {minimum:g} cannot be applied. Name the column of ratings, or remove the minimum."
            )
        return interactions.filter(pc.greater_equal(interactions["rating"], minimum))

    return Step(f"rating >= {minimum:g}", apply)


def keep_ratings_from(minimum: float | None) -> list[Step]:
    """Return `keep_minimum_rating` as a list of steps, which is empty if there is no minimum."""
    return [] if minimum is None else [keep_minimum_rating(minimum)]


def keep_distinct_pairs() -> Step:
    """Return the step that keeps one interaction per user and item: the earliest, with the highest rating of all.

    They are ordered by their first rows. Every protocol relies on this step: if an item occurred twice in a user's
    sequence, a held-out item could be trained on.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        numbered = interactions.append_column("row", pa.array(np.arange(interactions.num_rows)))
        # Arrow returns groups in an arbitrary order.
        pairs = numbered.group_by([_USER, _ITEM], use_threads=False)
        earliest = pairs.aggregate([("rating", "max"), ("timestamp", "min"), ("row", "min")]).sort_by("row_min")
        renamed = earliest.rename_columns({"rating_max": "rating", "timestamp_min": "timestamp"})
        return renamed.select(interactions.schema.names).cast(interactions.schema)

    return Step("distinct pairs", apply)


def keep_items_of_users(minimum: int) -> Step:
    """Return the step that keeps the items with at least `minimum` users; pairs must be distinct."""
    return Step(
        f"items of >= {minimum} users",
        lambda interactions: _frequent(interactions, _ITEM, minimum),
        counts_others=True,
    )


def keep_users_with_items(minimum: int) -> Step:
    """Return the step that keeps the users with at least `minimum` items; pairs must be distinct."""
    return Step(
        f"users with >= {minimum} items",
        lambda interactions: _frequent(interactions, _USER, minimum),
        counts_others=True,
    )


def keep_core(users_per_item: int, items_per_user: int) -> Step:
    """Return the step that keeps the largest set of users and items for which both minima hold.

    Dropping a user can leave an item with too few users, and vice versa, so both are dropped in turn until nothing
    changes. (The recipe of LastFM does it once: `keep_items_of_users`, then `keep_users_with_items`.) Pairs must be
    distinct.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        rows = -1
        while interactions.num_rows != rows:
            rows = interactions.num_rows
            interactions = _frequent(interactions, _ITEM, users_per_item)
            interactions = _frequent(interactions, _USER, items_per_user)
        return interactions

    name = f"core of >= {users_per_item} users an item, >= {items_per_user} items a user"
    return Step(name, apply, counts_others=True)


def keep_items(raw_ids: Collection[str], meaning: str) -> Step:
    """Return the step that keeps the items with these raw ids.

    Args:
        raw_ids: raw ids of the items.
        meaning: description of the items, used as the step's name.
    """
    kept = pa.array(raw_ids, pa.string())
    return Step(meaning, lambda interactions: interactions.filter(pc.is_in(interactions[_ITEM], value_set=kept)))


def sample_users(share: float, seed: int) -> Step:
    """Return the step that keeps a random `share` (0 to 1) of the users, each drawn independently."""
    return Step(f"sample of {share:.3g} of the users", lambda interactions: _sampled(interactions, _USER, share, seed))


def sample_items(share: float, seed: int) -> Step:
    """Return the step that keeps a random `share` (0 to 1) of the items, each drawn independently."""
    return Step(f"sample of {share:.3g} of the items", lambda interactions: _sampled(interactions, _ITEM, share, seed))


def _frequent(interactions: pa.Table, column: str, minimum: int) -> pa.Table:
    codes, raw_ids = _codes(interactions, column)
    return interactions.filter(pa.array((np.bincount(codes, minlength=len(raw_ids)) >= minimum)[codes]))


def _sampled(interactions: pa.Table, column: str, share: float, seed: int) -> pa.Table:
    codes, raw_ids = _codes(interactions, column)
    kept = np.array([_place(seed, column, raw_id) < share for raw_id in raw_ids], dtype=bool)
    return interactions.filter(pa.array(kept[codes]))


def _place(seed: int, column: str, raw_id: str) -> float:
    """Return a number between 0 and 1 that is uniform over ids and depends only on the arguments."""
    digest = hashlib.blake2b(f"{seed}\0sample\0{column}\0{raw_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _codes(interactions: pa.Table, column: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return the column as indices into its distinct values, and these values."""
    encoded = interactions[column].combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
