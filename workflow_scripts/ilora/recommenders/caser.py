"""RecBole's Caser, with a matrix product in place of its convolutions.

On a history of ten items, each of many convolution calls does little work, and their overhead dominates training time.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ilora.recommenders.recbole_models import Caser


class ProductCaser(Caser):
    """Caser (Tang and Wang 2018) with RecBole's weights, loss and dropout.

    All windows of all filters are computed as one product of the flattened history with a matrix that contains each
    filter once for each position of its window, and zeros elsewhere. The order of summation differs from a convolution,
    so the results agree up to rounding.

    Args:
        config: configuration of RecBole's Caser.
        dataset: data set in the form that RecBole's Caser reads.
    """

    _rows: torch.Tensor
    _filters: torch.Tensor

    def __init__(self, config: Mapping[str, Any], dataset: Any) -> None:
        super().__init__(config, dataset)
        rows, filters = _placement(self.max_seq_length, self.n_h)
        self.register_buffer("_rows", rows, persistent=False)
        self.register_buffer("_filters", filters, persistent=False)

    def forward(self, user: torch.Tensor, item_seq: torch.Tensor) -> torch.Tensor:
        """Return the representations, float32 (batch, d), of histories (batch, L) and users (batch,)."""
        history = self.item_embedding(item_seq)
        features = torch.cat([self._vertical(history), self._horizontal(history)], dim=1)
        of_history = self.ac_fc(self.fc1(self.dropout(features)))
        return self.ac_fc(self.fc2(torch.cat([of_history, self.user_embedding(user)], dim=1)))

    def _vertical(self, history: torch.Tensor) -> torch.Tensor:
        """Return weighted sums of the items, (batch, filters * d), for histories (batch, L, d)."""
        weight = self.conv_v.weight.flatten(1)
        return (weight @ history + self.conv_v.bias[:, None]).flatten(1)

    def _horizontal(self, history: torch.Tensor) -> torch.Tensor:
        """Return the maximum of each filter over its windows, (batch, L * filters), for histories (batch, L, d)."""
        width = history.shape[-1]
        zeros = history.new_zeros(1, width)
        table = torch.cat([conv.weight.view(-1, width) for conv in self.conv_h] + [zeros])
        weight = nn.functional.embedding(self._rows, table, padding_idx=len(table) - 1).flatten(1)
        bias = torch.cat([conv.bias for conv in self.conv_h])[self._filters]
        windows = nn.functional.linear(history.flatten(1), weight, bias)
        of_heights = windows.split([self.n_h * places for places in range(self.max_seq_length, 0, -1)], dim=1)
        largest = [of_height.unflatten(1, (self.n_h, -1)).max(dim=2).values for of_height in of_heights]
        return self.ac_conv(torch.cat(largest, dim=1))


def _placement(maximum_history: int, filters: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the layout of the filters in the matrix of all windows.

    Args:
        maximum_history: length L of a history; there are filters of each height from 1 to L.
        filters: number of filters of each height.

    Returns:
        For each window, ordered by height, filter and position: the row of the stacked filter weights that multiplies
        each item of the history, int64 (windows, L), and the number of its filter, int64 (windows,). The stacked
        weights have the same order, with a row of width d for each item that a filter reads. Items outside the window
        have the row after the last.
    """
    outside = filters * maximum_history * (maximum_history + 1) // 2
    rows: list[list[int]] = []
    owners: list[int] = []
    first_row = 0
    for height in range(1, maximum_history + 1):
        for number in range(filters):
            of_filter = list(range(first_row, first_row + height))
            for place in range(maximum_history - height + 1):
                after = maximum_history - height - place
                rows.append([outside] * place + of_filter + [outside] * after)
                owners.append((height - 1) * filters + number)
            first_row += height
    return torch.tensor(rows), torch.tensor(owners)
