"""Item popularity: whatever most people had, whoever asks.

The other candidates are drawn uniformly, so most of them are rare items, and popularity alone does far better
than chance. That makes it the floor that any method has to clear.
"""

import pyarrow as pa

from ilora.data.trajectories import item_counts, training_trajectories
from ilora.predictions.scores import Scores, candidate_matrix


def score_by_popularity(sequences: pa.Table, candidates: pa.Table, items: int) -> Scores:
    """Return, for each candidate, how many interactions the training split has with it.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        items: number of items in the data set.

    Returns:
        float64 [rows of `candidates`, candidates], whole numbers.

    Raises:
        ValueError: as `training_trajectories` raises it.
    """
    return item_counts(training_trajectories(sequences), items)[candidate_matrix(candidates)]
