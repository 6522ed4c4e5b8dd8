"""A first-order Markov chain over items: transitions from the last item of a history.

Its transition probabilities are smoothed towards popularity (Dirichlet smoothing: Zhai and Lafferty, SIGIR
2001),

    P(j | i) = (n(i, j) + mu * p(j)) / (n(i) + mu),    p(j) = (n(j) + 1) / (N + items),

where n(i, j) is the number of training transitions from item i to item j, n(i) that of all transitions from i, n(j)
that of interactions with j, and N that of all interactions. Candidates that never followed i are thus ranked by
popularity instead of being tied at zero, and an item that followed once outranks one that never did unless the latter
is far more popular.
"""

from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ilora.data.trajectories import item_counts, training_trajectories
from ilora.predictions.building import sequences_of
from ilora.predictions.scores import Scores, candidate_matrix

#: mu: the weight of popularity, as a number of observed transitions. Values from 1 to 100 perform similarly on the
#: validation split of MovieLens-100K.
PRIOR_TRANSITIONS = 10.0


def score_by_markov(
    sequences: pa.Table, candidates: pa.Table, items: int, prior_transitions: float = PRIOR_TRANSITIONS
) -> Scores:
    """Return, for each candidate, the probability that it follows the last item of the history.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        items: number of items in the data set.
        prior_transitions: mu, above 0.

    Returns:
        float64 [rows of `candidates`, candidates], from 0 to 1.

    Raises:
        ValueError: see `training_trajectories` and `sequences_of`.
    """
    trajectories = training_trajectories(sequences)
    counts = item_counts(trajectories, items)
    prior = popularity_prior(counts, prior_transitions)
    transitions = Counter(pair for trajectory in trajectories for pair in pairwise(trajectory))
    departures = Counter(item for trajectory in trajectories for item in trajectory[:-1])
    histories = sequences_of(sequences, candidates)["history"].to_pylist()
    last_items = [history[-1] for history in histories]
    chosen_among = candidate_matrix(candidates)
    observed = [
        [transitions[last, item] for item in row] for last, row in zip(last_items, chosen_among.tolist(), strict=True)
    ]
    totals = np.array([departures[last] for last in last_items])[:, None] + prior_transitions
    return (np.array(observed) + prior[chosen_among]) / totals


def popularity_prior(counts: npt.NDArray[np.float64], prior_transitions: float) -> npt.NDArray[np.float64]:
    """Return mu * p(j), float64 [items], from the count of each item, float64 [items]."""
    return prior_transitions * (counts + 1.0) / (counts.sum() + len(counts))
