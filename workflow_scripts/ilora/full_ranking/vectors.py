"""Scores of all items by inner products of recommender vectors."""

import numpy as np
import pyarrow as pa

from ilora.full_ranking.ranks import AllScores, ScoreAll
from ilora.predictions.scores import Vectors


def score_by_vectors(representations: Vectors, item_embeddings: Vectors) -> ScoreAll:
    """Return a function that scores all items by the inner product of sequence representation and item embedding.

    Sums are computed in float64 and then rounded to float32, so that items with the same embedding are tied, regardless
    of the order in which a numerical library sums the columns.

    Args:
        representations: float32 [sequences, d], by sequence id.
        item_embeddings: float32 [items, d], by item id.
    """
    embeddings = item_embeddings.astype(np.float64)

    def score(block: pa.Table) -> AllScores:
        of_block = representations[block["sequence_id"].to_numpy()].astype(np.float64)
        return (of_block @ embeddings.T).astype(np.float32)

    return score
