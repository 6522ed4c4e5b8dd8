import numpy as np
import pyarrow as pa
import pytest

from ilora.analysis.case_study import case_study_table, choose_pairs, links, single_similarities
from ilora.analysis.genres import frequent_genre, item_genres
from ilora.analysis.gradient_grams import grams_table
from ilora.analysis.gradient_samples import BY_SEQUENCE
from ilora.analysis.schemas import CLUSTERS
from ilora.artifacts.schemas import SEQUENCES

GENRES = [["Action", "Thriller"], ["Action", "Thriller"], ["Drama"], ["Action"], ["Comedy"], []]


def test_genres_are_read_where_there_are_any() -> None:
    metadata = ['{"genres": ["Drama", "War"], "year": 1995}', "{}", '{"genres": null}']
    assert item_genres(metadata) == [["Drama", "War"], [], []]


def test_a_frequent_genre_is_one_of_more_than_so_many_items() -> None:
    assert frequent_genre([0, 1, 3], GENRES, 2) == "Action"
    assert frequent_genre([0, 1, 3], GENRES, 3) is None
    assert frequent_genre([0, 1], GENRES, 1) == "Action"  # as often as Thriller, and before it by name


def test_similarities_are_averaged_over_checkpoints() -> None:
    ids = np.array([3, 8, 9], dtype=np.int32)
    vectors = {1: np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), 2: np.array([[1.0, 0.0], [3.0, 0.0], [-1.0, 0.0]])}
    tables = [grams_table(BY_SEQUENCE, step, ids, {"layer.q_proj": rows @ rows.T}) for step, rows in vectors.items()]
    found, similarity = single_similarities(tables)
    assert found.tolist() == [3, 8, 9]
    assert similarity == pytest.approx(np.array([[1, 0.5, 0], [0.5, 1, -0.5], [0, -0.5, 1]]))
    empty = grams_table(BY_SEQUENCE, 1, ids[:0], {"layer.q_proj": np.empty((0, 0))})
    assert choose_pairs(*single_similarities([empty]), np.zeros(10, dtype=np.int32)) == []


def test_the_extreme_pairs_are_chosen_among_different_targets() -> None:
    similarity = np.array([[1.0, 0.9, 0.2], [0.9, 1.0, -0.4], [0.2, -0.4, 1.0]])
    targets = np.array([7, 5, 5, 6], dtype=np.int32)
    high, low = choose_pairs(np.array([1, 2, 3], dtype=np.int32), similarity, targets)
    assert (high.name, high.sequence_ids, high.similarity) == ("high", (1, 3), 0.2)
    assert (low.name, low.sequence_ids, low.similarity) == ("low", (2, 3), -0.4)


def test_items_are_linked_once_identical_ones_first() -> None:
    assert links([2, 0], [3, 1, 2], GENRES) == {0: (2, "identical"), 1: (1, "similar")}
    assert links([4, 5], [2, 5], GENRES) == {1: (1, "identical")}
    assert links([0, 1], [3], GENRES) in ({0: (0, "similar")}, {1: (0, "similar")})
    assert links([], [1], GENRES) == {}


def test_the_table_marks_targets_and_links() -> None:
    rows = [
        {"sequence_id": 0, "split": "train", "user_id": 4, "history": [0, 2], "target": 3},
        {"sequence_id": 1, "split": "train", "user_id": 5, "history": [2, 1], "target": 4},
    ]
    sequences = pa.Table.from_pylist(rows, schema=SEQUENCES)
    clusters = pa.table({"sequence_id": [0, 1], "split": ["train"] * 2, "cluster": [6, 7]}).cast(CLUSTERS)
    pairs = choose_pairs(
        np.array([0, 1], dtype=np.int32), np.array([[1.0, 0.3], [0.3, 1.0]]), np.array([3, 4], np.int32)
    )
    table = case_study_table(pairs, sequences, clusters, [f"title {item}" for item in range(6)], GENRES).to_pylist()
    high = [row for row in table if row["pair"] == "high"]
    assert len(high) == len(table) / 2 == 6
    assert [row["item_id"] for row in high if row["side"] == 0] == [0, 2, 3]
    assert [row["is_target"] for row in high if row["side"] == 1] == [False, False, True]
    assert [(row["linked_to"], row["link"]) for row in high if row["side"] == 0] == [
        (1, "similar"),
        (0, "identical"),
        (None, None),
    ]
    assert {row["cluster"] for row in high if row["side"] == 1} == {7}
