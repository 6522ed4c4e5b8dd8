from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from ilora.configuration.sections.generative import QuantiserTraining
from ilora.generative.level_quantisation import LevelQuantiser, quantise_levels
from ilora.generative.quantisation import Quantisation
from ilora.generative.quantiser_training import train_passes
from ilora.generative.residual_k_means import residual_k_means
from ilora.generative.rq_vae import quantise_by_rq_vae
from ilora.generative.vector_quantiser import VectorQuantiser

SMALL = QuantiserTraining(
    hidden_sizes=(16,), code_size=8, learning_rate=0.001, batch_size=150, warmup_epochs=1, epochs=2
)


@pytest.fixture(scope="module")
def vectors() -> torch.Tensor:
    """Vectors of 300 items around 12 centres."""
    generator = torch.Generator().manual_seed(3)
    centres = 4 * torch.randn(12, 10, generator=generator)
    return centres[torch.arange(300) % 12] + 0.3 * torch.randn(300, 10, generator=generator)


def by_levels(vectors: torch.Tensor, seed: int) -> Quantisation:
    return quantise_levels({"title": vectors, "collaborative": vectors[:, :4]}, 8, SMALL, seed)


QUANTISERS: dict[str, Callable[[torch.Tensor, int], Quantisation]] = {
    "residual k-means": lambda vectors, seed: residual_k_means(vectors, 3, 8, seed),
    "RQ-VAE": lambda vectors, seed: quantise_by_rq_vae(vectors, 3, 8, SMALL, seed),
    "levels": by_levels,
}


@pytest.mark.parametrize("name", QUANTISERS)
def test_codes_are_a_pure_function_of_seed_and_vectors(name: str, vectors: torch.Tensor) -> None:
    quantise = QUANTISERS[name]
    torch.manual_seed(1)
    first = quantise(vectors, 5)
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    again = quantise(vectors, 5)
    assert torch.equal(first.codes, again.codes)
    assert all(torch.equal(*pair) for pair in zip(first.codebooks, again.codebooks, strict=True))
    assert not torch.equal(first.codes, quantise(vectors, 6).codes)
    torch.manual_seed(1)
    assert torch.equal(state, torch.random.get_rng_state()), "the global generator was touched"


@pytest.mark.parametrize("name", QUANTISERS)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_vectors_that_are_not_finite_are_refused(name: str, wrong: float, vectors: torch.Tensor) -> None:
    damaged = vectors.clone()
    damaged[7, 2] = wrong
    with pytest.raises(ValueError, match="the vector of item 7 contains NaN or infinity"):
        QUANTISERS[name](damaged, 0)


def test_the_first_level_of_residual_k_means_is_k_means(vectors: torch.Tensor) -> None:
    first = residual_k_means(vectors, 1, 12, seed=0)
    expected = KMeans(12, n_init=10, random_state=9).fit(vectors.numpy())
    # The centres are far apart, so both find the same clusters, with different numbers.
    pairs = set(zip(first.codes[:, 0].tolist(), expected.labels_.tolist(), strict=True))
    assert len(pairs) == 12
    for code, label in pairs:
        np.testing.assert_allclose(first.codebooks[0][code], expected.cluster_centers_[label], atol=1e-5)


def test_each_level_quantises_what_is_left_over(vectors: torch.Tensor) -> None:
    found = residual_k_means(vectors, 3, 8, seed=0)
    residuals, errors = vectors, []
    for level in range(3):
        distances = torch.cdist(residuals, found.codebooks[level])
        assert torch.equal(distances.argmin(dim=1), found.codes[:, level])
        residuals = residuals - found.codebooks[level][found.codes[:, level]]
        errors.append(float(residuals.square().sum()))
    assert errors[0] > errors[1] > errors[2]


def test_a_level_has_no_more_codes_than_different_residuals() -> None:
    few = torch.eye(4).repeat(5, 1)
    found = residual_k_means(few, 2, 8, seed=0)
    assert found.sizes == (4, 1)
    assert len(found.codes.unique(dim=0)) == 4
    assert found.codes[:, 1].unique().tolist() == [0]


def test_the_codebook_begins_as_k_means_on_what_is_encoded(vectors: torch.Tensor) -> None:
    quantiser = VectorQuantiser(12, 10, beta=0.25)
    quantiser.initialise(vectors, seed=0)
    of_k_means = residual_k_means(vectors, 1, 12, seed=0)
    pairs = set(zip(quantiser.nearest(vectors).tolist(), of_k_means.codes[:, 0].tolist(), strict=True))
    assert len(pairs) == 12
    assert len(quantiser.nearest(vectors).unique()) == 12, "a code is dead from the beginning"


def test_gradients_pass_straight_through_and_the_loss_is_that_of_the_paper() -> None:
    quantiser = VectorQuantiser(2, 2, beta=0.25)
    with torch.no_grad():
        quantiser.codebook.copy_(torch.tensor([[0.0, 0.0], [4.0, 4.0]]))
    vectors = torch.tensor([[1.0, 0.0], [4.0, 2.0]], requires_grad=True)
    quantised = quantiser(vectors)
    assert quantised.codes.tolist() == [0, 1]
    assert quantised.vectors.tolist() == [[0.0, 0.0], [4.0, 4.0]]
    assert float(quantised.loss.detach()) == pytest.approx(1.25 * (1 + 4) / 2)
    (gradient,) = torch.autograd.grad(quantised.vectors.sum(), vectors, retain_graph=True)
    assert gradient.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    of_vectors, of_codes = torch.autograd.grad(quantised.loss, [vectors, quantiser.codebook])
    assert of_vectors.tolist() == [[0.25, 0.0], [0.0, -0.5]], "0.25 * 2 (vector - code) / rows"
    assert of_codes.tolist() == [[-1.0, 0.0], [0.0, 2.0]], "2 (code - vector) / rows"


def test_a_trained_codebook_comes_to_the_centroids_of_its_vectors(vectors: torch.Tensor) -> None:
    """Codes initialised near the centroids of k-means converge to scikit-learn's centroids."""
    centroids = residual_k_means(vectors, 1, 12, seed=0).codebooks[0]
    quantiser = VectorQuantiser(12, 10, beta=0.25)
    with torch.no_grad():
        quantiser.codebook.copy_(centroids + 0.5)
    settings = QuantiserTraining(learning_rate=0.02, weight_decay=0.0, batch_size=300, warmup_epochs=0, epochs=150)
    losses: list[float] = []
    train_passes(quantiser, lambda rows: quantiser(vectors[rows]).loss, 300, range(150), settings, 0, losses.append)
    assert len(losses) == 150
    torch.testing.assert_close(quantiser.codebook.detach(), centroids, atol=0.01, rtol=0)


def test_an_rq_vae_names_neighbours_alike(vectors: torch.Tensor) -> None:
    found = quantise_by_rq_vae(vectors, 2, 12, SMALL, seed=0)
    assert len(found.codes[:, 0].unique()) >= 7
    same = [found.codes[centre::12, 0].mode().values == found.codes[centre::12, 0] for centre in range(12)]
    assert float(torch.cat(same).float().mean()) > 0.9


def test_codes_stay_in_use_while_the_network_learns() -> None:
    """If k-means runs on an untrained network, half of the codes die: 13 and 14 of 24, and 8 and 21 of the levels."""
    generator = torch.Generator().manual_seed(5)
    vectors = torch.randn(300, 12, generator=generator) @ torch.randn(12, 96, generator=generator)
    settings = QuantiserTraining(
        hidden_sizes=(64, 32), code_size=8, learning_rate=0.005, batch_size=150, warmup_epochs=60, epochs=60
    )
    residual = quantise_by_rq_vae(vectors, 2, 24, settings, seed=0)
    by_level = quantise_levels({"title": vectors, "collaborative": vectors[:, :20]}, 24, settings, seed=0)
    for found in (residual, by_level):
        assert min(len(codes.unique()) for codes in found.codes.T) >= 22
    assert len(residual.codes.unique(dim=0)) > 200


def test_a_level_is_quantised_by_itself(vectors: torch.Tensor) -> None:
    alone = {name: vectors for name in ("category", "title")}
    found = quantise_levels(alone, 8, SMALL, seed=0)
    assert found.codes.shape == (300, 2)
    model = LevelQuantiser({"category": 10, "title": 10, "collaborative": 4}, 8, SMALL)
    assert set(model.encoders) == {"text", "collaborative"}, "texts share one encoder"
    assert set(model.codebooks) == {"category", "title", "collaborative"}


def test_levels_of_other_items_and_texts_of_other_widths_are_refused(vectors: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected the same items at each level"):
        quantise_levels({"title": vectors, "collaborative": vectors[:5]}, 8, SMALL, 0)
    with pytest.raises(ValueError, match=r"found vectors of widths \[4, 10\], expected the same for all"):
        quantise_levels({"title": vectors, "category": vectors[:, :4]}, 8, SMALL, 0)
    with pytest.raises(ValueError, match="found vectors of no items"):
        quantise_levels({}, 8, SMALL, 0)


def test_a_loss_that_is_not_finite_ends_the_training(vectors: torch.Tensor) -> None:
    settings = SMALL.model_copy(update={"beta": float("inf")})
    with pytest.raises(FloatingPointError, match="the quantiser's loss is inf in epoch 2"):
        quantise_by_rq_vae(vectors, 2, 4, settings, seed=0)
