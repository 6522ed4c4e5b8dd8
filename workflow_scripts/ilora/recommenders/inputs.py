"""The inputs of a recommender, read from the pipeline's tables."""

import os
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.artifacts.tensors import read_tensor
from ilora.data.statistics import DATASET_STATISTICS

PathName = str | os.PathLike[str]


@dataclass(frozen=True)
class RecommenderInputs:
    """A data set for recommenders.

    Attributes:
        titles: titles of the items, by item id.
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        title_vectors: float32 (items, width), for a recommender that reads the titles; otherwise None.
        passes: passes over the training sequences per epoch; more than one for a share of the training users, so that
            an epoch has about as many steps as with all of them.
    """

    titles: tuple[str, ...]
    sequences: pa.Table
    candidates: pa.Table
    title_vectors: torch.Tensor | None
    passes: int = 1


def read_recommender_inputs(
    catalogue: PathName,
    sequences: PathName,
    candidates: PathName,
    title_vectors: PathName | None,
    statistics_of_all_users: PathName | None = None,
) -> RecommenderInputs:
    """Read a data set.

    Args:
        catalogue: table of the ITEMS schema.
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        title_vectors: file of the title vectors, if the recommender reads them.
        statistics_of_all_users: table of the DATASET_STATISTICS schema of the protocol with all training users, for a
            share of them.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: if a file is missing or damaged, or the vectors were
            made from another catalogue.
    """
    if title_vectors is not None:
        check_made_from(title_vectors, [catalogue])
    read, whole = read_table(sequences, SEQUENCES), statistics_of_all_users
    return RecommenderInputs(
        titles=tuple(read_table(catalogue, ITEMS)["title"].to_pylist()),
        sequences=read,
        candidates=read_table(candidates, CANDIDATES),
        title_vectors=None if title_vectors is None else read_tensor(title_vectors, "title_vectors"),
        passes=1 if whole is None else _passes(read, read_table(whole, DATASET_STATISTICS)),
    )


def _passes(share: pa.Table, statistics: pa.Table) -> int:
    """Return how many passes over a share of the training sequences are about as long as one over all of them."""
    of_share = pc.sum(pc.equal(share["split"], "train")).as_py()
    (of_all,) = statistics.filter(pc.equal(statistics["statistic"], "sequences_train"))["value"].to_pylist()
    return round(of_all / of_share)
