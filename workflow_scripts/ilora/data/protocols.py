"""Which evaluation protocols exist, and what each does with a data set: a declared list of steps, then windows."""

from dataclasses import dataclass

import pyarrow as pa

from ilora.data import by_user, chronological
from ilora.data.candidate_tables import Exclusion, candidates_table
from ilora.data.interactions import describe_items, order_by_time
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step, StepCount, run_steps

PROTOCOLS = ("random_users", "chronological")

_EXCLUSIONS: dict[str, Exclusion] = {"random_users": "history", "chronological": "whole_sequence"}


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

    Both protocols keep the same interactions; they differ in the order of a user's sequence.

    Raises:
        ValueError: there is no such protocol.
    """
    _check(protocol)
    order = recipe.released_order() if protocol == "random_users" else order_by_time()
    return [*recipe.filters(settings), recipe.numbering(raw_items), order]


def prepare(raw: RawData, recipe: Recipe, protocol: str, settings: FilterSettings) -> PreparedData:
    """Keep, number and order what the protocol keeps of a data set.

    Args:
        raw: as a reader returns it.
        recipe: of the data set.
        protocol: one of `PROTOCOLS`.
        settings: of the filters.

    Raises:
        ValueError: there is no such protocol, nothing is left, or a step refuses the data.
    """
    interactions, steps = run_steps(raw.interactions, preparation_steps(recipe, protocol, raw.items, settings))
    return PreparedData(interactions, describe_items(interactions, raw.items), steps)


def make_sequences(
    interactions: pa.Table, protocol: str, *, split_seed: int, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return the sequences of a protocol, as a table of schema `SEQUENCES`.

    Args:
        interactions: table of schema `INTERACTIONS`.
        protocol: one of `PROTOCOLS`.
        split_seed: of the random split of the users; `chronological` splits without chance.
        minimum_history: shorter histories are dropped.
        maximum_history: items of history that are kept, the latest ones.

    Raises:
        ValueError: there is no such protocol, or as its module's `make_sequences` raises it.
    """
    _check(protocol)
    bounds = {"minimum_history": minimum_history, "maximum_history": maximum_history}
    if protocol == "random_users":
        return by_user.make_sequences(interactions, split_seed=split_seed, **bounds)
    return chronological.make_sequences(interactions, **bounds)


def draw_candidate_sets(
    sequences: pa.Table, interactions: pa.Table, protocol: str, *, size: int, draws: int, seed: int
) -> pa.Table:
    """Return the candidate sets of the val and test sequences, as a table of schema `CANDIDATES`.

    In `random_users` the other candidates are outside the history of the prompt, in `chronological` outside all that the
    user ever had, before or after.

    Args:
        sequences: table of schema `SEQUENCES`.
        interactions: the table of schema `INTERACTIONS` that they were made from.
        protocol: one of `PROTOCOLS`.
        size: number of candidates, the target included.
        draws: candidate sets for each sequence.
        seed: of the candidate draws.

    Raises:
        ValueError: there is no such protocol, or as `candidates_table` raises it.
    """
    _check(protocol)
    exclusion = _EXCLUSIONS[protocol]
    return candidates_table(sequences, interactions, exclusion=exclusion, size=size, draws=draws, seed=seed)


def _check(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"There is no protocol '{protocol}'. Protocols that exist: {', '.join(PROTOCOLS)}.")
