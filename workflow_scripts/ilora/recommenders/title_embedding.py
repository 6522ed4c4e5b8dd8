"""Item embeddings made of the titles' vectors, in the place of RecBole's table of free ones."""

import torch
from torch import nn

from ilora.recommenders.padded_sequences import FIRST_ITEM


class TitleEmbedding(nn.Module):
    """A linear map from the fixed vector of an item's title to its embedding (MoRec: Yuan et al., SIGIR 2023).

    Args:
        items: number of items in the data set.
        title_width: size of a title's vector.
        embedding_size: d.
        initial_deviation: standard deviation of the untrained embeddings.
    """

    title_vectors: torch.Tensor

    def __init__(self, items: int, title_width: int, embedding_size: int, initial_deviation: float) -> None:
        super().__init__()
        self.linear = nn.Linear(title_width, embedding_size)
        nn.init.normal_(self.linear.weight, std=initial_deviation / title_width**0.5)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("title_vectors", torch.zeros(items + FIRST_ITEM, title_width))

    def read(self, vectors: torch.Tensor) -> None:
        """Take the vectors of all titles, centred, and of the same mean square.

        What all titles share says nothing of any one, and would be most of the embedding. No label is used.

        Args:
            vectors: float32 (items, title_width), row = item id.

        Raises:
            ValueError: if they are of another shape, not finite, or all the same.
        """
        expected = (len(self.title_vectors) - FIRST_ITEM, self.linear.in_features)
        if vectors.shape != expected:
            raise ValueError(
                f"title vectors: found {tuple(vectors.shape)}, expected {expected}: they are of other data. Delete "
                "them and run the workflow again."
            )
        centre, size = centre_and_size(vectors)
        self.title_vectors[FIRST_ITEM:] = ((vectors.double() - centre) / size).float()

    @property
    def weight(self) -> torch.Tensor:
        """The embeddings, float32 (items + 1, d), as RecBole's models read a table; row 0 is its padding."""
        return self.linear(self.title_vectors)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Look items up: (..., d) for RecBole's ids (...)."""
        return self.linear(self.title_vectors[items])


def centre_and_size(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of vectors, float64 (width,), and the root of the mean square of what is left of them without it.

    Raises:
        ValueError: if they are not finite, or all the same.
    """
    centre = vectors.double().mean(dim=0)
    size = (vectors.double() - centre).square().mean().sqrt()
    if not torch.isfinite(size) or size == 0:
        raise ValueError("title vectors: found NaN, infinity, or the same vector for all; check the encoder")
    return centre, size
