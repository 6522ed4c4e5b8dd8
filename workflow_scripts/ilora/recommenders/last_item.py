"""RecBole's SASRec and GRU4Rec, whose last layer is computed where it is read: at the last item of each history.

RecBole computes it at every item. Weights, losses and random draws are RecBole's; matrix products of another size may
round otherwise, so the results agree up to rounding.
"""

import torch
from recbole.model.layers import FeedForward, MultiHeadAttention
from torch import nn

from ilora.recommenders.recbole_models import GRU4Rec, SASRec


class LastItemSASRec(SASRec):
    """SASRec (Kang and McAuley 2018): in the last layer only keys and values are of every item."""

    def forward(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        """Return the representations, float32 (batch, d), of histories (batch, L) with so many items, (batch,)."""
        embeddings = self.item_embedding(item_seq) + self.position_embedding.weight[: item_seq.shape[1]]
        hidden = self.dropout(self.LayerNorm(embeddings))
        mask = self.get_attention_mask(item_seq)
        *layers, last = self.trm_encoder.layer
        for layer in layers:
            hidden = layer(hidden, mask)
        positions = item_seq_len - 1
        attended = _attend(last.multi_head_attention, hidden, mask, positions)
        return _feed_forward(last.feed_forward, attended, hidden, positions)


class LastItemGRU4Rec(GRU4Rec):
    """GRU4Rec (Hidasi et al. 2016): the linear layer after the recurrent ones is applied to the last state alone."""

    def forward(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        """Return the representations, float32 (batch, d), of histories (batch, L) with so many items, (batch,)."""
        states, _ = self.gru_layers(self.emb_dropout(self.item_embedding(item_seq)))
        return self.dense(self.gather_indexes(states, item_seq_len - 1))


def _attend(
    attention: MultiHeadAttention, hidden: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Return what RecBole's attention makes of one position of each history.

    Args:
        attention: of the last layer.
        hidden: float32 (batch, L, d).
        mask: what is added to the scores, float32 (batch, 1, L, L).
        positions: int64 (batch,).

    Returns:
        float32 (batch, d).
    """
    rows = torch.arange(len(hidden), device=hidden.device)
    heads, length = attention.num_attention_heads, hidden.shape[1]
    at_position = hidden[rows, positions]
    query = attention.query(at_position).unflatten(-1, (heads, 1, -1))
    key, value = (
        linear(hidden).unflatten(-1, (heads, -1)).transpose(1, 2) for linear in (attention.key, attention.value)
    )
    scores = query @ key.mT / attention.sqrt_attention_head_size + mask[rows, :, positions].unsqueeze(2)
    of_scores = attention.attn_dropout(hidden.new_ones(len(hidden), heads, length, length))
    probabilities = attention.softmax(scores) * of_scores[rows, :, positions].unsqueeze(2)
    attended = attention.dense((probabilities @ value).flatten(1))
    return attention.LayerNorm(attended * _dropout_at(attention.out_dropout, hidden, positions) + at_position)


def _feed_forward(
    block: FeedForward, attended: torch.Tensor, hidden: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Return what RecBole's feed-forward block makes of ``attended``, float32 (batch, d)."""
    changed = block.dense_2(block.intermediate_act_fn(block.dense_1(attended)))
    return block.LayerNorm(changed * _dropout_at(block.dropout, hidden, positions) + attended)


def _dropout_at(dropout: nn.Dropout, hidden: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return by what dropout multiplies one position of each history, float32 (batch, d), drawn as for all of them."""
    rows = torch.arange(len(hidden), device=hidden.device)
    return dropout(torch.ones_like(hidden))[rows, positions]
