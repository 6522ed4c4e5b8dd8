"""Sequences and candidate sets of one split of a data set's users."""

from dataclasses import dataclass

import pyarrow as pa

from ilora.data.protocol_names import RANDOM_USERS
from ilora.data.protocols import draw_candidate_sets, make_sequences
from ilora.data.splits import UserSplit

#: The name of the study's own split, and the prefix of the names of random splits, which end in the seed.
OWN, _OF_SEED = "own", "split_seed~"


@dataclass(frozen=True)
class SplitSettings:
    """Options for sequences and candidate sets from a study's `data` section."""

    split_seed: int
    minimum_history: int
    maximum_history: int
    candidates: int
    draws: int
    candidate_seed: int


def split_name(seed: int | str) -> str:
    """Return the name of the random split of a seed, or the name pattern for a pattern of seeds."""
    return f"{_OF_SEED}{seed}"


def split_data(
    interactions: pa.Table,
    protocol: str,
    users: str,
    settings: SplitSettings,
    *,
    number_of_items: int,
    released_split: UserSplit | None,
) -> tuple[pa.Table, pa.Table]:
    """Return the sequences and candidate sets of one split, which differs from the protocol only in its users.

    Args:
        interactions: table of schema `INTERACTIONS`, filtered and ordered by the protocol.
        protocol: a protocol that splits users.
        users: `OWN`, or the name of a random split.
        settings: options of the study.
        number_of_items: size of the catalogue.
        released_split: see `make_sequences`.

    Raises:
        ValueError: see `make_sequences` and `draw_candidate_sets`.
    """
    sequences = make_sequences(
        interactions,
        protocol if users == OWN else RANDOM_USERS,
        split_seed=settings.split_seed if users == OWN else int(users.removeprefix(_OF_SEED)),
        minimum_history=settings.minimum_history,
        maximum_history=settings.maximum_history,
        released_split=released_split,
    )
    candidates = draw_candidate_sets(
        sequences,
        interactions,
        protocol,
        number_of_items=number_of_items,
        size=settings.candidates,
        draws=settings.draws,
        seed=settings.candidate_seed,
    )
    return sequences, candidates
