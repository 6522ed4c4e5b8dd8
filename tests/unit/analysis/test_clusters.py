import numpy as np
import pyarrow as pa
import pytest

from ilora.analysis.cluster_order import centroid_distances, leaf_order
from ilora.analysis.cluster_profiles import cluster_profiles
from ilora.analysis.clusters import Clustering, cluster_sequences, clusters_table, sampled_silhouettes
from ilora.analysis.schemas import CLUSTER_PROFILES, CLUSTERS
from ilora.data.sequences import SequenceKey, SequenceTable

SIZES = (30, 60, 10)  # training sequences around each centre


def points(seed: int = 0) -> np.ndarray:
    """Return training sequences around three centres, and one test sequence at each centre."""
    generator = np.random.default_rng(seed)
    centres = 20.0 * np.eye(3, 5)
    training = np.concatenate(
        [centre + generator.standard_normal((size, 5)) for centre, size in zip(centres, SIZES, strict=True)]
    )
    return np.concatenate([training, centres]).astype(np.float32)


TRAINING = np.arange(sum(SIZES))


def test_clusters_are_found_and_the_largest_is_the_first() -> None:
    found = cluster_sequences(points(), TRAINING, 3, 5, 0)
    assert np.bincount(found.assignment[TRAINING]).tolist() == [60, 30, 10]
    assert found.assignment[-3:].tolist() == [1, 0, 2]
    assert found.centroids == pytest.approx(20.0 * np.eye(3, 5)[[1, 0, 2]], abs=1.5)
    again = cluster_sequences(points(), TRAINING, 3, 5, 0)
    assert np.array_equal(found.assignment, again.assignment) and np.array_equal(found.centroids, again.centroids)


def test_centroids_come_from_the_training_split_alone() -> None:
    moved = points()
    moved[-3:] += 3.0
    before, after = (cluster_sequences(values, TRAINING, 3, 5, 0) for values in (points(), moved))
    assert np.array_equal(before.centroids, after.centroids)


def test_impossible_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2 different sequence representations"):
        cluster_sequences(np.array([[0.0], [1.0], [1.0]]), np.arange(3), 3, 1, 0)
    broken = points()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        cluster_sequences(broken, TRAINING, 3, 1, 0)


def test_silhouettes_tell_tight_clusters_from_none() -> None:
    clustering = cluster_sequences(points(), TRAINING, 3, 5, 0)
    labels, values = sampled_silhouettes(points(), clustering, TRAINING, 50, 0)
    assert len(labels) == len(values) == 50
    assert values.mean() > 0.8
    noise = np.random.default_rng(0).standard_normal(points().shape)
    assert sampled_silhouettes(noise, clustering, TRAINING, 50, 0)[1].mean() < 0.1
    single = Clustering(np.zeros(len(points()), dtype=np.int32), np.zeros((1, 5)))
    assert len(sampled_silhouettes(points(), single, TRAINING, 50, 0)[1]) == 0


def test_the_table_holds_every_sequence() -> None:
    clustering = cluster_sequences(points(), TRAINING, 3, 5, 0)
    splits = ["train"] * len(TRAINING) + ["test"] * 3
    table = clusters_table(clustering, splits)
    assert table.schema.equals(CLUSTERS)
    assert table["cluster"].to_numpy().tolist() == clustering.assignment.tolist()


def test_profiles_tell_what_is_typical_and_keep_a_cluster_without_training_sequences() -> None:
    histories = [[0, 1], [0, 2], [3, 4], [3, 5]]
    sequences = SequenceTable(
        keys=[SequenceKey("train", f"u{row // 2}", row) for row in range(4)] + [SequenceKey("test", "u9", 0)],
        user_ids=np.array([0, 0, 1, 1, 9], dtype=np.int32),
        histories=[*histories, [0]],
        targets=np.array([6, 6, 6, 6, 6], dtype=np.int32),
    )
    clustering = Clustering(np.array([0, 0, 1, 1, 2], dtype=np.int32), np.eye(3))
    titles = [f"title {item}" for item in range(7)]
    genres = [["Horror"], ["Horror"], ["Horror"], ["Comedy"], ["Comedy"], ["Comedy"], ["Drama"]]
    silhouettes = (np.array([0, 0, 1], dtype=np.int32), np.array([0.2, 0.4, 0.6]))
    table = cluster_profiles(clustering, silhouettes, sequences, titles, genres)
    assert table.schema.equals(CLUSTER_PROFILES)
    first, second, third = table.to_pylist()
    assert first["titles"][0] == "title 0" and second["titles"][0] == "title 3"
    assert "title 6" not in first["titles"]  # every sequence has it
    assert first["genres"] == ["Horror"] and second["genres"] == ["Comedy"]
    assert (first["train_sequences"], first["train_users"], first["silhouette"]) == (2, 1, pytest.approx(0.3))
    assert (third["train_sequences"], third["test_sequences"], third["silhouette"]) == (0, 1, None)
    assert [row["silhouette_of_all"] for row in (first, second, third)] == pytest.approx([0.4] * 3)
    unknown = cluster_profiles(clustering, silhouettes, sequences, titles, [[] for _ in titles])
    assert unknown["genres"] == pa.chunked_array([[[], [], []]], pa.list_(pa.string()))


def test_clusters_that_are_close_stand_together() -> None:
    centroids = np.array([[0.0, 0.0], [10.0, 0.0], [0.1, 0.0], [10.1, 0.0], [5.0, 9.0]])
    order = leaf_order(centroids)
    assert sorted(order) == list(range(5)) and order[0] < order[-1]
    assert abs(order.index(0) - order.index(2)) == 1 and abs(order.index(1) - order.index(3)) == 1
    relabelled = [4, 2, 0, 3, 1]
    shuffled = leaf_order(centroids[relabelled])
    restored = [relabelled[cluster] for cluster in shuffled]
    assert restored in (order, order[::-1])
    assert leaf_order(centroids[:2]) == [0, 1]
    assert centroid_distances(centroids)[0, 1] == pytest.approx(10.0)
