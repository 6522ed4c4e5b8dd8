import hashlib
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from ilora.evaluation.schemas import DIFFERENCES
from ilora.figures import hit_ratio, training_curves
from ilora.figures.expert_attention import draw_expert_attention, select_expert_attention
from ilora.figures.hit_ratio import draw_hit_ratio, select_hit_ratio
from ilora.figures.training_curves import draw_training_curves, select_training_curves
from ilora.plotting.backbone_size import Backbone
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.tables.table1.rows import build_table1

SIZES = {Backbone("movielens", "random_users", "embedded"): 1_100_000}
NO_DIFFERENCES = DIFFERENCES.empty_table()


def _gates(sequences: int = 30, experts: int = 4) -> pa.Table:
    weights = np.random.default_rng(0).dirichlet(np.ones(experts), size=sequences)
    identifiers = np.repeat(np.arange(90_000, 90_000 + sequences, dtype=np.int32), experts)
    return pa.table(
        {
            "sequence_id": identifiers,
            "split": ["val" if identifier % 3 == 0 else "test" for identifier in identifiers],
            "expert": np.tile(np.arange(experts, dtype=np.int32), sequences),
            "weight": weights.ravel(),
        }
    )


def _log(seed: int, floor: float = 0.5) -> pa.Table:
    generator = np.random.default_rng(seed)
    steps = np.arange(10, 4510, 10)
    loss = 2.0 * np.exp(-steps / 1500) + floor + generator.normal(scale=0.15, size=len(steps))
    losses = [*loss.tolist(), None]
    steps_of_rows = [*steps.tolist(), 4500]
    validation = pa.array([1.25 if step in (2000, 4000) else None for step in steps_of_rows], pa.float64())
    return pa.table({"step": steps_of_rows, "loss": losses, "validation_loss": validation})


@pytest.fixture
def draw(summary: pa.Table) -> dict[str, Callable[[], Figure]]:
    """Return functions that draw each figure from made-up data."""
    bars = select_hit_ratio(build_table1(summary, NO_DIFFERENCES, SIZES), "movielens", 20)
    floors = {"llara": 0.7, "ilora": 0.5}
    runs = [(method, seed, _log(seed, floors[method])) for method in floors for seed in (1, 2)]
    curves = select_training_curves(runs)
    attention = select_expert_attention(_gates(), 10, 0)
    return {
        "hit_ratio": lambda: draw_hit_ratio(bars),
        "training_curves": lambda: draw_training_curves(curves, "MovieLens, language model: embedded"),
        "expert_attention": lambda: draw_expert_attention(attention, "iLoRA on MovieLens"),
    }


@pytest.mark.parametrize("name", ["hit_ratio", "training_curves", "expert_attention"])
def test_a_figure_has_the_same_bytes_each_time(
    draw: dict[str, Callable[[], Figure]], name: str, tmp_path: Path
) -> None:
    digests = []
    for attempt in range(2):
        paths = {extension: tmp_path / f"{attempt}.{extension}" for extension in FORMATS}
        with figure_style():
            save_figure(draw[name](), paths)
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values()])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["hit_ratio", "training_curves", "expert_attention"])
def test_nothing_leaves_the_figure(draw: dict[str, Callable[[], Figure]], name: str) -> None:
    with figure_style():
        figure = draw[name]()
        figure.draw_without_rendering()
        drawn = figure.get_tightbbox()
    assert 0 <= drawn.x0 < drawn.x1 <= figure.get_figwidth()
    assert 0 <= drawn.y0 < drawn.y1 <= figure.get_figheight()
    assert figure.get_figwidth() == pytest.approx(3.3)


@pytest.mark.parametrize("name", ["hit_ratio", "training_curves", "expert_attention"])
def test_title_and_axis_names_do_not_overlap(draw: dict[str, Callable[[], Figure]], name: str) -> None:
    with figure_style():
        figure = draw[name]()
        figure.draw_without_rendering()
        axes = figure.axes[0]
        boxes = [label.get_window_extent() for label in (axes.xaxis.label, axes.yaxis.label)]
        title = next(text for text in figure.texts if text.get_text() == figure.get_suptitle())
    assert not title.get_window_extent().overlaps(boxes[0])
    assert not title.get_window_extent().overlaps(boxes[1])


def test_axes_are_named(draw: dict[str, Callable[[], Figure]]) -> None:
    with figure_style():
        axes = {name: figure().axes[0] for name, figure in draw.items()}
    assert axes["hit_ratio"].get_xlabel() == "HitRatio@1 (share of all answers)"
    assert axes["training_curves"].get_xlabel() == "Optimizer step"
    assert "nats" in axes["training_curves"].get_ylabel()
    assert "weight" in axes["expert_attention"].get_xlabel()


def test_the_style_ends_with_its_block() -> None:
    before = matplotlib.rcParams["font.size"]
    with figure_style():
        assert matplotlib.rcParams["font.size"] == 8
    assert matplotlib.rcParams["font.size"] == before


def test_hit_ratio_draws_both_splits_and_the_paper(summary: pa.Table) -> None:
    drawn = select_hit_ratio(build_table1(summary, NO_DIFFERENCES, SIZES), "movielens", 20)
    assert drawn.schema.equals(hit_ratio.DRAWN)
    rows = {(row["method"], row["marker"]): row for row in drawn.to_pylist()}
    assert rows["ilora", "test"]["value"] == 0.326
    assert rows["ilora", "val"]["value"] == 0.305
    assert rows["ilora", "paper"] | {"value": 0.5275, "source": "paper (Llama-2-7B)"} == rows["ilora", "paper"]
    assert rows["sasrec", "paper"]["source"] == "paper"
    assert ("markov", "paper") not in rows
    assert {row["chance"] for row in rows.values()} == {0.05}


def test_hit_ratio_refuses_a_data_set_without_rows(summary: pa.Table) -> None:
    with pytest.raises(ValueError, match=r"no row of the data set 'steam'; found \['movielens'\]"):
        select_hit_ratio(build_table1(summary, NO_DIFFERENCES, SIZES), "steam", 20)


def test_training_curves_are_smoothed_and_skip_rows_without_loss() -> None:
    drawn = select_training_curves([("ilora", 3, _log(3))])
    assert drawn.schema.equals(training_curves.DRAWN)
    assert drawn.num_rows == 450
    loss, smoothed = drawn["loss"].to_numpy(), drawn["smoothed_loss"].to_numpy()
    window = round(450 * training_curves.SMOOTHED_SHARE)
    middle = 200
    around = loss[middle - window // 2 : middle - window // 2 + window]
    assert smoothed[middle] == pytest.approx(around.mean())


def test_training_curves_have_the_validation_loss_where_it_was_measured() -> None:
    drawn = select_training_curves([("ilora", 3, _log(3))])
    assert [(row["step"], row["validation_loss"]) for row in drawn.to_pylist() if row["validation_loss"]] == [
        (2000, 1.25),
        (4000, 1.25),
    ]
    with figure_style():
        (axes,) = draw_training_curves(drawn, "MovieLens").axes
    dots = axes.get_lines()[-1]
    assert dots.get_marker() == "o" and np.array_equal(np.asarray(dots.get_xdata()), [2000, 4000])


def test_a_log_without_loss_is_refused() -> None:
    empty = pa.table({"step": [1], "loss": pa.array([None], pa.float64()), "validation_loss": [None]})
    with pytest.raises(ValueError, match="training log of ilora, seed 3, holds no loss"):
        select_training_curves([("ilora", 3, empty)])


def test_expert_attention_chooses_test_sequences_by_seed_alone() -> None:
    gates = _gates()
    first = select_expert_attention(gates, 10, 0)
    assert first.num_rows == 40
    splits = dict(zip(gates["sequence_id"].to_pylist(), gates["split"].to_pylist(), strict=True))
    assert {splits[identifier] for identifier in first["sequence_id"].to_pylist()} == {"test"}
    shuffled = gates.take(np.random.default_rng(1).permutation(gates.num_rows))
    assert select_expert_attention(shuffled, 10, 0).equals(first)
    assert not select_expert_attention(gates, 10, 1).equals(first)


def test_expert_attention_refuses_gates_that_do_not_hold() -> None:
    gates = _gates()
    with pytest.raises(ValueError, match="20 test sequences, expected at least 21"):
        select_expert_attention(gates, 21, 0)
    halved = gates.set_column(3, "weight", pa.array(gates["weight"].to_numpy() / 2))
    with pytest.raises(ValueError, match="sum to 0.5"):
        select_expert_attention(halved, 10, 0)
    twice = gates.set_column(2, "expert", pa.array(np.zeros(gates.num_rows, dtype=np.int32)))
    with pytest.raises(ValueError, match="each of the experts"):
        select_expert_attention(twice, 10, 0)


def test_expert_attention_refuses_more_experts_than_colours() -> None:
    drawn = select_expert_attention(_gates(experts=9), 5, 0)
    with pytest.raises(ValueError, match="9 experts"):
        draw_expert_attention(drawn, "iLoRA")
