"""What fine-tuning and answering read: titles, sequences, and the guiding recommender's vectors."""

import os
from dataclasses import dataclass

import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import read_tensors
from ilora.data.sequences import SequenceTable, read_sequences

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class HybridInputs:
    """A data set as a hybrid prompt sees it.

    Attributes:
        titles: by item id.
        sequences: all sequences.
        item_embeddings: of the guiding recommender, float32 (items, d).
        representations: z of every sequence, float32 (sequences, d), row = sequence_id.
    """

    titles: list[str]
    sequences: SequenceTable
    item_embeddings: torch.Tensor
    representations: torch.Tensor

    @property
    def training_representations(self) -> torch.Tensor:
        """Z of the training split's sequences, float32 (training sequences, d)."""
        return self.representations[torch.from_numpy(self.sequences.rows("train"))]


def read_hybrid_inputs(
    catalogue: Path, sequences: Path, interactions: Path, item_embeddings: Path, representations: Path
) -> HybridInputs:
    """Read the files of one data set and one guide, and check that they belong together.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: if a file is missing or damaged.
        ValueError: if items or sequences are not as many as vectors.
    """
    inputs = HybridInputs(
        titles=read_table(catalogue, ITEMS)["title"].to_pylist(),
        sequences=read_sequences(sequences, interactions),
        item_embeddings=read_tensors(item_embeddings)["item_embeddings"],
        representations=read_tensors(representations)["sequence_representations"],
    )
    for path, vectors, expected in (
        (item_embeddings, inputs.item_embeddings, len(inputs.titles)),
        (representations, inputs.representations, len(inputs.sequences.keys)),
    ):
        if len(vectors) != expected:
            raise ValueError(
                f"{path}: found {len(vectors)} vectors, expected {expected}: the recommender was trained on other "
                "data. Delete the file and run the workflow again."
            )
    return inputs
