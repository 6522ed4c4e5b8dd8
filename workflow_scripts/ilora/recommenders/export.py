"""What the rest of the pipeline takes from a trained recommender, in our item ids."""

import numpy as np
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.predictions.scores import Vectors
from ilora.recommenders.models import represent
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences

_BATCH = 1024


def item_embeddings(model: SequentialRecommender) -> Vectors:
    """Return the embeddings of all items, float32 [items, d], row = item id, without RecBole's padding."""
    return model.item_embedding.weight.detach()[FIRST_ITEM:].cpu().numpy().copy()


def sequence_representations(model: SequentialRecommender, sequences: PaddedSequences) -> Vectors:
    """Return z of all sequences, float32 [sequences, d], in their order.

    The score of an item is the inner product of z and its embedding: none of the models has a bias.
    The model is left in evaluation mode.
    """
    model.eval()
    with torch.no_grad():
        parts = [
            represent(model, sequences.rows(slice(start, start + _BATCH))).cpu().numpy()
            for start in range(0, len(sequences), _BATCH)
        ]
    return np.concatenate(parts)
