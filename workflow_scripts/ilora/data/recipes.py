"""What each data set keeps, how its items are numbered and how the released files order its sequences.

Paper: iLoRA (arXiv 2408.10159), which takes its data sets from LLaRA (arXiv 2312.02445); what is not in their
text was found by rebuilding the released split files from the raw data.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from ilora.data.filters import (
    keep_core,
    keep_distinct_pairs,
    keep_items_of_users,
    keep_minimum_rating,
    keep_users_with_items,
    sample_items,
    sample_users,
)
from ilora.data.interactions import (
    number_in_catalogue_order,
    number_numerically,
    order_by_item_id,
    order_by_time,
)
from ilora.data.steps import Step

LASTFM_USERS_PER_ARTIST = 4
LASTFM_ARTISTS_PER_USER = 4
STEAM_REVIEWS_PER_USER = 20
STEAM_SHARE = 1 / 3


@dataclass(frozen=True)
class FilterSettings:
    """What a study chooses about filtering; each data set's recipe reads what concerns it.

    Attributes:
        minimum_rating: MovieLens and own data; None keeps every rating, and data without ratings.
        minimum_users_per_item: own data; 1 keeps all.
        minimum_items_per_user: own data; 1 keeps all.
        sample_seed: Steam; of the random third of users and games.
    """

    minimum_rating: float | None = None
    minimum_users_per_item: int = 1
    minimum_items_per_user: int = 1
    sample_seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """How one data set is prepared, whatever the protocol, and how the released files order it.

    Attributes:
        filters: the steps that drop interactions, in their order.
        numbering: from a table of schema `RAW_ITEMS` to the step that gives dense ids.
        released_order: gives the step that puts each user's sequence into the order of the released files.
    """

    filters: Callable[[FilterSettings], list[Step]]
    numbering: Callable[[pa.Table], Step]
    released_order: Callable[[], Step]


def recipe_of(dataset: str) -> Recipe:
    """Return the recipe of a data set: one of the paper's three, or that of own data for any other name."""
    return _RECIPES.get(dataset, _OWN_DATA)


def _movielens_filters(settings: FilterSettings) -> list[Step]:
    return [*_rating_filter(settings), keep_distinct_pairs()]


def _lastfm_filters(settings: FilterSettings) -> list[Step]:
    """Distinct (user, artist) pairs, then the artists, then the users, once each: 1,220 users, 4,606 artists."""
    return [
        keep_distinct_pairs(),
        keep_items_of_users(LASTFM_USERS_PER_ARTIST),
        keep_users_with_items(LASTFM_ARTISTS_PER_USER),
    ]


def _steam_filters(settings: FilterSettings) -> list[Step]:
    """Users with enough reviews (a game reviewed twice counts once), then a random third of users and of games.

    Which third the paper drew is not known, so its counts (11,938 users, 3,581 games) are only approached.
    """
    return [
        keep_distinct_pairs(),
        keep_users_with_items(STEAM_REVIEWS_PER_USER),
        sample_users(STEAM_SHARE, settings.sample_seed),
        sample_items(STEAM_SHARE, settings.sample_seed),
    ]


def _own_filters(settings: FilterSettings) -> list[Step]:
    minima = settings.minimum_users_per_item, settings.minimum_items_per_user
    core = [keep_core(*minima)] if max(minima) > 1 else []
    return [*_rating_filter(settings), keep_distinct_pairs(), *core]


def _rating_filter(settings: FilterSettings) -> list[Step]:
    return [] if settings.minimum_rating is None else [keep_minimum_rating(settings.minimum_rating)]


def _numerically(raw_items: pa.Table) -> Step:
    return number_numerically()


_RECIPES = {
    "movielens": Recipe(_movielens_filters, _numerically, order_by_time),
    # The released sequences are in ascending artist id, all 1,220 of them.
    "lastfm": Recipe(_lastfm_filters, _numerically, order_by_item_id),
    "steam": Recipe(_steam_filters, number_in_catalogue_order, order_by_time),
}

_OWN_DATA = Recipe(_own_filters, _numerically, order_by_time)
