"""Layers of CaseQ: units with separate weights, mixed by a gate that reads the state at each position.

The authors keep one state for each context and layer (Yang et al. 2022, arXiv 2210.13005, and its code). All states
start from the same embeddings, and the mixing weights depend only on the state, so the states remain equal in every
layer. Only one is computed here, which is exact. All units of a layer then read the same state, and their weights form
one matrix wherever they read it.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm, relu

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"relu": relu, "gelu": gelu}


class Gate(nn.Module):
    """Mixing weights of the units: softmax over k of tanh(x W_k) . w_k.

    Args:
        width: width d of a state.
        units: number of units K.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, units * width, bias=False)
        self.direction = nn.Parameter(torch.empty(units, width))
        # Xavier initialisation of each unit's own W_k and w_k, as in the authors' code.
        nn.init.normal_(self.projection.weight, std=math.sqrt(1 / width))
        nn.init.normal_(self.direction, std=math.sqrt(2 / (width + 1)))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the log-weights, (..., K), of states (..., d)."""
        hidden = torch.tanh(self.projection(states)).unflatten(-1, self.direction.shape)
        return (hidden * self.direction).sum(dim=-1).log_softmax(dim=-1)


class SelfAttentionUnits(nn.Module):
    """K Transformer layers of RecBole's SASRec (causal, layer norm after each block), computed together.

    Args:
        units: number of units K.
        width: width d of a state.
        heads: number of heads of each unit.
        feed_forward_size: inner width of the feed-forward blocks.
        activation: "relu" or "gelu".
        dropout: dropout probability of the attention and of each block's output.
        epsilon: epsilon of the layer norms.
        deviation: standard deviation of the initial weights.
    """

    def __init__(
        self,
        units: int,
        width: int,
        *,
        heads: int,
        feed_forward_size: int,
        activation: str,
        dropout: float,
        epsilon: float,
        deviation: float,
    ) -> None:
        super().__init__()
        self.unit_count, self.heads = units, heads
        self.query = nn.Linear(width, units * width)
        self.key_value = nn.Linear(width, 2 * units * width)
        for shared in (self.query, self.key_value):
            nn.init.normal_(shared.weight, std=deviation)
            nn.init.zeros_(shared.bias)
        self.attention_output = _LinearOfUnits(units, width, width, deviation)
        self.attention_norm = _NormOfUnits(units, width, epsilon)
        self.feed_forward_input = _LinearOfUnits(units, width, feed_forward_size, deviation)
        self.feed_forward_output = _LinearOfUnits(units, feed_forward_size, width, deviation)
        self.feed_forward_norm = _NormOfUnits(units, width, epsilon)
        self.activation = _ACTIVATIONS[activation]
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return each unit's output at every position, (K, rows, L, d), of states (rows, L, d)."""
        # Padding is at the end, where no item of a history attends to it.
        places = torch.arange(states.shape[1], device=states.device)
        return self._outputs(states, states, is_read=places <= places[:, None])

    def last(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return each unit's output at the last position of each history, (K, rows, d)."""
        places = torch.arange(states.shape[1], device=states.device)
        is_read = (places < lengths[:, None])[:, None, None]
        return self._outputs(at_last(states, lengths)[:, None], states, is_read)[:, :, 0]

    def _outputs(self, reading: torch.Tensor, states: torch.Tensor, is_read: torch.Tensor) -> torch.Tensor:
        """Return the outputs (K, rows, Q, d) for the queries (rows, Q, d), which attend to the states (rows, L, d)."""
        attended = self.dropout(self.attention_output(self._attended(reading, states, is_read)))
        inner = self.attention_norm(attended + reading.flatten(0, 1))
        added = self.dropout(self.feed_forward_output(self.activation(self.feed_forward_input(inner))))
        return self.feed_forward_norm(added + inner).unflatten(1, reading.shape[:2])

    def _attended(self, reading: torch.Tensor, states: torch.Tensor, is_read: torch.Tensor) -> torch.Tensor:
        """Return the heads' values, (K, rows * Q, d), weighted by attention."""
        all_heads = self.unit_count * self.heads
        query = self.query(reading).unflatten(-1, (all_heads, -1)).transpose(1, 2)
        key, value = self.key_value(states).unflatten(-1, (2, all_heads, -1)).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        attention = self.dropout(scores.masked_fill(~is_read, -math.inf).softmax(dim=-1))
        of_heads = (attention @ value).unflatten(1, (self.unit_count, self.heads))
        return of_heads.permute(1, 0, 3, 2, 4).flatten(3).flatten(1, 2)


class RecurrentUnits(nn.Module):
    """K recurrent layers of RecBole's GRU4Rec, with a state as wide as the input.

    Args:
        units: number of units K.
        width: width d of a state.
    """

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.recurrent = nn.ModuleList(nn.GRU(width, width, bias=False, batch_first=True) for _ in range(units))
        for weight in self.parameters():
            nn.init.xavier_uniform_(weight)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return each unit's output at every position, (K, rows, L, d), of states (rows, L, d)."""
        return torch.stack([unit(states)[0] for unit in self.recurrent])

    def last(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return each unit's output at the last position of each history, (K, rows, d)."""
        return torch.stack([at_last(unit(states)[0], lengths) for unit in self.recurrent])


class BranchingLayer(nn.Module):
    """A layer whose output is the mean of its units' outputs, weighted by its gate.

    Args:
        gate: gate that weighs the units.
        units: units of the layer.
    """

    def __init__(self, gate: Gate, units: SelfAttentionUnits | RecurrentUnits) -> None:
        super().__init__()
        self.gate = gate
        self.units = units

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next states (rows, L, d) and the log-weights of the units (rows, L, K)."""
        weights = self.gate(states)
        return torch.einsum("krld,rlk->rld", self.units(states), weights.exp()), weights

    def last(self, states: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both only at the last position of each history, (rows, d) and (rows, K).

        Args:
            states: (rows, L, d).
            lengths: number of items of each history, int64 (rows,).
        """
        weights = self.gate(at_last(states, lengths))
        return torch.einsum("krd,rk->rd", self.units.last(states, lengths), weights.exp()), weights


def at_last(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the state at the last position of each history, (rows, d), of states (rows, L, d)."""
    return states[torch.arange(len(states), device=states.device), lengths - 1]


class _LinearOfUnits(nn.Module):
    """A separate linear map for each unit and its inputs: (K, n, d) to (K, n, outputs)."""

    def __init__(self, units: int, width: int, outputs: int, deviation: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(units, width, outputs).normal_(std=deviation))
        self.bias = nn.Parameter(torch.zeros(units, 1, outputs))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, inputs, self.weight)


class _NormOfUnits(nn.Module):
    """A separate layer norm for each unit: (K, n, d) to (K, n, d)."""

    def __init__(self, units: int, width: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(units, 1, width))
        self.bias = nn.Parameter(torch.zeros(units, 1, width))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        normed = layer_norm(inputs, inputs.shape[-1:], eps=self.epsilon)
        return torch.addcmul(self.bias, normed, self.weight)
