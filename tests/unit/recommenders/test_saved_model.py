from pathlib import Path
from typing import Any

import pytest
import torch

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.tensors import write_tensors
from ilora.recommenders.models import sequence_representations
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.saved_model import ModelShape, load_model, save_model
from ilora.recommenders.settings import Architecture


def test_a_saved_model_loads_on_its_own(
    recommender: str, architecture: Architecture, ring: Any, tmp_path: Path
) -> None:
    shape = ModelShape(recommender, architecture, embedding_size=8, items=ring.item_count, maximum_history=5)
    model = shape.build()
    save_model(model, shape, tmp_path / "model.safetensors")

    loaded, loaded_shape = load_model(tmp_path / "model.safetensors")

    assert loaded_shape == shape
    padded = pad_sequences(ring.sequences, ring.item_count, 5)
    assert (sequence_representations(loaded, padded) == sequence_representations(model, padded)).all()


def test_tensors_of_something_else_are_refused(tmp_path: Path) -> None:
    write_tensors({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match="does not contain a recommender"):
        load_model(tmp_path / "other.safetensors")
