"""CaseQ: a recommender with branching layers and an interventional objective.

Yang et al. 2022, arXiv 2210.13005. A context that influences both the history and the next item confounds a model
trained only by likelihood, which then fails when contexts change. By the backdoor adjustment, the log-likelihood under
an intervention on the history is at least

    E_{q(c | x)} [log p(y | x, c)] - KL(q(c | x) || p(c)),

where p is the mean of q over pseudo-sequences, which are histories of random items. As in the authors' code, the
weighted mean of the units' outputs replaces the expectation over contexts.
"""

from collections.abc import Mapping
from typing import Any

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from torch import nn

from ilora.recommenders.branching import BranchingLayer, Gate, RecurrentUnits, SelfAttentionUnits, at_last
from ilora.recommenders.contexts import divergence, log_mean, log_posterior
from ilora.recommenders.padded_sequences import FIRST_ITEM, PADDING

# Seed of the pseudo-sequences in validation: fixed, so that validation losses are comparable.
_MEASURING_SEED = 0


class CaseQ(SequentialRecommender):
    """CaseQ on RecBole's SASRec or GRU4Rec: their embeddings and losses, with branching layers in between.

    With one unit per layer, it equals a SASRec with the same number of layers, or a GRU4Rec with a state as wide as its
    item embeddings.

    Args:
        config: fields of RecBole's models, and `unit` ("sasrec" or "gru"), `n_layers`, `n_units`, `hidden_size`,
            `kl_weight`, `pseudo_sequences`, `hidden_dropout_prob`; for SASRec's units also `n_heads`, `inner_size`,
            `hidden_act`, `layer_norm_eps`, `initializer_range`.
        dataset: data set in the form that RecBole's models read.

    Attributes:
        draws: CPU generator of the pseudo-sequences in training.
    """

    def __init__(self, config: Mapping[str, Any], dataset: Any) -> None:
        super().__init__(config, dataset)
        self.kl_weight: float = config["kl_weight"]
        self.pseudo_sequences: int = config["pseudo_sequences"]
        self.loss_type: str = config["loss_type"]
        self.loss_fct: nn.Module = nn.CrossEntropyLoss()
        self.draws = torch.Generator()
        width = config["hidden_size"]
        self.item_embedding = nn.Embedding(self.n_items, width, padding_idx=PADDING)
        if config["unit"] == "sasrec":
            nn.init.normal_(self.item_embedding.weight, std=config["initializer_range"])
            self.input: nn.Module = _PositionedInput(self.max_seq_length, config)
            self.output: nn.Module = nn.Identity()
        else:
            nn.init.xavier_normal_(self.item_embedding.weight)
            self.input = nn.Dropout(config["hidden_dropout_prob"])
            self.output = nn.Linear(width, width)
        self.inner_layers = nn.ModuleList(_layer(config) for _ in range(config["n_layers"] - 1))
        self.last_layer = _layer(config)

    def forward(self, item_seq: torch.Tensor, item_seq_len: torch.Tensor) -> torch.Tensor:
        """Return the representations, float32 (batch, d), of histories (batch, L) with lengths (batch,)."""
        return self.read(item_seq, item_seq_len)[0]

    def read(self, histories: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the representations of histories, and the weights of the units.

        Args:
            histories: RecBole's tokens, padded at the end, int64 (rows, L).
            lengths: int64 (rows,).

        Returns:
            The representations (rows, d); for each layer, the log-weights of the units at the last item of each
            history, (rows, K).
        """
        states = self.input(self.item_embedding(histories))
        of_layers = []
        for layer in self.inner_layers:
            states, weights = layer(states)
            of_layers.append(at_last(weights, lengths))
        # Other positions are not needed.
        representations, weights = self.last_layer.last(states, lengths)
        return self.output(representations), [*of_layers, weights]

    def calculate_loss(self, interaction: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the next-item loss plus `kl_weight` times the divergence of the contexts, a scalar in nats."""
        histories, lengths = interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]
        if not self.kl_weight:
            return self._next_item_loss(self(histories, lengths), interaction)
        rows, drawn = len(histories), self._draw_pseudo_sequences().to(histories.device)
        lengths_of_drawn = torch.full((len(drawn),), self.max_seq_length, device=lengths.device)
        representations, layers = self.read(torch.cat([histories, drawn]), torch.cat([lengths, lengths_of_drawn]))
        posteriors = log_posterior(layers)
        loss = self._next_item_loss(representations[:rows], interaction)
        return loss + self.kl_weight * divergence(posteriors[:rows], log_mean(posteriors[rows:]))

    def full_sort_predict(self, interaction: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the scores of all tokens, (batch, tokens)."""
        return self(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]) @ self.item_embedding.weight.T

    def _next_item_loss(self, representations: torch.Tensor, interaction: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return RecBole's loss of the targets: over all tokens, or against one negative each."""
        targets = interaction[self.POS_ITEM_ID]
        if self.loss_type == "CE":
            return self.loss_fct(representations @ self.item_embedding.weight.T, targets)
        of_targets, of_negatives = (
            (representations * self.item_embedding(items)).sum(dim=-1)
            for items in (targets, interaction[self.NEG_ITEM_ID])
        )
        return self.loss_fct(of_targets, of_negatives)

    def _draw_pseudo_sequences(self) -> torch.Tensor:
        """Draw full-length histories of uniformly random items, int64 (pseudo_sequences, L)."""
        generator = self.draws if self.training else torch.Generator().manual_seed(_MEASURING_SEED)
        shape = (self.pseudo_sequences, self.max_seq_length)
        return torch.randint(FIRST_ITEM, self.n_items, shape, generator=generator)


class _PositionedInput(nn.Module):
    """The input of SASRec's layers: item plus position embeddings, with layer norm and dropout."""

    def __init__(self, maximum_history: int, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.position_embedding = nn.Embedding(maximum_history, width)
        nn.init.normal_(self.position_embedding.weight, std=config["initializer_range"])
        self.norm = nn.LayerNorm(width, eps=config["layer_norm_eps"])
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.norm(embedded + self.position_embedding.weight[: embedded.shape[1]]))


def _layer(config: Mapping[str, Any]) -> BranchingLayer:
    return BranchingLayer(Gate(config["hidden_size"], config["n_units"]), _units(config))


def _units(config: Mapping[str, Any]) -> SelfAttentionUnits | RecurrentUnits:
    """Return the units of a layer."""
    if config["unit"] == "gru":
        return RecurrentUnits(config["n_units"], config["hidden_size"])
    return SelfAttentionUnits(
        config["n_units"],
        config["hidden_size"],
        heads=config["n_heads"],
        feed_forward_size=config["inner_size"],
        activation=config["hidden_act"],
        dropout=config["hidden_dropout_prob"],
        epsilon=config["layer_norm_eps"],
        deviation=config["initializer_range"],
    )
