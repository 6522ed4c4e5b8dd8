"""Item popularity, a baseline that ignores the history.

Negative candidates are drawn uniformly, so most of them are rare items, and popularity alone performs far better than
chance. It is therefore the minimum that any method should exceed.
"""

import pyarrow as pa

from ilora.data.trajectories import item_counts, training_trajectories
from ilora.predictions.scores import Scores, candidate_matrix


def score_by_popularity(sequences: pa.Table, candidates: pa.Table, items: int) -> Scores:
    """Return the number of training interactions of each candidate.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        items: number of items in the data set.

    Returns:
        float64 [rows of `candidates`, candidates], whole numbers.

    Raises:
        ValueError: see `training_trajectories`.
    """
    return item_counts(training_trajectories(sequences), items)[candidate_matrix(candidates)]
