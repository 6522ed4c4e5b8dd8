"""Case study: two pairs of sequences, one with high and one with low gradient similarity (right part of Fig. 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ilora.analysis.gradient_averages import average_modules, mean_of, modules_of, step_of
from ilora.analysis.gradient_grams import grams_of
from ilora.analysis.gradient_samples import BY_SEQUENCE
from ilora.analysis.schemas import CASE_STUDY, HIGH, IDENTICAL_LINK, LOW, SIMILAR_LINK

#: Minimum Jaccard index of the genres of two items that count as similar.
SIMILAR = 0.5


@dataclass(frozen=True)
class Pair:
    """Two sequences and the cosine between their gradients, averaged over modules and checkpoints."""

    name: str
    sequence_ids: tuple[int, int]
    similarity: float


def single_similarities(checkpoints: Sequence[pa.Table]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the sequences of the case study and the cosines between their gradients.

    Args:
        checkpoints: a table of schema `ilora.analysis.schemas.GRADIENT_GRAMS` for each checkpoint.

    Returns:
        Sequence ids, int32 [sequences], and cosines, float64 [sequences, sequences], averaged over the modules of each
        kind, over kinds and over checkpoints; both are empty if no sequence was eligible.
    """
    grams = {step_of(table): grams_of(table, BY_SEQUENCE) for table in checkpoints}
    average = mean_of([average_modules(modules_of(one)) for one in grams.values()])
    return next(iter(grams.values())).groups, average.cosine


def choose_pairs(
    sequence_ids: NDArray[np.int32], similarity: NDArray[np.float64], targets: NDArray[np.int32]
) -> list[Pair]:
    """Return the pairs with the most and the least similar gradients among pairs of sequences with different targets.

    Pairs with equal targets are excluded, since two sequences that learn the same title have similar gradients
    regardless of their histories. The sequences are drawn by
    `ilora.analysis.gradient_samples.draw_single_sequences`: one per user, with more than three items of one genre, as
    in the paper. No other property of the items plays a role.

    Args:
        sequence_ids: int32 [sequences].
        similarity: float64 [sequences, sequences].
        targets: target of every sequence of the data set, by sequence id.

    Returns:
        The high and the low pair; empty if no two sequences have different targets.
    """
    first, second = np.triu_indices(len(sequence_ids), k=1)
    different = targets[sequence_ids[first]] != targets[sequence_ids[second]]
    first, second = first[different], second[different]
    if not len(first):
        return []
    cosines = similarity[first, second]
    return [
        Pair(name, (int(sequence_ids[first[at]]), int(sequence_ids[second[at]])), float(cosines[at]))
        for name, at in ((HIGH, cosines.argmax()), (LOW, cosines.argmin()))
    ]


def case_study_table(
    pairs: Sequence[Pair], sequences: pa.Table, clusters: pa.Table, titles: Sequence[str], genres: Sequence[list[str]]
) -> pa.Table:
    """Return the contents of the figure, as a table of schema `CASE_STUDY`.

    Args:
        pairs: result of `choose_pairs`.
        sequences: table of schema `ilora.artifacts.schemas.SEQUENCES`.
        clusters: table of schema `ilora.analysis.schemas.CLUSTERS`.
        titles: title of every item, by item id.
        genres: genres of every item, by item id.
    """
    rows = []
    for pair in pairs:
        found = [sequences.slice(sequence_id, 1).to_pylist()[0] for sequence_id in pair.sequence_ids]
        items = [[*entry["history"], entry["target"]] for entry in found]
        linked = [links(items[0], items[1], genres), {}]
        for side, (entry, held) in enumerate(zip(found, items, strict=True)):
            for place, item in enumerate(held):
                other, kind = linked[side].get(place, (None, None))
                rows.append(
                    {
                        "pair": pair.name,
                        "similarity": pair.similarity,
                        "side": side,
                        "sequence_id": entry["sequence_id"],
                        "user_id": entry["user_id"],
                        "cluster": clusters["cluster"][entry["sequence_id"]].as_py(),
                        "place": place,
                        "is_target": place == len(held) - 1,
                        "item_id": item,
                        "title": titles[item],
                        "genres": genres[item],
                        "linked_to": other,
                        "link": kind,
                    }
                )
    return pa.Table.from_pylist(rows, schema=CASE_STUDY)


def links(left: Sequence[int], right: Sequence[int], genres: Sequence[Sequence[str]]) -> dict[int, tuple[int, str]]:
    """Link identical items of two sequences, then items with similar genres; each item is linked at most once.

    Similar items are matched to maximise the sum of their Jaccard indices; items below `SIMILAR` are not linked.

    Returns:
        For each linked position on the left, the position on the right and the kind of link.
    """
    places = {item: place for place, item in enumerate(right)}
    found = {place: (places[item], IDENTICAL_LINK) for place, item in enumerate(left) if item in places}
    taken = {place for place, _ in found.values()}
    free_left = [place for place in range(len(left)) if place not in found]
    free_right = [place for place in range(len(right)) if place not in taken]
    index = np.array([[_jaccard(genres[left[a]], genres[right[b]]) for b in free_right] for a in free_left])
    if index.size:
        index[index < SIMILAR] = 0.0
        for row, column in zip(*linear_sum_assignment(-index), strict=True):
            if index[row, column]:
                found[free_left[row]] = (free_right[column], SIMILAR_LINK)
    return found


def _jaccard(first: Sequence[str], second: Sequence[str]) -> float:
    union = set(first) | set(second)
    return len(set(first) & set(second)) / len(union) if union else 0.0
