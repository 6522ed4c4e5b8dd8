"""Item embeddings made of titles by an encoder that is trained with the recommender, as MoRec's can be."""

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
    """What an encoder reads of each item, row = item id.

    Attributes:
        token_ids: int64 (items, tokens), padded on the right.
        attention_mask: int64 (items, tokens), 0 at padding.
        counted: int64 (items, tokens), 1 at the title's own tokens, which are averaged over.
    """

    token_ids: torch.Tensor
    attention_mask: torch.Tensor
    counted: torch.Tensor


@dataclass(frozen=True)
class EncoderTuning:
    """How the encoder is trained.

    Attributes:
        learning_rate: of Adam on the encoder, which gets no L2: that would pull it away from what it knows.
        compared_items: what the loss compares the target with. All items: every title is encoded at every step, once
            for histories and targets together. Those of the batch, histories and targets: no other title is encoded,
            and the softmax is over these.
    """

    learning_rate: float
    compared_items: ComparedItems


class EncodedTitles(nn.Module):
    """An encoder over the titles' tokens, the mean over a title's own tokens, a linear map (Yuan et al., SIGIR 2023).

    It takes the place of a `TitleEmbedding` and begins as exactly that: with its linear map, and with vectors that are
    centred and scaled by what the encoder said of all titles before it was trained.

    While a loss is computed, `compared` holds a table of what it reads, with gradients. In evaluation mode the table of
    all items is computed once, without them, and kept until the mode is set again.

    Args:
        before: of the same items, the vectors being the untrained encoder's.
        title_vectors: these vectors, float32 (items, h).
        encoder: a transformers model without a head; all of its parameters are trained.
        tokens: of the titles.
        tuning: how.
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
        # What is read goes to the device with the weights, and is not kept with them.
        centre, size = (part.float() for part in centre_and_size(title_vectors))
        read = {**vars(tokens), "centre": centre, "size": size}
        for name, tensor in read.items():
            self.register_buffer(name, tensor, persistent=False)
        self._table: torch.Tensor | None = None

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.token_ids)

    @property
    def _every_id(self) -> torch.Tensor:
        """RecBole's ids, the padding's included."""
        return torch.arange(self.items + FIRST_ITEM, device=self.token_ids.device)

    @property
    def weight(self) -> torch.Tensor:
        """The embeddings, float32 (items + 1, d), or those of `compared`, as RecBole's models read a table."""
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
        """Set the mode, and forget the table: whoever does so may have changed the weights."""
        self._table = None
        super().train(mode)
        return self

    @contextmanager
    def compared(self, batch: PaddedSequences) -> Iterator[PaddedSequences]:
        """Encode what the loss of a batch reads; yield the batch with its items named by the rows of that table."""
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
        """Return RecBole's ids of the table's rows, the padding first, and the batch in numbers of rows."""
        if self.tuning.compared_items == "all":
            return self._every_id, batch
        padding = batch.targets.new_tensor([PADDING])
        every = torch.cat([padding, batch.histories.flatten(), batch.targets])
        used, rows = torch.unique(every, sorted=True, return_inverse=True)
        histories, targets = rows[1:].split([batch.histories.numel(), len(batch)])
        return used, PaddedSequences(histories.view_as(batch.histories), batch.lengths, targets)

    def _encode(self, used: torch.Tensor) -> torch.Tensor:
        """Return embeddings, float32 (used, d), of RecBole's ids, of which the first is the padding."""
        items = used[1:] - FIRST_ITEM
        token_ids, mask = self.token_ids[items], self.attention_mask[items]
        hidden = self.encoder(input_ids=token_ids, attention_mask=mask).last_hidden_state.float()
        counted = self.counted[items][..., None]
        vectors = ((hidden * counted).sum(dim=1) / counted.sum(dim=1) - self.centre) / self.size
        return self.linear(torch.cat([vectors.new_zeros(1, vectors.shape[1]), vectors]))
