"""RecBole's models, built from our settings and applied to our sequences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.configuration.sections.recommender_values import (
    CaseQSection,
    CaserSection,
    GRU4RecSection,
    SASRecSection,
)
from ilora.predictions.scores import Vectors
from ilora.recommenders.caseq import CaseQ
from ilora.recommenders.caser import ProductCaser
from ilora.recommenders.encoded_titles import EncodedTitles
from ilora.recommenders.losses import draw_negatives, takes_negatives
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences
from ilora.recommenders.recbole_models import GRU4Rec, SASRec
from ilora.recommenders.settings import Architecture, MoRecArchitecture
from ilora.recommenders.title_embedding import TitleEmbedding

# RecBole's defaults for SASRec: standard deviation of initial weights, and epsilon of the layer norms.
_INITIAL_DEVIATION = 0.02
_EPSILON = 1e-12

# Only Caser reads the user. The protocol random_users evaluates users who are not in the training split, whose
# embeddings would be noise. All users therefore share one, which makes Caser a function of the history.
_SHARED_USER = 0

#: Number of sequences whose representations are computed together.
_SEQUENCES_AT_ONCE = 1024


@dataclass(frozen=True)
class Vocabulary:
    """The part of a data set that RecBole's models read: the number of ids, including padding."""

    tokens: int
    user_num: int = 1

    def num(self, field: str) -> int:
        """Return the number of ids of a field; the models only query the item field."""
        return self.tokens


def build_model(
    architecture: Architecture, *, embedding_size: int, items: int, maximum_history: int
) -> SequentialRecommender:
    """Return an untrained model of RecBole, initialised with torch's global random generator.

    RecBole's own Config is not used, because it reads the command line and sets environment variables. The models only
    look up keys in it, so a plain mapping suffices, and a missing key is an error instead of None.

    MoRec must read the title vectors before use: see `TitleEmbedding.read`.

    Args:
        architecture: type and shape of the model.
        embedding_size: width of item embeddings and sequence representations.
        items: number of items in the data set.
        maximum_history: length of the longest history.
    """
    model_class, parameters = _recbole_model(architecture, embedding_size)
    config = {**_RECBOLE_FIELDS, **parameters, "MAX_ITEM_LIST_LENGTH": maximum_history}
    model = model_class(config, Vocabulary(tokens=items + FIRST_ITEM))
    if isinstance(architecture, MoRecArchitecture):
        model.item_embedding = TitleEmbedding(items, architecture.title_width, embedding_size, _INITIAL_DEVIATION)
    return model


def training_loss(model: SequentialRecommender, batch: PaddedSequences) -> torch.Tensor:
    """Return the loss of a batch, by default RecBole's cross-entropy over all items (a scalar on the model's device).

    With a trainable encoder of titles, it may be over the batch's items: see `EncoderTuning`. If the model has another
    loss (`ilora.recommenders.losses`), that one is returned, with newly drawn negatives.
    """
    device = _device(model)
    if takes_negatives(model):
        negatives = {"neg_item_id": draw_negatives(batch, model.n_items).to(device)}
        return model.calculate_loss(_interaction(batch.to(device)) | negatives)
    batch = batch.to(device)
    if isinstance(model.item_embedding, EncodedTitles):
        with model.item_embedding.compared(batch) as named:
            return model.calculate_loss(_interaction(named))
    return model.calculate_loss(_interaction(batch))


def reads_any_width(model: SequentialRecommender) -> bool:
    """Return whether histories may be padded to any width; Caser and CaseQ need that of the longest history."""
    return not isinstance(model, ProductCaser | CaseQ)


def trim_padding(model: SequentialRecommender, batch: PaddedSequences) -> PaddedSequences:
    """Return the batch, padded only to its longest history if the model reads any width."""
    return batch.trimmed() if reads_any_width(model) else batch


def all_item_scores(model: SequentialRecommender, batch: PaddedSequences) -> torch.Tensor:
    """Return RecBole's own scores, float32 [batch, items + 1], on the model's device; column 0 is the padding."""
    return model.full_sort_predict(_interaction(batch.to(_device(model))))


def optimizer_for(model: SequentialRecommender, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Return Adam over a model's parameters; a trainable encoder of titles has its own learning rate."""
    embedding = model.item_embedding
    if not isinstance(embedding, EncodedTitles):
        return torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    encoder = list(embedding.encoder.parameters())
    ids = set(map(id, encoder))
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in model.parameters() if id(parameter) not in ids]},
        {"params": encoder, "lr": embedding.tuning.learning_rate, "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=learning_rate, weight_decay=weight_decay)


def represent(model: SequentialRecommender, batch: PaddedSequences) -> torch.Tensor:
    """Return the sequence representations z, float32 [batch, embedding_size], on the model's device."""
    batch = trim_padding(model, batch).to(_device(model))
    if isinstance(model, ProductCaser):
        return model(_users(batch), batch.histories)
    return model(batch.histories, batch.lengths)


def _device(model: SequentialRecommender) -> torch.device:
    return next(model.parameters()).device


def _interaction(batch: PaddedSequences) -> dict[str, torch.Tensor]:
    """Return the batch under RecBole's field names."""
    return {
        "item_id_list": batch.histories,
        "item_length": batch.lengths,
        "item_id": batch.targets,
        "user_id": _users(batch),
    }


def _users(batch: PaddedSequences) -> torch.Tensor:
    return torch.full_like(batch.lengths, _SHARED_USER)


_RECBOLE_FIELDS: Mapping[str, object] = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "LIST_SUFFIX": "_list",
    "ITEM_LIST_LENGTH_FIELD": "item_length",
    "NEG_PREFIX": "neg_",
    "device": torch.device("cpu"),
    "loss_type": "CE",
}


def _recbole_model(
    architecture: Architecture, embedding_size: int
) -> tuple[type[SequentialRecommender], dict[str, object]]:
    """Return RecBole's class and our settings under its names."""
    match architecture:
        case SASRecSection():
            return SASRec, {
                "n_layers": architecture.layers,
                "n_heads": architecture.heads,
                "hidden_size": embedding_size,
                "inner_size": architecture.feed_forward_size,
                "hidden_act": architecture.activation,
                "hidden_dropout_prob": architecture.dropout,
                "attn_dropout_prob": architecture.dropout,
                "layer_norm_eps": _EPSILON,
                "initializer_range": _INITIAL_DEVIATION,
            }
        case GRU4RecSection():
            return GRU4Rec, {
                "num_layers": architecture.layers,
                "embedding_size": embedding_size,
                "hidden_size": architecture.hidden_size,
                "dropout_prob": architecture.dropout,
            }
        case CaserSection():
            return ProductCaser, {
                "embedding_size": embedding_size,
                "nh": architecture.horizontal_filters,
                "nv": architecture.vertical_filters,
                "dropout_prob": architecture.dropout,
                "reg_weight": architecture.penalty,
            }
        case CaseQSection():
            return CaseQ, {
                "unit": architecture.unit,
                "n_layers": architecture.layers,
                "n_units": architecture.units,
                "kl_weight": architecture.kl_weight,
                "pseudo_sequences": architecture.pseudo_sequences,
                "n_heads": architecture.heads,
                "hidden_size": embedding_size,
                "inner_size": architecture.feed_forward_size,
                "hidden_act": architecture.activation,
                "hidden_dropout_prob": architecture.dropout,
                "layer_norm_eps": _EPSILON,
                "initializer_range": _INITIAL_DEVIATION,
            }


def item_embeddings(model: SequentialRecommender) -> Vectors:
    """Return the embeddings of all items, float32 [items, d], by item id, without RecBole's padding."""
    return model.item_embedding.weight.detach()[FIRST_ITEM:].cpu().numpy().copy()


def sequence_representations(model: SequentialRecommender, sequences: PaddedSequences) -> Vectors:
    """Return z of all sequences, float32 [sequences, d], in their order.

    The score of an item is the inner product of z and its embedding: none of the models has a bias.
    The model is left in evaluation mode.
    """
    model.eval()
    with torch.no_grad():
        parts = [
            represent(model, sequences.rows(slice(start, start + _SEQUENCES_AT_ONCE))).cpu().numpy()
            for start in range(0, len(sequences), _SEQUENCES_AT_ONCE)
        ]
    return np.concatenate(parts)
