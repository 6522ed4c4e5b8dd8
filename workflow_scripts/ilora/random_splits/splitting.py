"""Sequences and candidate sets of one split of a data set's users."""

from dataclasses import dataclass

import pyarrow as pa

from ilora.data.protocol_names import RANDOM_USERS
from ilora.data.protocols import draw_candidate_sets, make_sequences
from ilora.data.splits import UserSplit

#: The study's own split, beside those of the seeds, whose names end in the seed.
OWN, _OF_SEED = "own", "split_seed~"


@dataclass(frozen=True)
class SplitSettings:
    """What a study's `data` says of sequences and candidate sets."""

    split_seed: int
    minimum_history: int
    maximum_history: int
    candidates: int
    draws: int
    candidate_seed: int


def split_name(seed: int | str) -> str:
    """Return the name of the random split of a seed, or of a pattern of seeds."""
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
    """Return the sequences and candidate sets of one split; all but the users of train, val and test is the protocol's.

    Args:
        interactions: table of schema `INTERACTIONS`, as the protocol keeps and orders it.
        protocol: one that splits users.
        users: `OWN`, or the name of a random split.
        settings: of the study.
        number_of_items: size of the catalogue.
        released_split: as `make_sequences` takes it.

    Raises:
        ValueError: as `make_sequences` and `draw_candidate_sets` raise it.
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
