"""Ids of items from their vectors for each generative method, and the shape of its generator."""

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

#: Key of the vectors of an item's whole information, among those of its levels.
WHOLE_ITEM = "item"

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenizedItems:
    """The output of a tokenizer.

    Attributes:
        ids: ids in the form that the generator uses.
        quantisation: underlying codes and codebooks, without a collision token and in the original order of levels.
    """

    ids: SemanticIds
    quantisation: Quantisation


Tokenizer = Callable[[Mapping[str, torch.Tensor], GenerativeSection, int], TokenizedItems]
"""Function from the vectors of all items by level, float32 (items, width), the settings and a seed to ids."""


def tiger_ids(vectors: Mapping[str, torch.Tensor], settings: GenerativeSection, seed: int) -> TokenizedItems:
    """Quantise the vectors of `WHOLE_ITEM` residually (TIGER).

    Raises:
        ValueError, FloatingPointError: see the quantiser.
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
    """Quantise the vectors of each level independently (CoFiRec).

    A level without vectors is omitted with a warning.

    Raises:
        ValueError, FloatingPointError: see `ilora.generative.level_quantisation.quantise_levels`.
    """
    cofirec = settings.cofirec
    levels: list[str] = [level for level in cofirec.levels if level in vectors]
    missing = [level for level in cofirec.levels if level not in vectors]
    if missing:
        _LOGGER.warning("CoFiRec: the data set has no %s: ids consist of %s", ", ".join(missing), levels)
    known = {level: vectors[level] for level in levels}
    quantisation = quantise_levels(known, cofirec.codebook_size, settings.quantiser_training, seed)
    return TokenizedItems(in_order(ids_of(quantisation, levels), cofirec.order, seed), quantisation)


#: Tokenizers by method id.
TOKENIZERS: Mapping[str, Tokenizer] = {"tiger": tiger_ids, "cofirec": cofirec_ids}


def generator_shape(method: str, settings: GenerativeSection, ids: SemanticIds) -> GeneratorShape:
    """Return the shape of a method's generator: user tokens for TIGER, level and position embeddings for CoFiRec."""
    if method == "tiger":
        return GeneratorShape(Vocabulary(ids.sizes, settings.tiger.user_tokens), settings.generator, False, False)
    cofirec = settings.cofirec
    return GeneratorShape(
        Vocabulary(ids.sizes), settings.generator, cofirec.level_embedding, cofirec.position_embedding
    )
