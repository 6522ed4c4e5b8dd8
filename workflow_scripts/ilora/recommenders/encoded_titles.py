"""Item embeddings from an encoder of titles that is trained together with the recommender, an option of MoRec."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from ilora.recommenders.padded_sequences import FIRST_ITEM, PADDING, PaddedSequences
from ilora.recommenders.title_embedding import TitleEmbedding, centre_and_size

ComparedItems = Literal["all", "batch"]


@dataclass(frozen=True)
class TitleTokens:
    """The encoder's inputs for each item; the row number is the item id.

    Attributes:
        token_ids: int64 (items, tokens), padded on the right.
        attention_mask: int64 (items, tokens), 0 at padding.
        counted: int64 (items, tokens), 1 at the title's own tokens, which are averaged.
    """

    token_ids: torch.Tensor
    attention_mask: torch.Tensor
    counted: torch.Tensor


@dataclass(frozen=True)
class EncoderTuning:
    """Settings of the encoder's training.

    Attributes:
        learning_rate: Adam's learning rate for the encoder, which gets no L2, because L2 would erode its pretraining.
        compared_items: items in the softmax of the loss. ``all``: all items; every title is encoded once per step.
            ``batch``: the items of the batch's histories and targets; only their titles are encoded.
    """

    learning_rate: float
    compared_items: ComparedItems


class EncodedTitles(nn.Module):
    """An encoder of titles, mean pooling over a title's own tokens, and a linear map (Yuan et al., SIGIR 2023).

    It replaces a `TitleEmbedding` and starts with the same embeddings: it takes over the linear map, and centres and
    scales vectors with the statistics of the encoder's vectors before training.

    During the computation of a loss, `compared` provides a table with gradients. In evaluation mode, the table of all
    items is computed once, without gradients, and cached until the mode is set again.

    Args:
        before: embedding to replace, which has read the vectors of the untrained encoder.
        title_vectors: these vectors, float32 (items, h).
        encoder: transformers model without a head; all of its parameters are trained.
        tokens: tokens of the titles.
        tuning: settings of the training.
    """

    token_ids: torch.Tensor
    attention_mask: torch.Tensor
    counted: torch.Tensor
    centre: torch.Tensor
    size: torch.Tensor

    def __init__(
        self,
        before: TitleEmbedding,
        title_vectors: torch.Tensor,
        encoder: Any,
        tokens: TitleTokens,
        tuning: EncoderTuning,
    ) -> None:
        super().__init__()
        self.linear = before.linear
        self.encoder = encoder.requires_grad_(True)
        self.tuning = tuning
        # Buffers, so that the inputs move to the device with the weights; not persistent, so that they are not saved.
        centre, size = (part.float() for part in centre_and_size(title_vectors))
        read = {**vars(tokens), "centre": centre, "size": size}
        for name, tensor in read.items():
            self.register_buffer(name, tensor, persistent=False)
        self._table: torch.Tensor | None = None

    @property
    def items(self) -> int:
        """The number of items."""
        return len(self.token_ids)

    @property
    def _every_id(self) -> torch.Tensor:
        """RecBole's ids, including the padding's."""
        return torch.arange(self.items + FIRST_ITEM, device=self.token_ids.device)

    @property
    def weight(self) -> torch.Tensor:
        """The embedding table that RecBole's models read, float32 (items + 1, d), or within `compared` its table."""
        if self._table is None:
            if self.training:
                raise RuntimeError("the titles are encoded for one loss at a time: use EncodedTitles.compared")
            with torch.no_grad():
                self._table = self._encode(self._every_id)
        return self._table

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Look items up: (..., d) for RecBole's ids (...)."""
        return self.weight[items]

    def train(self, mode: bool = True) -> "EncodedTitles":
        """Set the mode and clear the cached table, because the weights may have changed."""
        self._table = None
        super().train(mode)
        return self

    @contextmanager
    def compared(self, batch: PaddedSequences) -> Iterator[PaddedSequences]:
        """Encode the items that a batch's loss needs, and yield the batch with row numbers of that table as items."""
        if not self.training:
            yield batch
            return
        used, named = self._rows(batch)
        self._table = self._encode(used)
        try:
            yield named
        finally:
            self._table = None

    def _rows(self, batch: PaddedSequences) -> tuple[torch.Tensor, PaddedSequences]:
        """Return RecBole's ids of the table's rows, padding first, and the batch with row numbers as items."""
        if self.tuning.compared_items == "all":
            return self._every_id, batch
        padding = batch.targets.new_tensor([PADDING])
        every = torch.cat([padding, batch.histories.flatten(), batch.targets])
        used, rows = torch.unique(every, sorted=True, return_inverse=True)
        histories, targets = rows[1:].split([batch.histories.numel(), len(batch)])
        return used, PaddedSequences(histories.view_as(batch.histories), batch.lengths, targets)

    def _encode(self, used: torch.Tensor) -> torch.Tensor:
        """Return the embeddings, float32 (used, d), of RecBole's ids, the first of which is the padding."""
        items = used[1:] - FIRST_ITEM
        token_ids, mask = self.token_ids[items], self.attention_mask[items]
        hidden = self.encoder(input_ids=token_ids, attention_mask=mask).last_hidden_state.float()
        counted = self.counted[items][..., None]
        vectors = ((hidden * counted).sum(dim=1) / counted.sum(dim=1) - self.centre) / self.size
        return self.linear(torch.cat([vectors.new_zeros(1, vectors.shape[1]), vectors]))
