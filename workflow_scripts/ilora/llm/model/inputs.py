"""The inputs of fine-tuning and inference: titles, sequences, and the sequence encoder's vectors."""

import os
from dataclasses import dataclass

import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import read_tensor
from ilora.data.sequences import SequenceTable, read_sequences

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class EncoderVectors:
    """The vectors of a recommender for a data set.

    Attributes:
        item_embeddings: float32 (items, d).
        representations: z of every sequence, float32 (sequences, d); the row number is the sequence_id.
    """

    item_embeddings: torch.Tensor
    representations: torch.Tensor


@dataclass(frozen=True)
class MethodInputs:
    """The data that a method reads.

    Attributes:
        titles: titles by item id.
        sequences: all sequences.
        sequence_encoder: vectors of the sequence encoder; None for a text-only method.
    """

    titles: list[str]
    sequences: SequenceTable
    sequence_encoder: EncoderVectors | None

    @property
    def training_sequences(self) -> int:
        """Number of sequences of the training split."""
        return len(self.sequences.rows("train"))


def read_method_inputs(
    catalogue: Path,
    sequences: Path,
    item_embeddings: Path | None = None,
    representations: Path | None = None,
) -> MethodInputs:
    """Read the files of a data set and, optionally, of a sequence encoder, and check that they belong together.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: if a file is missing or damaged, or the sequence
            encoder was trained on other items or sequences.
        ValueError: if the number of vectors is not that of the items or sequences, or only one of the sequence
            encoder's files is given.
    """
    titles = read_table(catalogue, ITEMS)["title"].to_pylist()
    read = read_sequences(sequences)
    if item_embeddings is None and representations is None:
        return MethodInputs(titles, read, None)
    if item_embeddings is None or representations is None:
        raise ValueError("a sequence encoder: found one file, expected both item embeddings and representations")
    for path in (item_embeddings, representations):
        check_made_from(path, [catalogue, sequences])
    sequence_encoder = EncoderVectors(
        item_embeddings=read_tensor(item_embeddings, "item_embeddings"),
        representations=read_tensor(representations, "sequence_representations"),
    )
    for path, vectors, expected in (
        (item_embeddings, sequence_encoder.item_embeddings, len(titles)),
        (representations, sequence_encoder.representations, len(read.keys)),
    ):
        if len(vectors) != expected:
            raise ValueError(
                f"{path}: found {len(vectors)} vectors, expected {expected}: the recommender was trained on other "
                "data. Delete the file and run the workflow again."
            )
    return MethodInputs(titles, read, sequence_encoder)
