"""The evaluation protocols: each is a declared list of preparation steps, followed by windows."""

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

#: Protocols without a setting, which have variants with a share of the training users or with short histories; the
#: names of `gap` and `rolling` include a setting.
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
    """A data set as filtered, numbered and ordered by a protocol.

    Attributes:
        interactions: table of schema `INTERACTIONS`.
        items: table of schema `ITEMS`.
        steps: counts of each step; see `ilora.data.steps.steps_table`.
    """

    interactions: pa.Table
    items: pa.Table
    steps: list[StepCount]


def preparation_steps(recipe: Recipe, protocol: str, raw_items: pa.Table, settings: FilterSettings) -> list[Step]:
    """Return the steps from raw interactions to `INTERACTIONS` (filters, dense ids, order), except for `rolling`.

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
    """Filter, number and order the interactions and items of a data set.

    Args:
        raw: raw data, as returned by a reader.
        recipe: recipe of the data set; for `released`, that of its release.
        protocol: one of `PROTOCOLS`, or one with a setting.
        settings: settings of the filters.
        begins: for `rolling`, the start times of the periods.

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
        split_seed: seed of the random split of the users; `chronological`, `gap` and `rolling` do not need it.
        released_split: for `released`, the released split of the users; None if it is unknown, so that users are split
            by `split_seed`.
        begins: for `rolling`, the start times of the periods.
        minimum_history: shorter histories are dropped.
        maximum_history: longest history; only the latest items are kept.

    Raises:
        ValueError: there is no such protocol; see also `make_sequences` of the protocol's module.
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

    Candidates other than the target exclude the prompt's history in `released` and `random_users`, all of the user's
    items, before or after the target, in `chronological` and `gap`, and all of the user's earlier items in `rolling`.

    Args:
        sequences: table of schema `SEQUENCES`; for short histories that of the protocol with whole ones, since the
            candidate sets are the same.
        interactions: the table of schema `INTERACTIONS` that the sequences were made from.
        protocol: one of `PROTOCOLS`, or one with a setting.
        number_of_items: size of the catalogue.
        size: number of candidates, including the target.
        draws: candidate sets per sequence.
        seed: seed of the candidate draws.

    Raises:
        ValueError: there is no such protocol; see also `candidates_table`.
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
    """Return the interactions for the statistics of a data set: those before the tests in `rolling`, otherwise all.

    Args:
        interactions: table of schema `INTERACTIONS`.
        protocol: one of `PROTOCOLS`, or one with a setting.
        begins: for `rolling`, the start times of the periods.
    """
    if kind_of(protocol) != ROLLING:
        return interactions
    return rolling.before(interactions, _given(begins), period_of(protocol)[0])


def _given(begins: Beginnings | None) -> Beginnings:
    if begins is None:
        raise ValueError(f"The protocol {ROLLING} needs the start times of its periods, found none.")
    return begins


def _check(protocol: str) -> None:
    if protocol not in PROTOCOLS and not re.fullmatch(WITH_A_SETTING, protocol):
        scarce = share_protocol(RANDOM_USERS, 10, 1), short_protocol(RANDOM_USERS, 3, 10)
        known = ", ".join((*PROTOCOLS, gap_protocol(5), rolling_protocol(2, 4), *scarce))
        raise ValueError(f"There is no protocol '{protocol}'. Known protocols: {known} and the like.")
