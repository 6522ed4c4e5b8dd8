"""The inputs of a recommender, read from the pipeline's tables."""

import os
from dataclasses import dataclass

import pyarrow as pa
import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.artifacts.tensors import read_tensor

PathName = str | os.PathLike[str]


@dataclass(frozen=True)
class RecommenderInputs:
    """A data set for recommenders.

    Attributes:
        titles: titles of the items, by item id.
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        title_vectors: float32 (items, width), for a recommender that reads the titles; otherwise None.
    """

    titles: tuple[str, ...]
    sequences: pa.Table
    candidates: pa.Table
    title_vectors: torch.Tensor | None


def read_recommender_inputs(
    catalogue: PathName, sequences: PathName, candidates: PathName, title_vectors: PathName | None
) -> RecommenderInputs:
    """Read a data set.

    Args:
        catalogue: table of the ITEMS schema.
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        title_vectors: file of the title vectors, if the recommender reads them.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: if a file is missing or damaged, or the vectors were
            made from another catalogue.
    """
    if title_vectors is not None:
        check_made_from(title_vectors, [catalogue])
    return RecommenderInputs(
        titles=tuple(read_table(catalogue, ITEMS)["title"].to_pylist()),
        sequences=read_table(sequences, SEQUENCES),
        candidates=read_table(candidates, CANDIDATES),
        title_vectors=None if title_vectors is None else read_tensor(title_vectors, "title_vectors"),
    )
