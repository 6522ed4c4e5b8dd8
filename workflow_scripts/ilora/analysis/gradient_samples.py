"""Samples of training sequences for gradients, drawn from seeds and shared by all methods and checkpoints."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.analysis.genres import frequent_genre
from ilora.data.sequences import SequenceTable

logger = logging.getLogger(__name__)

#: Partitions of the drawn sequences into groups: by cluster, or with each sequence as its own group.
BY_CLUSTER, BY_SEQUENCE = "cluster", "sequence"

#: The case study takes sequences with more than three items of one genre (appendix A of arXiv 2408.10159).
ITEMS_OF_ONE_GENRE = 3


@dataclass(frozen=True)
class Blocks:
    """Groups of sequences, each divided into the same number of blocks of the same size.

    Attributes:
        groups: the group of each block, int32 [blocks], ascending.
        sequence_ids: int64 [blocks, sequences in a block].
    """

    groups: NDArray[np.int32]
    sequence_ids: NDArray[np.int64]


@dataclass(frozen=True)
class SampleSizes:
    """Numbers of sequences whose gradients are computed.

    Each cluster has ``blocks`` blocks of ``sequences_per_block``; ``case_study_sequences`` are taken individually.
    """

    blocks: int
    sequences_per_block: int
    case_study_sequences: int


def draw_partitions(
    sequences: SequenceTable,
    clusters: NDArray[np.int32],
    genres: Sequence[Sequence[str]],
    sizes: SampleSizes,
    seed: int,
) -> dict[str, Blocks]:
    """Return the blocks of training sequences of each partition: clusters, and single sequences.

    Args:
        sequences: all sequences.
        clusters: the cluster of every sequence, int32 [sequences].
        genres: genres of every item, by item id.
        sizes: numbers of sequences to draw.
        seed: random seed of all draws.

    Raises:
        ValueError: fewer than two clusters are large enough.
    """
    rows = sequences.rows("train")
    of_clusters, users = clusters[rows], sequences.user_ids[rows]
    histories = [sequences.histories[row] for row in rows]
    return {
        BY_CLUSTER: draw_blocks(of_clusters, rows, users, sizes.blocks, sizes.sequences_per_block, [seed, 0]),
        BY_SEQUENCE: draw_single_sequences(
            of_clusters, rows, users, histories, genres, sizes.case_study_sequences, [seed, 1]
        ),
    }


def draw_blocks(
    groups: NDArray[np.int32],
    sequence_ids: NDArray[np.int64],
    user_ids: NDArray[np.int32],
    blocks: int,
    size: int,
    seed: Sequence[int],
) -> Blocks:
    """Draw blocks x size sequences of each group without replacement; smaller groups are skipped with a warning.

    A group's sequences come from as many users as possible, and those of one user are adjacent. This keeps blocks close
    to independent, which the intervals over blocks and the similarity of a group with itself assume.

    Args:
        groups: the group of each sequence, int32 [sequences].
        sequence_ids: int64 [sequences].
        user_ids: int32 [sequences].
        blocks: number of blocks per group.
        size: number of sequences per block.
        seed: random seed of the draw.

    Raises:
        ValueError: fewer than two groups are large enough.
    """
    kept, drawn = [], []
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        if len(places) < blocks * size:
            logger.warning(
                "group %d has %d training sequences, but its gradient requires %d: the group is skipped",
                group,
                len(places),
                blocks * size,
            )
            continue
        shuffled = np.random.default_rng([*seed, int(group)]).permutation(places)
        chosen = shuffled[_spread_over_users(user_ids[shuffled], blocks * size)]
        kept += [group] * blocks
        drawn.append(sequence_ids[chosen].reshape(blocks, size))
    if len(drawn) < 2:
        raise ValueError(
            f"found {len(drawn)} groups with at least {blocks * size} training sequences, expected two or more: lower "
            "analysis.clusters, analysis.blocks or analysis.sequences_per_block"
        )
    return Blocks(np.array(kept, dtype=np.int32), np.concatenate(drawn))


def draw_single_sequences(
    clusters: NDArray[np.int32],
    sequence_ids: NDArray[np.int64],
    user_ids: NDArray[np.int32],
    histories: Sequence[Sequence[int]],
    genres: Sequence[Sequence[str]],
    count: int,
    seed: Sequence[int],
) -> Blocks:
    """Draw up to `count` sequences for the case study, each its own group and block.

    One sequence per user is drawn at random among those whose history has more than `ITEMS_OF_ONE_GENRE` items of one
    genre (among all, if no item has a known genre). Of these, clusters contribute equal numbers as far as possible.

    Args:
        clusters: the cluster of each sequence, int32 [sequences].
        sequence_ids: int64 [sequences].
        user_ids: int32 [sequences].
        histories: item ids of each sequence.
        genres: genres of every item, by item id.
        count: maximum number of sequences.
        seed: random seed of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(sequence_ids))
    if any(genres):
        eligible = [frequent_genre(histories[place], genres, ITEMS_OF_ONE_GENRE) is not None for place in order]
        order = order[np.array(eligible, dtype=bool)]
    of_users = order[_occurrence(user_ids[order]) == 0]
    in_turn = of_users[np.argsort(_occurrence(clusters[of_users]), kind="stable")]
    chosen = np.sort(sequence_ids[in_turn[:count]])
    return Blocks(chosen.astype(np.int32), chosen[:, None])


def _spread_over_users(user_ids: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return the indices of `count` rows: a first row of each user before any second one, with users kept together."""
    chosen = np.argsort(_occurrence(user_ids), kind="stable")[:count]
    _, first_places = np.unique(user_ids, return_index=True)
    first_place = dict(zip(user_ids[first_places].tolist(), first_places.tolist(), strict=True))
    of_user = [first_place[user] for user in user_ids[chosen].tolist()]
    return chosen[np.argsort(of_user, kind="stable")]


def _occurrence(values: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the number of earlier occurrences of each entry's value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.empty(len(values), dtype=np.int64)
    counts[order] = np.arange(len(values)) - np.repeat(starts, np.diff(np.r_[starts, len(values)]))
    return counts
