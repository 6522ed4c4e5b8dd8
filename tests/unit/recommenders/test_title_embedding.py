"""MoRec: SASRec with item embeddings computed from title vectors."""

import math
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
import torch

from ilora.code_version import imported_modules
from ilora.recommenders.models import item_embeddings, sequence_representations, training_loss
from ilora.recommenders.padded_sequences import FIRST_ITEM, pad_sequences
from ilora.recommenders.saved_model import ModelShape, load_model, save_model
from ilora.recommenders.settings import MoRecArchitecture, TrainingSettings
from ilora.recommenders.title_embedding import TitleEmbedding
from ilora.recommenders.training_loop import train
from ilora.recommenders.validation import hit_ratio, validation_sets

WIDTH = 6


def shape(items: int) -> ModelShape:
    architecture = MoRecArchitecture(feed_forward_size=32, dropout=0.1, title_width=WIDTH)
    return ModelShape("morec", architecture, embedding_size=8, items=items, maximum_history=5)


def places_on_the_ring(items: int) -> torch.Tensor:
    """Return vectors that encode an item's position, plus a large common component."""
    angles = 2 * math.pi * torch.arange(items) / items
    turns = [turn(number * angles) for number in (1, 2, 3) for turn in (torch.sin, torch.cos)]
    return 100.0 + torch.stack(turns, dim=1)


def built(items: int) -> Any:
    torch.manual_seed(0)
    model = shape(items).build()
    model.item_embedding.read(places_on_the_ring(items))
    return model


def test_an_embedding_is_a_linear_map_of_the_centred_vector(ring: Any) -> None:
    model, vectors = built(ring.item_count), places_on_the_ring(ring.item_count).double()
    centred = vectors - vectors.mean(dim=0)
    scaled = (centred / centred.square().mean().sqrt()).float()
    linear = model.item_embedding.linear
    expected = scaled @ linear.weight.T + linear.bias
    torch.testing.assert_close(torch.from_numpy(item_embeddings(model)), expected)
    torch.testing.assert_close(model.item_embedding(torch.tensor([[3 + FIRST_ITEM, 0]]))[0, 0], expected[3])
    assert expected.std().item() == pytest.approx(0.02, rel=0.5)


def test_the_map_learns_and_the_vectors_stay(ring: Any) -> None:
    model = built(ring.item_count)
    before = model.item_embedding.title_vectors.clone()
    training_loss(model, pad_sequences(ring.sequences, ring.item_count, 5).rows(slice(0, 6))).backward()
    assert model.item_embedding.linear.weight.grad.abs().sum() > 0
    assert torch.equal(model.item_embedding.title_vectors, before)
    assert not model.item_embedding.title_vectors.requires_grad
    assert sum(parameter.shape[0] == ring.item_count + FIRST_ITEM for parameter in model.parameters()) == 0


def test_it_learns_from_titles_what_follows_what(ring: Any, settings: TrainingSettings) -> None:
    training = pad_sequences(ring.sequences.filter(pc.equal(ring.sequences["split"], "train")), ring.item_count, 5)
    validation = validation_sets(ring.sequences, ring.candidates, items=ring.item_count, maximum_history=5)
    untrained = hit_ratio(built(ring.item_count).eval(), validation)
    model, _ = train(lambda: built(ring.item_count), training, validation, settings, seed=1)
    assert hit_ratio(model, validation) >= 0.9 > untrained


def test_it_loads_with_its_titles(ring: Any, tmp_path: Path) -> None:
    model = built(ring.item_count)
    save_model(model, shape(ring.item_count), tmp_path / "model.safetensors")
    loaded, loaded_shape = load_model(tmp_path / "model.safetensors")
    assert loaded_shape == shape(ring.item_count)
    padded = pad_sequences(ring.sequences, ring.item_count, 5)
    assert (sequence_representations(loaded, padded) == sequence_representations(model, padded)).all()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (torch.ones(5, WIDTH), r"found \(5, 6\), expected \(4, 6\): they belong to other data"),
        (torch.ones(4, WIDTH + 1), r"found \(4, 7\), expected \(4, 6\)"),
        (torch.ones(4, WIDTH), "the same vector for all"),
        (torch.full((4, WIDTH), math.nan), "found NaN"),
    ],
)
def test_vectors_that_say_nothing_or_are_of_other_data_are_refused(vectors: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TitleEmbedding(4, WIDTH, 8, 0.02).read(vectors)


def test_recommenders_and_the_language_model_do_not_import_each_other(repository: Path) -> None:
    scripts = repository / "workflow_scripts"
    trained = imported_modules(scripts / "train_recommender.py", scripts)
    encoded = imported_modules(scripts / "encode_titles.py", scripts)
    assert not [name for name in trained if name.startswith("ilora.llm")]
    assert not [name for name in encoded if name.startswith("ilora.recommenders")]
    # Only the script that trains an encoder reads titles as the language model does; the library does not.
    for module in (scripts / "ilora" / "recommenders").glob("*.py"):
        assert not [name for name in imported_modules(module, scripts) if name.startswith("ilora.llm")], module
