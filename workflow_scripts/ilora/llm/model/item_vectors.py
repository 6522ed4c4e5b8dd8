"""The inputs of behaviour tokens: the frozen recommender's item embeddings, prepared for the projector."""

from typing import Literal

import torch

from ilora.llm.model.inputs import EncoderVectors

Preparation = Literal["raw", "decorrelated"]


def encoder_item_vectors(
    sequence_encoder: EncoderVectors | None, preparation: Preparation | None
) -> torch.Tensor | None:
    """Return the prepared vectors of a method's sequence encoder; None without a preparation (text-only prompts).

    Raises:
        ValueError: if there is a preparation but no sequence encoder, or the embeddings are not finite.
    """
    if preparation is None:
        return None
    if sequence_encoder is None:
        raise ValueError("hybrid prompts: found no sequence encoder, expected the item embeddings of a recommender")
    return prepare_item_vectors(sequence_encoder.item_embeddings, preparation)


def prepare_item_vectors(item_embeddings: torch.Tensor, preparation: Preparation) -> torch.Tensor:
    """Return the inputs of the projector, float32 (items, d).

    ``raw`` leaves the embeddings unchanged, as in the paper. ``decorrelated`` centres them, divides each principal
    component by the square root of its standard deviation and scales each row to norm sqrt(d), so that a few dominant
    directions do not hide the rest, and the vectors of all recommenders have the same norm. It uses no labels.

    Raises:
        ValueError: if the embeddings are not finite.
    """
    if not torch.isfinite(item_embeddings).all():
        raise ValueError("item embeddings contain NaN or infinity: retrain the recommender")
    if preparation == "raw":
        return item_embeddings.float()
    centred = item_embeddings.double() - item_embeddings.double().mean(dim=0)
    left, singular_values, _ = torch.linalg.svd(centred, full_matrices=False)
    decorrelated = left * singular_values.sqrt()
    scaled = torch.nn.functional.normalize(decorrelated, dim=1) * decorrelated.shape[1] ** 0.5
    return scaled.float()
