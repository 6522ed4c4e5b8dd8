"""Which evaluation protocols exist, and what each does with a data set: a declared list of steps, then windows."""

import re
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from ilora.data import by_user, chronological, gap, rolling
from ilora.data.candidate_tables import Exclusion, candidates_table
from ilora.data.interactions import (
    describe_catalogue,
    describe_items,
    number_in_whole_catalogue,
    order_by_time,
)
from ilora.data.periods import Beginnings
from ilora.data.protocol_names import (
    CHRONOLOGICAL,
    GAP,
    RANDOM_USERS,
    RELEASED,
    ROLLING,
    WITH_A_SETTING,
    gap_of,
    gap_protocol,
    kind_of,
    length_of,
    period_of,
    rolling_protocol,
    share_of,
    share_protocol,
    short_protocol,
)
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.short_histories import cut_histories
from ilora.data.splits import UserSplit, split_users
from ilora.data.steps import Step, StepCount, run_steps
from ilora.data.training_users import keep_training_users

#: Those that are one protocol each, and have forms with a share of the training users or with short histories; `gap`
#: and `rolling` are many, each named with its setting.
PROTOCOLS = (RELEASED, RANDOM_USERS, CHRONOLOGICAL)

_EXCLUSIONS: dict[str, Exclusion] = {
    RELEASED: "history",
    RANDOM_USERS: "history",
    CHRONOLOGICAL: "whole_sequence",
    GAP: "whole_sequence",
    ROLLING: "past",
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
    """Return the steps from raw interactions to `INTERACTIONS`: filters, dense ids, order. Not those of `rolling`.

    Raises:
        ValueError: there is no such protocol.
    """
    _check(protocol)
    order = order_by_time() if kind_of(protocol) in (CHRONOLOGICAL, GAP) else recipe.order()
    if recipe.catalogue is None:
        return [*recipe.filters(settings), recipe.numbering(raw_items), order]
    return [*recipe.filters(settings), number_in_whole_catalogue(recipe.catalogue(raw_items)), order]


def prepare(
    raw: RawData, recipe: Recipe, protocol: str, settings: FilterSettings, begins: Beginnings | None = None
) -> PreparedData:
    """Keep, number and order what the protocol keeps of a data set.

    Args:
        raw: as a reader returns it.
        recipe: of the data set; in `released`, that of its release.
        protocol: one of `PROTOCOLS`, or one with a setting.
        settings: of the filters.
        begins: in `rolling`, the moments at which the periods begin.

    Raises:
        ValueError: there is no such protocol, nothing is left, or a step refuses the data.
    """
    if kind_of(protocol) == ROLLING:
        of_rolling = rolling.preparation_steps(raw, recipe, settings, _given(begins))
        interactions, steps = run_steps(raw.interactions, of_rolling)
        return PreparedData(interactions, describe_items(interactions, raw.items), steps)
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
    begins: Beginnings | None = None,
) -> pa.Table:
    """Return the sequences of a protocol, as a table of schema `SEQUENCES`.

    Args:
        interactions: table of schema `INTERACTIONS`.
        protocol: one of `PROTOCOLS`, or one with a setting.
        split_seed: of the random split of the users; `chronological`, `gap` and `rolling` split without chance.
        released_split: in `released`, the split of the users that the release names; None where it names none, so that
            they are split by `split_seed`.
        begins: in `rolling`, the moments at which the periods begin.
        minimum_history: shorter histories are dropped.
        maximum_history: items of history that are kept, the latest ones.

    Raises:
        ValueError: there is no such protocol, or as its module's `make_sequences` raises it.
    """
    _check(protocol)
    kind, bounds = kind_of(protocol), {"minimum_history": minimum_history, "maximum_history": maximum_history}
    if kind == GAP:
        return gap.make_sequences(interactions, gap_of(protocol), **bounds)
    if kind == ROLLING:
        return rolling.make_sequences(interactions, _given(begins), period_of(protocol)[0], **bounds)
    if kind == CHRONOLOGICAL:
        sequences = chronological.make_sequences(interactions, **bounds)
    else:
        split: UserSplit = partial(split_users, seed=split_seed)
        if kind == RELEASED and released_split is not None:
            split = released_split
        sequences = by_user.make_sequences(interactions, split, **bounds)
    if (share := share_of(protocol)) is not None:
        return keep_training_users(sequences, share.percent, seed=share.draw)
    length = length_of(protocol)
    return sequences if length is None else cut_histories(sequences, length)


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

    In `released` and `random_users` the other candidates are outside the history of the prompt, in `chronological` and
    `gap` outside all that the user ever had, before or after, and in `rolling` outside all that the user had before.

    Args:
        sequences: table of schema `SEQUENCES`; for short histories that of the protocol with whole ones, since the
            candidate sets are the same.
        interactions: the table of schema `INTERACTIONS` that they were made from.
        protocol: one of `PROTOCOLS`, or one with a setting.
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
        exclusion=_EXCLUSIONS[kind_of(protocol)],
        size=size,
        draws=draws,
        seed=seed,
    )


def interactions_before_tests(interactions: pa.Table, protocol: str, begins: Beginnings | None = None) -> pa.Table:
    """Return the interactions that a data set is described by: in `rolling` those before the tests, else all.

    Args:
        interactions: table of schema `INTERACTIONS`.
        protocol: one of `PROTOCOLS`, or one with a setting.
        begins: in `rolling`, the moments at which the periods begin.
    """
    if kind_of(protocol) != ROLLING:
        return interactions
    return rolling.before(interactions, _given(begins), period_of(protocol)[0])


def _given(begins: Beginnings | None) -> Beginnings:
    if begins is None:
        raise ValueError(f"The protocol {ROLLING} needs the moments at which its periods begin, found none.")
    return begins


def _check(protocol: str) -> None:
    if protocol not in PROTOCOLS and not re.fullmatch(WITH_A_SETTING, protocol):
        scarce = share_protocol(RANDOM_USERS, 10, 1), short_protocol(RANDOM_USERS, 3, 10)
        known = ", ".join((*PROTOCOLS, gap_protocol(5), rolling_protocol(2, 4), *scarce))
        raise ValueError(f"There is no protocol '{protocol}'. Protocols that exist: {known} and the like.")
