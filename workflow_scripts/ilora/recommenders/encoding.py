"""A new history through a trained recommender."""

import os
from collections.abc import Sequence

import torch

from ilora.recommenders.models import represent
from ilora.recommenders.padded_sequences import FIRST_ITEM, PADDING, PaddedSequences
from ilora.recommenders.saved_model import load_model


def encode_history(model_path: str | os.PathLike[str], history: Sequence[int]) -> torch.Tensor:
    """Return the representation z of a history, float32 (1, d).

    Args:
        model_path: a recommender that the pipeline trained, ``model.safetensors``.
        history: item ids, oldest first; the latest ones count if they are more than the recommender reads.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: the file is missing or damaged.
        ValueError: the history is empty, or holds an item that the recommender does not know.
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
