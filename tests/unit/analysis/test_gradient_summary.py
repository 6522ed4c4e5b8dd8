import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from ilora.analysis.gradient_averages import similarity_table
from ilora.analysis.gradient_grams import grams_of, grams_table
from ilora.analysis.gradient_samples import BY_CLUSTER, BY_SEQUENCE
from ilora.analysis.gradient_summary import QUANTITIES, Intervals, summary_table
from ilora.analysis.schemas import DIFFERENCE, GRADIENT_SIMILARITY, GRADIENT_SUMMARY

CLUSTERS, BLOCKS, WIDTH = 4, 6, 300
INTERVALS = Intervals(confidence=0.95, samples=200, seed=0)
MODULES = ("layers.0.q_proj", "layers.1.q_proj", "layers.0.up_proj")
POSITIONS = np.arange(CLUSTERS, dtype=float)[:, None]
DISTANCES = np.abs(POSITIONS - POSITIONS.T)

Vectors = NDArray[np.float64]


def checkpoint(step: int, angle: float, noise: float = 0.3, seed: int = 0) -> pa.Table:
    """Return gradients whose means lie on a circle, `angle` apart, so that neighbours are the most similar."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(CLUSTERS, dtype=np.int32), BLOCKS)
    grams = {}
    for module in MODULES:
        axes = np.linalg.qr(generator.standard_normal((WIDTH, 2)))[0] * np.sqrt(WIDTH)
        means = np.cos(angle * POSITIONS) * axes[:, 0] + np.sin(angle * POSITIONS) * axes[:, 1]
        vectors = np.repeat(means, BLOCKS, axis=0) + noise * generator.standard_normal((CLUSTERS * BLOCKS, WIDTH))
        grams[module] = vectors @ vectors.T
    return grams_table(BY_CLUSTER, step, groups, grams)


def numbers(table: pa.Table, **chosen: object) -> dict[str, dict]:
    rows = [row for row in table.to_pylist() if all(row[name] == value for name, value in chosen.items())]
    return {row["quantity"]: row for row in rows}


def test_a_table_of_grams_reads_back() -> None:
    table = checkpoint(5, 0.5)
    grams = grams_of(table, BY_CLUSTER)
    assert grams.groups.tolist() == [0, 1, 2, 3] and list(grams.modules) == list(MODULES)
    assert grams.modules[MODULES[0]].shape == (CLUSTERS, BLOCKS, CLUSTERS, BLOCKS)
    with pytest.raises(ValueError, match="no gradients of the partition 'sequence'"):
        grams_of(table, BY_SEQUENCE)
    uneven = grams_table(BY_CLUSTER, 0, np.array([0, 0, 1], dtype=np.int32), {"q_proj": np.eye(3)})
    with pytest.raises(ValueError, match=r"have \[2, 1\] blocks"):
        grams_of(uneven, BY_CLUSTER)


def test_modules_are_averaged_by_kind_and_kinds_and_checkpoints_alike() -> None:
    table = similarity_table("llara", 3, [checkpoint(10, 0.2), checkpoint(20, 1.0)])
    assert table.schema.equals(GRADIENT_SIMILARITY)
    frame = table.to_pandas()
    pair = frame[(frame["first"] == 0) & (frame["second"] == 1)].set_index(["step", "kind"])["similarity"]
    for step, expected in ((10, np.cos(0.2)), (20, np.cos(1.0))):
        assert pair[step, "q_proj"] == pytest.approx(expected, abs=0.1)
        assert pair[step, "all"] == pytest.approx((pair[step, "q_proj"] + pair[step, "up_proj"]) / 2)
    over_all = frame[frame["step"].isna() & (frame["kind"] == "all")].set_index(["first", "second"])
    assert over_all.loc[(0, 1), "similarity"] == pytest.approx((pair[10, "all"] + pair[20, "all"]) / 2)
    assert over_all.loc[(2, 2), "similarity"] == 1.0
    assert 0.9 < over_all.loc[(2, 2), "noise_ceiling"] < 1.0
    assert over_all["noise_ceiling"].notna().sum() == CLUSTERS


def test_the_numbers_are_what_their_names_say() -> None:
    # Cosines of neighbours, next neighbours and ends of the circle: cos 1, cos 2 and cos 3.
    cosines = np.cos(DISTANCES[np.triu_indices(CLUSTERS, k=1)])
    table = summary_table({("llara", 1): [checkpoint(10, 1.0)]}, {1: DISTANCES}, INTERVALS)
    assert table.schema.equals(GRADIENT_SUMMARY)
    found = numbers(table, method="llara", seed=1, step=None)
    assert set(found) == set(QUANTITIES)
    assert found["similarity"]["value"] == pytest.approx(cosines.mean(), abs=0.02)
    assert found["conflicting_pairs"]["value"] == pytest.approx((cosines < 0).mean())
    assert found["conflicting_cosines"]["value"] == pytest.approx((cosines < 0).mean())
    assert found["noise_ceiling"]["value"] == pytest.approx(1 / (1 + 0.09 / BLOCKS), abs=0.01)
    assert found["random_similarity"]["value"] > 0.8
    below = found["random_similarity"]["value"] - found["similarity"]["value"]
    assert found["similarity_below_random"]["value"] == pytest.approx(below)
    relative = found["similarity"]["value"] / found["noise_ceiling"]["value"]
    assert found["relative_similarity"]["value"] == pytest.approx(relative)
    assert found["distance_correlation"]["value"] == pytest.approx(-0.9, abs=0.1)
    for row in found.values():
        assert row["low"] - 1e-12 <= row["value"] <= row["high"] + 1e-12
    assert found["similarity"]["high"] < found["random_similarity"]["low"]


def test_agreeing_clusters_are_no_less_similar_than_random_ones() -> None:
    table = summary_table({("llara", 1): [checkpoint(10, 0.0)]}, {1: DISTANCES}, INTERVALS)
    found = numbers(table, method="llara", seed=1, step=None)
    assert found["similarity_below_random"]["low"] < 0 < found["similarity_below_random"]["high"]
    assert found["conflicting_pairs"]["value"] == found["conflicting_pairs"]["high"] == 0.0


def test_methods_are_compared_and_seeds_and_checkpoints_averaged() -> None:
    runs = {
        (method, seed): [checkpoint(10, angle, seed=seed), checkpoint(20, angle + 0.5, seed=seed + 5)]
        for method, angle in (("llara", 0.2), ("ilora", 1.0))
        for seed in (1, 2)
    }
    table = summary_table(runs, {1: DISTANCES, 2: DISTANCES}, INTERVALS)
    value = {
        (row["method"], row["seed"], row["step"]): row["value"]
        for row in table.to_pylist()
        if row["quantity"] == "similarity"
    }
    assert len(value) == 3 * 3 * 3
    assert value["llara", None, 10] == pytest.approx((value["llara", 1, 10] + value["llara", 2, 10]) / 2)
    assert value["llara", 1, None] == pytest.approx((value["llara", 1, 10] + value["llara", 1, 20]) / 2)
    assert value[DIFFERENCE, 2, None] == pytest.approx(value["llara", 2, None] - value["ilora", 2, None])
    difference = numbers(table, method=DIFFERENCE, seed=None, step=None)["similarity"]
    assert difference["low"] < difference["value"] < difference["high"]
    assert difference["trainings"] == 2
    assert numbers(table, method=DIFFERENCE, seed=1, step=None)["similarity"]["trainings"] == 1


def test_means_over_seeds_have_intervals_over_trainings() -> None:
    angles = {1: 0.2, 2: 0.4, 3: 0.9}
    runs = {("llara", seed): [checkpoint(10, angle, seed=seed)] for seed, angle in angles.items()}
    table = summary_table(runs, dict.fromkeys(angles, DISTANCES), INTERVALS)
    of_seeds = [numbers(table, seed=seed, step=None)["similarity"] for seed in angles]
    mean = numbers(table, seed=None, step=None)["similarity"]
    values = [row["value"] for row in of_seeds]
    half = 4.303 * np.std(values, ddof=1) / np.sqrt(3)
    assert half > max(row["high"] - row["value"] for row in of_seeds)
    assert (mean["low"], mean["high"]) == pytest.approx((np.mean(values) - half, np.mean(values) + half), abs=1e-3)
    once = summary_table({("llara", 1): runs["llara", 1]}, {1: DISTANCES}, INTERVALS)
    alone, over_one = (numbers(once, seed=seed, step=None)["similarity"] for seed in (1, None))
    assert alone | {"seed": None} == over_one


def test_what_noise_hides_is_left_out() -> None:
    table = summary_table({("llara", 1): [checkpoint(10, 1.0, noise=30.0)]}, {1: DISTANCES}, INTERVALS)
    found = numbers(table, method="llara", seed=1, step=None)
    assert found["noise_ceiling"]["low"] < 0.1
    relative = found["relative_similarity"]
    assert relative["value"] is relative["low"] is relative["high"] is None


def test_the_same_seed_gives_the_same_intervals() -> None:
    runs = {("llara", 1): [checkpoint(10, 1.0)]}
    first, second = (summary_table(runs, {1: DISTANCES}, INTERVALS) for _ in range(2))
    assert first.equals(second)
    other = summary_table(runs, {1: DISTANCES}, Intervals(0.95, 200, 1))
    assert not other.equals(first)
