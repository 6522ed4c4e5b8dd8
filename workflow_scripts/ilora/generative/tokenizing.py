"""From vectors of items to the ids of each generative method, and the shape of the generator that writes them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ilora.configuration.sections.generative import GenerativeSection
from ilora.generative.generator import GeneratorShape
from ilora.generative.level_quantisation import quantise_levels
from ilora.generative.quantisation import Quantisation
from ilora.generative.residual_k_means import residual_k_means
from ilora.generative.rq_vae import quantise_by_rq_vae
from ilora.generative.semantic_ids import SemanticIds, ids_of, in_order, with_collision_token
from ilora.generative.vocabulary import Vocabulary

#: The vectors of everything that is known of an item, among those of its levels.
WHOLE_ITEM = "item"

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenizedItems:
    """What a tokenizer makes.

    Attributes:
        ids: as the generator writes them.
        quantisation: codes and codebooks that they are made of, before a collision token and in the order of levels.
    """

    ids: SemanticIds
    quantisation: Quantisation


Tokenizer = Callable[[Mapping[str, torch.Tensor], GenerativeSection, int], TokenizedItems]
"""From vectors of all items by level, float32 (items, width), the settings and a seed to ids."""


def tiger_ids(vectors: Mapping[str, torch.Tensor], settings: GenerativeSection, seed: int) -> TokenizedItems:
    """Quantise the vectors of `WHOLE_ITEM` residually (TIGER).

    Raises:
        ValueError, FloatingPointError: as the quantiser.
    """
    tiger = settings.tiger
    of_items = vectors[WHOLE_ITEM]
    if tiger.quantiser == "residual_k_means":
        quantisation = residual_k_means(of_items, tiger.levels, tiger.codebook_size, seed)
    else:
        quantisation = quantise_by_rq_vae(
            of_items, tiger.levels, tiger.codebook_size, settings.quantiser_training, seed
        )
    ids = ids_of(quantisation, [f"residual {level + 1}" for level in range(tiger.levels)])
    return TokenizedItems(with_collision_token(ids) if tiger.collision_token else ids, quantisation)


def cofirec_ids(vectors: Mapping[str, torch.Tensor], settings: GenerativeSection, seed: int) -> TokenizedItems:
    """Quantise the vectors of each level by itself (CoFiRec).

    A level without vectors is left out, and named in the log.

    Raises:
        ValueError, FloatingPointError: as `ilora.generative.level_quantisation.quantise_levels`.
    """
    cofirec = settings.cofirec
    levels: list[str] = [level for level in cofirec.levels if level in vectors]
    missing = [level for level in cofirec.levels if level not in vectors]
    if missing:
        _LOGGER.warning("CoFiRec: the data set has no %s: its items have ids of %s", ", ".join(missing), levels)
    known = {level: vectors[level] for level in levels}
    quantisation = quantise_levels(known, cofirec.codebook_size, settings.quantiser_training, seed)
    return TokenizedItems(in_order(ids_of(quantisation, levels), cofirec.order, seed), quantisation)


#: By the method's id.
TOKENIZERS: Mapping[str, Tokenizer] = {"tiger": tiger_ids, "cofirec": cofirec_ids}


def generator_shape(method: str, settings: GenerativeSection, ids: SemanticIds) -> GeneratorShape:
    """Return the shape of a method's generator: TIGER's has tokens of users, CoFiRec's levels and positions."""
    if method == "tiger":
        return GeneratorShape(Vocabulary(ids.sizes, settings.tiger.user_tokens), settings.generator, False, False)
    cofirec = settings.cofirec
    return GeneratorShape(
        Vocabulary(ids.sizes), settings.generator, cofirec.level_embedding, cofirec.position_embedding
    )
