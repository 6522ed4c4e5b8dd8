"""Steps that keep some interactions and drop the others.

What a step keeps depends on the set of its input's rows alone, never on their order; what it keeps stays in order.
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

    It refuses (ValueError) interactions without a rating: whether they are high enough, nobody knows.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        if interactions["rating"].null_count:
            raise ValueError(
                f"{interactions['rating'].null_count} of {interactions.num_rows} interactions have no rating, so a"
                f" minimum rating of {minimum:g} cannot be applied. Name the column of ratings, or set no minimum."
            )
        return interactions.filter(pc.greater_equal(interactions["rating"], minimum))

    return Step(f"rating >= {minimum:g}", apply)


def keep_ratings_from(minimum: float | None) -> list[Step]:
    """Return `keep_minimum_rating` as a list of steps, which is empty if there is no minimum."""
    return [] if minimum is None else [keep_minimum_rating(minimum)]


def keep_distinct_pairs() -> Step:
    """Return the step that keeps one interaction of each user and item: the earliest, with their highest rating.

    They stand in the order of their first rows. Every protocol rests on it: with an item twice in a user's sequence, a
    held-out item could be trained on.
    """

    def apply(interactions: pa.Table) -> pa.Table:
        numbered = interactions.append_column("row", pa.array(np.arange(interactions.num_rows)))
        # Groups come out in an order of Arrow's own.
        pairs = numbered.group_by([_USER, _ITEM], use_threads=False)
        earliest = pairs.aggregate([("rating", "max"), ("timestamp", "min"), ("row", "min")]).sort_by("row_min")
        renamed = earliest.rename_columns({"rating_max": "rating", "timestamp_min": "timestamp"})
        return renamed.select(interactions.schema.names).cast(interactions.schema)

    return Step("distinct pairs", apply)


def keep_items_of_users(minimum: int) -> Step:
    """Return the step that keeps the items which at least `minimum` users have; pairs must be distinct."""
    return Step(
        f"items of >= {minimum} users",
        lambda interactions: _frequent(interactions, _ITEM, minimum),
        counts_others=True,
    )


def keep_users_with_items(minimum: int) -> Step:
    """Return the step that keeps the users who have at least `minimum` items; pairs must be distinct."""
    return Step(
        f"users with >= {minimum} items",
        lambda interactions: _frequent(interactions, _USER, minimum),
        counts_others=True,
    )


def keep_core(users_per_item: int, items_per_user: int) -> Step:
    """Return the step that keeps the largest set of users and items in which both minima hold at once.

    Dropping a user can leave an item with too few and the other way round, so both are dropped by turns until
    nothing changes. (The recipe of LastFM does it once: `keep_items_of_users`, then `keep_users_with_items`.)
    Pairs must be distinct.
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
        raw_ids: of the items.
        meaning: what they are, for the step's name.
    """
    kept = pa.array(raw_ids, pa.string())
    return Step(meaning, lambda interactions: interactions.filter(pc.is_in(interactions[_ITEM], value_set=kept)))


def sample_users(share: float, seed: int) -> Step:
    """Return the step that keeps a random `share` (0 to 1) of the users; each user's fate hangs on no other's."""
    return Step(f"sample of {share:.3g} of the users", lambda interactions: _sampled(interactions, _USER, share, seed))


def sample_items(share: float, seed: int) -> Step:
    """Return the step that keeps a random `share` (0 to 1) of the items; each item's fate hangs on no other's."""
    return Step(f"sample of {share:.3g} of the items", lambda interactions: _sampled(interactions, _ITEM, share, seed))


def _frequent(interactions: pa.Table, column: str, minimum: int) -> pa.Table:
    codes, raw_ids = _codes(interactions, column)
    return interactions.filter(pa.array((np.bincount(codes, minlength=len(raw_ids)) >= minimum)[codes]))


def _sampled(interactions: pa.Table, column: str, share: float, seed: int) -> pa.Table:
    codes, raw_ids = _codes(interactions, column)
    kept = np.array([_place(seed, column, raw_id) < share for raw_id in raw_ids], dtype=bool)
    return interactions.filter(pa.array(kept[codes]))


def _place(seed: int, column: str, raw_id: str) -> float:
    """Return a number in 0 to 1 that is uniform over ids and depends on the arguments alone."""
    digest = hashlib.blake2b(f"{seed}\0sample\0{column}\0{raw_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _codes(interactions: pa.Table, column: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return the column as indices into its different values, and these values."""
    encoded = interactions[column].combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
