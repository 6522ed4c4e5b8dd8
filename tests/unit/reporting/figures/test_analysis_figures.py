import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from ilora.analysis.gradient_summary import QUANTITIES
from ilora.analysis.schemas import (
    CASE_STUDY,
    CLUSTER_PROFILES,
    CLUSTERS,
    DIFFERENCE,
    EXPERT_USAGE,
    GATES,
    GRADIENT_SIMILARITY,
    GRADIENT_SUMMARY,
)
from ilora.figures import expert_attention_all, gradient_similarity
from ilora.figures.case_study import draw_case_study
from ilora.figures.clusters import draw_clusters
from ilora.figures.expert_attention_all import draw_expert_attention_all, select_expert_attention_all, usage_note
from ilora.figures.gradient_similarity import draw_gradient_similarity, select_gradient_similarity
from ilora.figures.gradient_similarity_summary import draw_gradient_summary, select_gradient_summary
from ilora.plotting.labels import cluster_label
from ilora.plotting.style import FORMATS, figure_style, save_figure

NAMES = ["gradient_similarity", "gradient_summary", "clusters", "expert_usage", "case_study", "no_case_study"]
KINDS = ("all", "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ORDER = [5, 0, 3, 7, 1, 6, 4, 2]
TITLE = "LLaRA, seed 1\nMovieLens, language model: embedded"


def _similarity() -> pa.Table:
    """Return similarities of two methods; cluster 7 was too small for a gradient."""
    rows = []
    for number, method in enumerate(("llara", "ilora")):
        values = np.random.default_rng(number).uniform(-0.3, 0.3, (7, 7)) * (1 + number)
        for kind in KINDS:
            for (first, second), value in np.ndenumerate((values + values.T) / 2):
                same = first == second
                cell = {"first": first, "second": second, "similarity": 1.0 if same else value}
                labels = {"method": method, "seed": 1, "step": None, "kind": kind}
                rows.append(labels | cell | {"noise_ceiling": 0.35 if same else None})
    return pa.Table.from_pylist(rows, schema=GRADIENT_SIMILARITY)


def _profiles() -> pa.Table:
    rows = [
        {
            "cluster": cluster,
            "train_sequences": 5000 // (1 + cluster),
            "val_sequences": 10,
            "test_sequences": 12,
            "train_users": 100,
            "silhouette": 0.1 * cluster if cluster else None,
            "silhouette_of_all": 0.2,
            "titles": ["Star Trek VI: The Undiscovered Country", "Speed for $5", "Fargo", "Emma"],
            "genres": ["Children's", "Adventure", "Film-Noir"] if cluster != 3 else [],
            "centroid": [float(cluster)],
        }
        for cluster in range(8)
    ]
    return pa.Table.from_pylist(rows, schema=CLUSTER_PROFILES)


def _summary() -> pa.Table:
    rows = [
        {
            "method": method,
            "seed": seed,
            "step": step,
            "quantity": quantity,
            "value": None if quantity == "relative_similarity" else 0.1,
            "low": None if quantity == "relative_similarity" else 0.05,
            "high": None if quantity == "relative_similarity" else 0.2,
            "confidence": 0.95,
            "trainings": 2 if seed is None else 1,
        }
        for method in ("llara", "ilora", DIFFERENCE)
        for seed in (1, 2, None)
        for step in (100, 200, None)
        for quantity in QUANTITIES
    ]
    return pa.Table.from_pylist(rows, schema=GRADIENT_SUMMARY)


def _gates() -> pa.Table:
    weights = np.random.default_rng(0).dirichlet(np.ones(4), 60)
    columns = {
        "sequence_id": np.repeat(np.arange(60, dtype=np.int32), 4),
        "split": np.repeat(["val"] * 20 + ["test"] * 40, 4),
        "expert": np.tile(np.arange(4, dtype=np.int32), 60),
        "weight": weights.ravel(),
    }
    return pa.table(columns, schema=GATES)


def _clusters() -> pa.Table:
    columns = {"sequence_id": np.arange(60), "split": ["test"] * 60, "cluster": np.arange(60) % 8}
    return pa.table(columns).cast(CLUSTERS)


def _usage(collapsed: bool = False) -> pa.Table:
    rows: list[tuple[str, int | None, float]] = [("expert_share", expert, 0.25) for expert in range(4)]
    rows += [
        ("sequences", None, 40.0),
        ("entropy", None, 0.5),
        ("effective_experts", None, 1.2 if collapsed else 3.9),
        ("collapsed", None, float(collapsed)),
        ("mutual_information", None, 0.3),
        ("mutual_information_by_chance", None, 0.1),
        ("mutual_information_p", None, 0.001),
        ("adjusted_mutual_information", None, 0.09),
    ]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(EXPERT_USAGE.names)}
    return pa.table(columns, schema=EXPERT_USAGE)


def _case_study() -> pa.Table:
    rows = []
    for pair, similarity in (("high", 0.86), ("low", -0.75)):
        for side in (0, 1):
            for place in range(11):
                links = {1: (3, "identical"), 4: (10, "similar")} if side == 0 else {}
                linked_to, link = links.get(place, (None, None))
                rows.append(
                    {
                        "pair": pair,
                        "similarity": similarity,
                        "side": side,
                        "sequence_id": side,
                        "user_id": 700 + side,
                        "cluster": side,
                        "place": place,
                        "is_target": place == 10,
                        "item_id": place,
                        "title": "The Adventures of Priscilla, Queen of the Desert" if place == 5 else "$5 a Day",
                        "genres": [["Drama", "War", "Romance", "Crime"], [], ["Comedy"]][place % 3],
                        "linked_to": linked_to,
                        "link": link,
                    }
                )
    return pa.Table.from_pylist(rows, schema=CASE_STUDY)


@pytest.fixture(scope="module")
def draw() -> dict[str, Callable[[], Figure]]:
    """Return functions that draw each figure from made-up data."""
    maps = select_gradient_similarity(_similarity(), _profiles(), ORDER, "llara", 1)
    numbers = select_gradient_summary(_summary())
    labels = [cluster_label(row["cluster"], row["genres"]) for row in _profiles().to_pylist()]
    weights = select_expert_attention_all(_gates(), _clusters(), labels)
    return {
        "gradient_similarity": lambda: draw_gradient_similarity(maps, TITLE),
        "gradient_summary": lambda: draw_gradient_summary(numbers, TITLE),
        "clusters": lambda: draw_clusters(_profiles(), 1000, TITLE),
        "expert_usage": lambda: draw_expert_attention_all(weights, [_usage()], 0.95, TITLE),
        "case_study": lambda: draw_case_study(_case_study(), TITLE),
        "no_case_study": lambda: draw_case_study(CASE_STUDY.empty_table(), TITLE),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_has_the_same_bytes_each_time(
    draw: dict[str, Callable[[], Figure]], name: str, tmp_path: Path
) -> None:
    digests = []
    for attempt in range(2):
        path = tmp_path / f"{attempt}.svg"
        with figure_style():
            save_figure(draw[name](), {"svg": path})
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    assert set(FORMATS) == {"svg", "pdf", "png"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaves_the_figure(draw: dict[str, Callable[[], Figure]], name: str) -> None:
    with figure_style():
        figure = draw[name]()
        figure.draw_without_rendering()
        drawn = figure.get_tightbbox()
    assert 0 <= drawn.x0 < drawn.x1 <= figure.get_figwidth() + 0.01
    assert 0 <= drawn.y0 < drawn.y1 <= figure.get_figheight() + 0.01
    assert figure.get_figwidth() == pytest.approx(7.0)


def test_maps_keep_the_order_and_the_scale_of_all_methods() -> None:
    drawn = {
        method: select_gradient_similarity(_similarity(), _profiles(), ORDER, method, 1).to_pandas()
        for method in ("llara", "ilora")
    }
    assert gradient_similarity.DRAWN.names == list(drawn["llara"].columns)
    for frame in drawn.values():
        rows = frame[(frame["kind"] == "all") & (frame["column"] == 0)].sort_values("row")
        assert rows["first"].tolist() == ORDER
    assert drawn["llara"]["limit"].unique() == drawn["ilora"]["limit"].unique()
    largest = max(frame.loc[frame["first"] != frame["second"], "similarity"].abs().max() for frame in drawn.values())
    assert largest <= drawn["llara"]["limit"].iloc[0] < largest + gradient_similarity.SCALE_STEP


def test_a_cluster_without_a_gradient_stands_in_the_map_as_missing() -> None:
    frame = select_gradient_similarity(_similarity(), _profiles(), ORDER, "llara", 1).to_pandas()
    missing = frame[frame["similarity"].isna()]
    assert len(missing) == len(KINDS) * 15
    assert ((missing["first"] == 7) | (missing["second"] == 7)).all()


def test_a_map_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="no gradient similarity of llara, seed 2"):
        select_gradient_similarity(_similarity(), _profiles(), ORDER, "llara", 2)


def test_the_summary_shows_means_over_seeds() -> None:
    drawn = select_gradient_summary(_summary())
    assert drawn.schema.equals(GRADIENT_SUMMARY)
    assert drawn["seed"].null_count == drawn.num_rows == 3 * 3 * (len(QUANTITIES) - 1)


def test_expert_usage_shows_the_test_split_and_says_if_the_gate_collapsed() -> None:
    drawn = select_expert_attention_all(_gates(), _clusters(), [str(cluster) for cluster in range(8)])
    assert drawn.schema.equals(expert_attention_all.DRAWN)
    assert drawn["sequence_id"].to_numpy().min() == 20 and drawn.num_rows == 160
    assert "no collapse" in usage_note([_usage()], 0.95)
    assert "COLLAPSED" in usage_note([_usage(collapsed=True)], 0.95)


def test_expert_usage_is_one_trainings_or_over_trainings_with_an_interval() -> None:
    assert usage_note([_usage()], 0.95).startswith("One training; 40 test sequences. Effective experts 3.90 of 4")
    note = usage_note([_usage(), _usage(), _usage(collapsed=True)], 0.95)
    # 3.9, 3.9 and 1.2: mean 3, standard deviation 1.559; 4.303 of them / sqrt(3).
    assert "3 trainings, means with 95% intervals over them" in note
    assert "Effective experts 3.00 [-0.87, 6.87] of 4 (1 gates have COLLAPSED)" in note


def test_clusters_too_small_for_a_gradient_are_marked() -> None:
    with figure_style():
        some, none = draw_clusters(_profiles(), 1000, TITLE), draw_clusters(_profiles(), 1, TITLE)
    assert "below 1000, no gradient" in some.axes[0].get_xlabel()
    assert none.axes[0].get_xlabel() == "Training sequences"
    assert len({bar.get_facecolor() for bar in some.axes[0].patches}) == 2
