from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from ilora.analysis.gradient_similarity import (
    deal_blocks,
    measure,
    measure_resampled,
    noise_ceiling,
    regroup,
    resampled_blocks,
)

Array = NDArray[np.float64]


def gradients(means: Array, blocks: int, noise: float, seed: int = 0) -> Array:
    """Return noisy gradients of blocks around their groups' means [groups, d], [groups, blocks, d]."""
    drawn = np.random.default_rng(seed).standard_normal((len(means), blocks, means.shape[1]))
    return means[:, None] + noise * drawn


def gram_of(vectors: Array) -> Array:
    groups, blocks, width = vectors.shape
    flat = vectors.reshape(groups * blocks, width)
    return (flat @ flat.T).reshape(groups, blocks, groups, blocks)


def cosine(first: Array, second: Array) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def means_of(groups: int, width: int, agreement: float, seed: int = 1) -> Array:
    """Return mean gradients with expected cosines of `agreement` between groups; below 0 for two groups only."""
    generator = np.random.default_rng(seed)
    shared, own = generator.standard_normal(width), generator.standard_normal((groups, width))
    signs = np.where(np.arange(groups) % 2 == 0, 1.0, np.sign(agreement) or 1.0)
    return np.sqrt(abs(agreement)) * signs[:, None] * shared + np.sqrt(1 - abs(agreement)) * own


def test_cosines_are_those_of_the_means() -> None:
    vectors = gradients(means_of(4, 50, 0.3), 6, 1.0)
    means = vectors.mean(axis=1)
    expected = [[cosine(first, second) for second in means] for first in means]
    assert measure(gram_of(vectors)).cosine == pytest.approx(np.array(expected), abs=1e-12)


def test_permuted_clusters_give_a_permuted_matrix() -> None:
    vectors = gradients(means_of(5, 50, 0.3), 4, 1.0)
    order = np.array([3, 0, 4, 1, 2])
    found, permuted = measure(gram_of(vectors)), measure(gram_of(vectors[order]))
    assert permuted.cosine == pytest.approx(found.cosine[np.ix_(order, order)], abs=1e-12)
    assert permuted.halves == pytest.approx(found.halves[order], abs=1e-12)


def test_halves_are_the_mean_over_all_ways_of_halving() -> None:
    vectors = gradients(means_of(2, 40, 0.3), 6, 1.0)
    products, norms = [], []
    for chosen in combinations(range(6), 3):
        rest = [block for block in range(6) if block not in chosen]
        first, second = vectors[0, chosen].mean(axis=0), vectors[0, rest].mean(axis=0)
        products.append(first @ second)
        norms.append(first @ first)
    assert measure(gram_of(vectors)).halves[0] == pytest.approx(np.mean(products) / np.mean(norms), rel=1e-12)


def test_the_noise_ceiling_is_near_1_with_large_samples_and_near_0_without_signal() -> None:
    means = means_of(4, 400, 0.3)
    assert noise_ceiling(measure(gram_of(gradients(means, 400, 1.0))).halves).min() > 0.99
    assert np.abs(noise_ceiling(measure(gram_of(gradients(0 * means, 400, 1.0))).halves)).max() < 0.2


def test_the_noise_ceiling_is_the_cosine_of_two_samples() -> None:
    means = means_of(2, 300, 0.3)
    again = [gradients(means, 8, 4.0, seed)[0].mean(axis=0) for seed in range(60)]
    expected = np.mean([cosine(first, second) for first, second in combinations(again, 2)])
    ceilings = [noise_ceiling(measure(gram_of(gradients(means, 8, 4.0, seed))).halves[0]) for seed in range(60)]
    assert 0.2 < expected < 0.5
    assert np.mean(ceilings) == pytest.approx(expected, abs=0.03)


def test_contradictory_groups_are_less_similar_than_agreeing_ones() -> None:
    found = {
        agreement: measure(gram_of(gradients(means_of(2, 400, agreement), 8, 1.0))).cosine[0, 1]
        for agreement in (0.9, 0.0, -0.9)
    }
    assert found[0.9] > 0.6 > 0.2 > found[0.0] > -0.2 > -0.6 > found[-0.9]


def test_resamples_are_those_of_a_direct_recomputation() -> None:
    vectors = gradients(means_of(3, 30, 0.5), 4, 0.5)
    weights = resampled_blocks(3, 4, 5, [7])
    found = measure_resampled(gram_of(vectors), weights)
    for sample in range(5):
        drawn = [np.repeat(vectors[group], weights[sample, group].astype(int), axis=0) for group in range(3)]
        assert [len(blocks) for blocks in drawn] == [4, 4, 4]
        lengths, halves = [], []
        for group, blocks in enumerate(drawn):
            labels = np.repeat(np.arange(4), weights[sample, group].astype(int))
            own = np.mean([block @ block for block in blocks])
            different = np.mean([blocks[a] @ blocks[b] for a in range(4) for b in range(4) if labels[a] != labels[b]])
            lengths.append(np.sqrt(own / 4 + 3 / 4 * different))
            halves.append(different / (own / 2 + different / 2))
        for first, second in combinations(range(3), 2):
            product = drawn[first].mean(axis=0) @ drawn[second].mean(axis=0)
            expected = product / lengths[first] / lengths[second]
            assert found.cosine[sample, first, second] == pytest.approx(expected, rel=1e-12)
        assert found.halves[sample] == pytest.approx(np.array(halves), rel=1e-12)


def test_resamples_centre_on_the_sample() -> None:
    gram = gram_of(gradients(means_of(4, 300, 0.6), 8, 3.0))
    first, second = np.triu_indices(4, k=1)
    resampled = measure_resampled(gram, resampled_blocks(4, 8, 4000, [0])).cosine[:, first, second]
    assert resampled.mean() == pytest.approx(measure(gram).cosine[first, second].mean(), abs=0.01)


def test_no_resample_holds_one_block_alone() -> None:
    weights = resampled_blocks(3, 2, 200, [0])
    assert (weights.max(axis=-1) == 1).all() and (weights.sum(axis=-1) == 2).all()


@pytest.mark.parametrize(("groups", "blocks"), [(8, 8), (8, 4), (3, 8)])
def test_blocks_are_dealt_evenly(groups: int, blocks: int) -> None:
    dealt = deal_blocks(groups, blocks, [0])
    assert sorted(dealt.ravel().tolist()) == list(range(groups * blocks))
    counts = [np.bincount(row // blocks, minlength=groups) for row in dealt]
    assert max(count.max() - count.min() for count in counts) <= 1
    assert not np.array_equal(dealt, deal_blocks(groups, blocks, [1]))


def test_random_groups_resemble_each_other_as_much_as_themselves() -> None:
    gram = gram_of(gradients(means_of(4, 500, 0.0), 8, 0.5))
    first, second = np.triu_indices(4, k=1)
    assert measure(gram).cosine[first, second].mean() < 0.1
    random = measure(regroup(gram, deal_blocks(4, 8, [0])))
    assert random.cosine[first, second].mean() > 0.8


def test_regrouping_moves_blocks() -> None:
    vectors = gradients(means_of(3, 20, 0.2), 3, 1.0)
    dealt = deal_blocks(3, 3, [0])
    expected = gram_of(vectors.reshape(9, 20)[dealt])
    assert regroup(gram_of(vectors), dealt) == pytest.approx(expected, abs=1e-12)


def test_a_zero_gradient_is_refused() -> None:
    vectors = gradients(means_of(3, 20, 0.2), 2, 1.0)
    vectors[1] = 0.0
    with pytest.raises(ValueError, match=r"groups at \[1\] are zero"):
        measure(gram_of(vectors))
