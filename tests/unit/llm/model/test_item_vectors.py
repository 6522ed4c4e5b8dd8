"""The projector's inputs."""

import pytest
import torch

from ilora.llm.model.item_vectors import prepare_item_vectors
from ilora.llm.model.projector import Projector


def test_decorrelated_vectors_have_one_size_and_no_dominant_direction() -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(500, 8) * torch.tensor([9.0, 3, 1, 1, 1, 1, 1, 0.1]) + 4
    vectors = prepare_item_vectors(embeddings, "decorrelated")
    torch.testing.assert_close(vectors.norm(dim=1), torch.full((500,), 8**0.5))
    covariance = torch.cov(vectors.T)
    off_diagonal = covariance - torch.diag(torch.diagonal(covariance))
    assert off_diagonal.abs().max() < 0.1
    assert torch.diagonal(covariance).max() < 5 < torch.diagonal(torch.cov(embeddings.T)).max()


def test_raw_vectors_are_left_alone() -> None:
    embeddings = torch.randn(5, 3)
    assert torch.equal(prepare_item_vectors(embeddings, "raw"), embeddings)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        prepare_item_vectors(torch.full((3, 2), float("nan")), "raw")


def test_a_fresh_projector_is_scaled_to_the_norm_of_words() -> None:
    torch.manual_seed(0)
    projector, items, words = Projector(8, 16), torch.randn(100, 8) * 20, torch.randn(50, 16) * 0.02
    projector.scale_to_words(items, words)
    torch.testing.assert_close(projector(items).norm(dim=1).mean(), words.norm(dim=1).mean())
