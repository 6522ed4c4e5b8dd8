"""Count-based baselines as scorers of all items; see `ilora.baselines`."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from ilora.baselines.markov import PRIOR_TRANSITIONS, popularity_prior
from ilora.data.trajectories import item_counts, training_trajectories
from ilora.full_ranking.ranks import AllScores, ScoreAll


def score_all_by_popularity(sequences: pa.Table, items: int) -> ScoreAll:
    """Return a function that scores every item by its training interactions, regardless of the history.

    Args:
        sequences: table of the SEQUENCES schema.
        items: number of items in the data set.

    Raises:
        ValueError: see `training_trajectories`.
    """
    counts = item_counts(training_trajectories(sequences), items)
    return lambda block: np.broadcast_to(counts, (block.num_rows, items))


def score_all_by_markov(sequences: pa.Table, items: int) -> ScoreAll:
    """Return a function that scores every item by the probability that it follows the last item of the history.

    The scores equal those of `ilora.baselines.markov.score_by_markov`.

    Args:
        sequences: table of the SEQUENCES schema.
        items: number of items in the data set.

    Raises:
        ValueError: see `training_trajectories`.
    """
    trajectories = training_trajectories(sequences)
    prior = popularity_prior(item_counts(trajectories, items), PRIOR_TRANSITIONS)
    pairs = np.array([pair for trajectory in trajectories for pair in pairwise(trajectory)])
    # Duplicate pairs are summed.
    observed = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(items, items))
    totals = observed.sum(axis=1) + PRIOR_TRANSITIONS

    def score(block: pa.Table) -> AllScores:
        last_items = np.array([history[-1] for history in block["history"].to_pylist()])
        return np.asarray((observed[last_items].toarray() + prior) / totals[last_items][:, None])

    return score


#: Baselines by method id.
BASELINES: Mapping[str, Callable[[pa.Table, int], ScoreAll]] = {
    "popularity": score_all_by_popularity,
    "markov": score_all_by_markov,
}
