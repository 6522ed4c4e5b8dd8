import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ilora.recommenders.models import all_item_scores, build_model, reads_any_width, represent, training_loss
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.settings import Architecture


def _model(architecture: Architecture, ring: Any) -> Any:
    torch.manual_seed(0)
    return build_model(architecture, embedding_size=8, items=ring.item_count, maximum_history=ring.maximum_history)


def test_shapes(architecture: Architecture, ring: Any) -> None:
    model = _model(architecture, ring)
    batch = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history).rows(slice(0, 6))

    assert represent(model, batch).shape == (6, 8)
    assert all_item_scores(model, batch).shape == (6, ring.item_count + 1)
    assert model.item_embedding.weight.shape == (ring.item_count + 1, 8)
    # An untrained model is near a uniform distribution over the items (and RecBole's padding).
    assert training_loss(model, batch).item() == pytest.approx(
        torch.log(torch.tensor(ring.item_count + 1.0)).item(), abs=0.5
    )


def test_recbole_neither_reads_the_command_line_nor_writes_files(
    architecture: Architecture, ring: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["snakemake", "--hidden_size=4", "--embedding_size=4"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    model = _model(architecture, ring)

    assert model.item_embedding.weight.shape[1] == 8
    assert list(tmp_path.iterdir()) == []


def test_the_rest_of_a_batch_leaves_a_representation_as_it_is(architecture: Architecture, ring: Any) -> None:
    batch = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history).rows(slice(0, 6))
    model = _model(architecture, ring).eval()
    alone = represent(model, batch.rows(slice(0, 1)))
    torch.testing.assert_close(represent(model, batch)[:1], alone)


@pytest.mark.parametrize("recommender", ["sasrec", "gru4rec"])
def test_a_representation_does_not_depend_on_the_padding(architecture: Architecture, ring: Any) -> None:
    sequences = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history)
    batch = sequences.rows(sequences.lengths < ring.maximum_history).rows(slice(0, 6))
    model = _model(architecture, ring).eval()
    assert reads_any_width(model)
    assert batch.trimmed().histories.shape[1] < batch.histories.shape[1]
    torch.testing.assert_close(represent(model, batch.trimmed()), represent(model, batch))


@pytest.mark.slow
def test_importing_recboles_models_leaves_anomaly_detection_off() -> None:
    command = "import torch, ilora.recommenders.models; print(torch.is_anomaly_enabled())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
