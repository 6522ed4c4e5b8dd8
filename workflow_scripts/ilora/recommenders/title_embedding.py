"""Item embeddings computed from title vectors, in place of RecBole's trainable table."""

import torch
from torch import nn

from ilora.recommenders.padded_sequences import FIRST_ITEM


class TitleEmbedding(nn.Module):
    """A linear map from the fixed vector of an item's title to its embedding (MoRec: Yuan et al., SIGIR 2023).

    Args:
        items: number of items in the data set.
        title_width: width of a title vector.
        embedding_size: width d of an item embedding.
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
        """Read the vectors of all titles, centre them and scale them to mean square 1.

        The component that all titles share carries no information and would otherwise dominate the embeddings. No
        labels are used.

        Args:
            vectors: float32 (items, title_width), by item id.

        Raises:
            ValueError: if the vectors are of another shape, not finite, or all the same.
        """
        expected = (len(self.title_vectors) - FIRST_ITEM, self.linear.in_features)
        if vectors.shape != expected:
            raise ValueError(
                f"title vectors: found {tuple(vectors.shape)}, expected {expected}: they belong to other data. "
                "Delete them and run the workflow again."
            )
        centre, size = centre_and_size(vectors)
        self.title_vectors[FIRST_ITEM:] = ((vectors.double() - centre) / size).float()

    @property
    def weight(self) -> torch.Tensor:
        """The embedding table that RecBole's models read, float32 (items + 1, d); row 0 is the padding."""
        return self.linear(self.title_vectors)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Look items up: (..., d) for RecBole's ids (...)."""
        return self.linear(self.title_vectors[items])


def centre_and_size(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of vectors, float64 (width,), and the root mean square of the centred vectors.

    Raises:
        ValueError: if the vectors are not finite, or all the same.
    """
    centre = vectors.double().mean(dim=0)
    size = (vectors.double() - centre).square().mean().sqrt()
    if not torch.isfinite(size) or size == 0:
        raise ValueError("title vectors: found NaN, infinity, or the same vector for all; check the encoder")
    return centre, size
