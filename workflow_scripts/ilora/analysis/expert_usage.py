"""Use of a gate's experts over a split, and its dependence on the clusters of sequences."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from ilora.adapters.load import expert_load
from ilora.analysis.expert_weights import weights_of
from ilora.analysis.schemas import EXPERT_USAGE

#: The quantities of the table, with their meaning.
QUANTITIES = {
    "sequences": "sequences of the split",
    "expert_share": "mean weight of the expert",
    "weight_deviation": "standard deviation of the expert's weight over sequences",
    "strongest_share": "share of the sequences for which the expert has the largest weight",
    "entropy": "mean entropy of a sequence's weights, divided by log K: 1 for equal weights, 0 for one expert",
    "effective_experts": "exp of the entropy of the shares, from 1 to K",
    "collapsed": "1 if few of the experts carry the load (ilora.adapters.ExpertLoad.has_collapsed), else 0",
    "mutual_information": "nats, between the cluster and the strongest expert of a sequence (plug-in estimate)",
    "mutual_information_by_chance": "mean of mutual_information with clusters shuffled between sequences",
    "mutual_information_p": "p-value of the permutation test of independence",
    "adjusted_mutual_information": "the same adjusted for chance: 0 by chance, 1 if each determines the other",
}

#: Shuffles of the clusters in the permutation test.
PERMUTATIONS = 1000


def measure_expert_usage(gates: pa.Table, clusters: pa.Table, split: str, seed: int) -> pa.Table:
    """Return the use of the experts over a split, as a table of schema `EXPERT_USAGE`.

    The dependence on clusters is measured between two labels of a sequence, its cluster and its strongest expert. With
    few sequences, the plug-in estimate is well above 0 even for independent labels, so its chance level is reported
    too.

    Args:
        gates: table of schema `ilora.analysis.schemas.GATES`.
        clusters: table of schema `ilora.analysis.schemas.CLUSTERS`.
        split: the split to measure.
        seed: random seed of the permutations.

    Raises:
        ValueError: the gates have no sequence of the split, or not every expert exactly once per sequence.
    """
    sequence_ids, weights = weights_of(gates, split)
    cluster_of = clusters["cluster"].to_numpy()[sequence_ids]
    rows = [*_of_experts(weights), *_of_all(weights), *_dependence(weights.argmax(axis=1), cluster_of, seed)]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(EXPERT_USAGE.names)}
    return pa.table(columns, schema=EXPERT_USAGE)


def _of_experts(weights: NDArray[np.float64]) -> Iterator[tuple[str, int, float]]:
    strongest = np.bincount(weights.argmax(axis=1), minlength=weights.shape[1]) / len(weights)
    for expert, (mean, deviation) in enumerate(zip(weights.mean(axis=0), weights.std(axis=0), strict=True)):
        yield "expert_share", expert, float(mean)
        yield "weight_deviation", expert, float(deviation)
        yield "strongest_share", expert, float(strongest[expert])


def _of_all(weights: NDArray[np.float64]) -> Iterator[tuple[str, None, float]]:
    load = expert_load(torch.tensor(weights))
    yield "sequences", None, float(len(weights))
    yield "entropy", None, load.entropy
    yield "effective_experts", None, load.effective_experts
    yield "collapsed", None, float(load.has_collapsed)


def _dependence(
    strongest: NDArray[np.int64], clusters: NDArray[np.int32], seed: int
) -> Iterator[tuple[str, None, float]]:
    found = float(mutual_info_score(clusters, strongest))
    generator = np.random.default_rng(seed)
    by_chance = np.array(
        [mutual_info_score(generator.permutation(clusters), strongest) for _ in range(PERMUTATIONS)], dtype=float
    )
    as_large = int((by_chance >= found - 1e-12).sum())
    yield "mutual_information", None, found
    yield "mutual_information_by_chance", None, float(by_chance.mean())
    yield "mutual_information_p", None, (1 + as_large) / (1 + PERMUTATIONS)
    yield "adjusted_mutual_information", None, float(adjusted_mutual_info_score(clusters, strongest))
