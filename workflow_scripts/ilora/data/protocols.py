"""Which evaluation protocols exist, and what each does with a data set: a declared list of steps, then windows."""

from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from ilora.data import by_user, chronological
from ilora.data.candidate_tables import Exclusion, candidates_table
from ilora.data.interactions import (
    describe_catalogue,
    describe_items,
    number_in_whole_catalogue,
    order_by_time,
)
from ilora.data.protocol_names import CHRONOLOGICAL, RANDOM_USERS, RELEASED
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.splits import UserSplit, split_users
from ilora.data.steps import Step, StepCount, run_steps

PROTOCOLS = (RELEASED, RANDOM_USERS, CHRONOLOGICAL)

_EXCLUSIONS: dict[str, Exclusion] = {
    RELEASED: "history",
    RANDOM_USERS: "history",
    CHRONOLOGICAL: "whole_sequence",
}


@dataclass(frozen=True)
class PreparedData:
    """A data set as a protocol keeps, numbers and orders it.

    Attributes:
        interactions: table of schema `INTERACTIONS`.
        items: table of schema `ITEMS`.
        steps: what each step did; `ilora.data.steps.steps_table` makes a table of it.
    """

    interactions: pa.Table
    items: pa.Table
    steps: list[StepCount]


def preparation_steps(recipe: Recipe, protocol: str, raw_items: pa.Table, settings: FilterSettings) -> list[Step]:
    """Return the steps from raw interactions to `INTERACTIONS`: filters, dense ids, order.

    Raises:
        ValueError: there is no such protocol.
    """
    _check(protocol)
    order = order_by_time() if protocol == CHRONOLOGICAL else recipe.order()
    if recipe.catalogue is None:
        return [*recipe.filters(settings), recipe.numbering(raw_items), order]
    return [*recipe.filters(settings), number_in_whole_catalogue(recipe.catalogue(raw_items)), order]


def prepare(raw: RawData, recipe: Recipe, protocol: str, settings: FilterSettings) -> PreparedData:
    """Keep, number and order what the protocol keeps of a data set.

    Args:
        raw: as a reader returns it.
        recipe: of the data set; in `released`, that of its release.
        protocol: one of `PROTOCOLS`.
        settings: of the filters.

    Raises:
        ValueError: there is no such protocol, nothing is left, or a step refuses the data.
    """
    interactions, steps = run_steps(raw.interactions, preparation_steps(recipe, protocol, raw.items, settings))
    if recipe.catalogue is None:
        return PreparedData(interactions, describe_items(interactions, raw.items), steps)
    return PreparedData(interactions, describe_catalogue(recipe.catalogue(raw.items)), steps)


def make_sequences(
    interactions: pa.Table,
    protocol: str,
    *,
    split_seed: int,
    minimum_history: int,
    maximum_history: int,
    released_split: UserSplit | None = None,
) -> pa.Table:
    """Return the sequences of a protocol, as a table of schema `SEQUENCES`.

    Args:
        interactions: table of schema `INTERACTIONS`.
        protocol: one of `PROTOCOLS`.
        split_seed: of the random split of the users; `chronological` splits without chance.
        released_split: in `released`, the split of the users that the release names; None where it names none, so that
            they are split by `split_seed`.
        minimum_history: shorter histories are dropped.
        maximum_history: items of history that are kept, the latest ones.

    Raises:
        ValueError: there is no such protocol, or as its module's `make_sequences` raises it.
    """
    _check(protocol)
    bounds = {"minimum_history": minimum_history, "maximum_history": maximum_history}
    if protocol == CHRONOLOGICAL:
        return chronological.make_sequences(interactions, **bounds)
    split: UserSplit = partial(split_users, seed=split_seed)
    if protocol == RELEASED and released_split is not None:
        split = released_split
    return by_user.make_sequences(interactions, split, **bounds)


def draw_candidate_sets(
    sequences: pa.Table,
    interactions: pa.Table,
    protocol: str,
    *,
    number_of_items: int,
    size: int,
    draws: int,
    seed: int,
) -> pa.Table:
    """Return the candidate sets of the val and test sequences, as a table of schema `CANDIDATES`.

    In `released` and `random_users` the other candidates are outside the history of the prompt, in `chronological`
    outside all that the user ever had, before or after.

    Args:
        sequences: table of schema `SEQUENCES`.
        interactions: the table of schema `INTERACTIONS` that they were made from.
        protocol: one of `PROTOCOLS`.
        number_of_items: size of the catalogue.
        size: number of candidates, the target included.
        draws: candidate sets for each sequence.
        seed: of the candidate draws.

    Raises:
        ValueError: there is no such protocol, or as `candidates_table` raises it.
    """
    _check(protocol)
    return candidates_table(
        sequences,
        interactions,
        number_of_items=number_of_items,
        exclusion=_EXCLUSIONS[protocol],
        size=size,
        draws=draws,
        seed=seed,
    )


def _check(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"There is no protocol '{protocol}'. Protocols that exist: {', '.join(PROTOCOLS)}.")
