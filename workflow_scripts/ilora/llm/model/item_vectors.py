"""What a behaviour token is made from: the frozen recommender's item embeddings, prepared for the projector."""

from typing import Literal

import torch

from ilora.llm.model.inputs import GuideVectors

Preparation = Literal["raw", "decorrelated"]


def guide_item_vectors(guide: GuideVectors | None, preparation: Preparation | None) -> torch.Tensor | None:
    """Give the prepared vectors of a method's guide; None where prompts are text alone, with no guide to prepare.

    Raises:
        ValueError: if there is a preparation without a guide, or the embeddings are not finite.
    """
    if preparation is None:
        return None
    if guide is None:
        raise ValueError("hybrid prompts: found no guide, expected the item embeddings of a recommender")
    return prepare_item_vectors(guide.item_embeddings, preparation)


def prepare_item_vectors(item_embeddings: torch.Tensor, preparation: Preparation) -> torch.Tensor:
    """Give the vectors that enter the projector, float32 (items, d).

    ``raw`` leaves them as they are (the paper). ``decorrelated`` centres them, divides each principal component by
    the square root of its standard deviation and scales each row to norm sqrt(d): a few dominant directions no
    longer hide the rest, and every recommender's vectors have one size. It uses no label.

    Raises:
        ValueError: if the embeddings are not finite.
    """
    if not torch.isfinite(item_embeddings).all():
        raise ValueError("item embeddings hold NaN or infinity: retrain the recommender")
    if preparation == "raw":
        return item_embeddings.float()
    centred = item_embeddings.double() - item_embeddings.double().mean(dim=0)
    left, singular_values, _ = torch.linalg.svd(centred, full_matrices=False)
    decorrelated = left * singular_values.sqrt()
    scaled = torch.nn.functional.normalize(decorrelated, dim=1) * decorrelated.shape[1] ** 0.5
    return scaled.float()
