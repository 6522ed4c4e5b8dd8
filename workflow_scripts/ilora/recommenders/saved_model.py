"""A trained recommender in one self-contained safetensors file, and the encoding of new histories."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.errors import damaged
from ilora.artifacts.tensors import read_metadata, read_tensors, write_tensors
from ilora.recommenders.models import build_model, represent
from ilora.recommenders.padded_sequences import FIRST_ITEM, PADDING, PaddedSequences
from ilora.recommenders.settings import ARCHITECTURES, Architecture


@dataclass(frozen=True)
class ModelShape:
    """Everything needed to build a model.

    Attributes:
        recommender: id of the recommender, such as "sasrec".
        architecture: settings of the model.
        embedding_size: width of item embeddings and sequence representations.
        items: number of items in the data set.
        maximum_history: length of the longest history.
    """

    recommender: str
    architecture: Architecture
    embedding_size: int
    items: int
    maximum_history: int

    def build(self) -> SequentialRecommender:
        """Return the untrained model, initialised with torch's global random generator."""
        return build_model(
            self.architecture,
            embedding_size=self.embedding_size,
            items=self.items,
            maximum_history=self.maximum_history,
        )


def save_model(model: SequentialRecommender, shape: ModelShape, path: str | os.PathLike[str]) -> None:
    """Write the model's weights, with RecBole's names and shapes, and `shape` as metadata."""
    write_tensors(
        model.state_dict(),
        path,
        {"shape": json.dumps({**vars(shape), "architecture": shape.architecture.model_dump()})},
    )


def load_model(path: str | os.PathLike[str]) -> tuple[SequentialRecommender, ModelShape]:
    """Return a saved model, in evaluation mode, and its shape.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ArtifactError: the file is damaged or does not contain a recommender.
    """
    metadata = read_metadata(path)
    if "shape" not in metadata:
        raise damaged(Path(path), "does not contain a recommender")
    values = json.loads(metadata["shape"])
    architecture = ARCHITECTURES[values["recommender"]].read(values.pop("architecture"))
    shape = ModelShape(architecture=architecture, **values)
    with torch.random.fork_rng(devices=[]):
        model = shape.build()
    model.load_state_dict(read_tensors(path))
    return model.eval(), shape


def encode_history(model_path: str | os.PathLike[str], history: Sequence[int]) -> torch.Tensor:
    """Return the representation z of a history, float32 (1, d).

    Args:
        model_path: recommender trained by the pipeline, ``model.safetensors``.
        history: item ids, oldest first; if there are more than the recommender reads, the latest are used.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: the file is missing or damaged.
        ValueError: the history is empty, or contains an item that the recommender does not know.
    """
    model, shape = load_model(model_path)
    latest = list(history)[-shape.maximum_history :]
    unknown = [item for item in latest if not 0 <= item < shape.items]
    if unknown or not latest:
        raise ValueError(f"history: found {unknown or 'no item'}, expected item ids from 0 to {shape.items - 1}")
    padded = torch.full((1, shape.maximum_history), PADDING, dtype=torch.int64)
    padded[0, : len(latest)] = torch.tensor(latest) + FIRST_ITEM
    lengths = torch.tensor([len(latest)])
    with torch.no_grad():
        return represent(model, PaddedSequences(padded, lengths, targets=padded[:, 0]))
