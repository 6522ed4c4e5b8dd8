"""Scores of all items by inner products of vectors, as the recommenders have them."""

import numpy as np
import pyarrow as pa

from ilora.full_ranking.ranks import AllScores, ScoreAll
from ilora.predictions.scores import Vectors


def score_by_vectors(representations: Vectors, item_embeddings: Vectors) -> ScoreAll:
    """Return what scores all items by the inner product of a sequence's representation and the item's embedding.

    Sums are in float64 and then rounded to float32: items with the same embedding are tied, whatever the order in which
    a numerical library adds up their columns.

    Args:
        representations: float32 [sequences, d], row = sequence id.
        item_embeddings: float32 [items, d], row = item id.
    """
    embeddings = item_embeddings.astype(np.float64)

    def score(block: pa.Table) -> AllScores:
        of_block = representations[block["sequence_id"].to_numpy()].astype(np.float64)
        return (of_block @ embeddings.T).astype(np.float32)

    return score
