"""The figures of a sweep show every cell that was measured, and of the paper only what it states."""

from typing import Any

import pyarrow as pa
import pytest
from matplotlib.container import ErrorbarContainer

from ilora.evaluation.schemas import SWEEP, SWEEP_CURVES
from ilora.figures.sweep import draw_sweep, select_sweep
from ilora.figures.sweep_by_epoch import draw_sweep_by_epoch, select_sweep_by_epoch
from ilora.plotting.labels import swept_value_label
from ilora.plotting.style import figure_style
from ilora.plotting.sweep_reference import stated_improvement

CELLS = [("ilora", "1"), ("ilora", "2"), ("ilora", "4"), ("ilora", "8"), ("llara", None)]
TITLE = "Number of experts; MovieLens, language model: embedded\nEXPLORATORY: one training, steps 700"


def labels(method: str, setting: str | None, dataset: str) -> dict[str, Any]:
    return {
        "sweep": "experts",
        "dataset": dataset,
        "protocol": "random_users",
        "backbone": "embedded",
        "method": method,
        "parameter": "experts",
        "setting": setting,
        "variant": f"experts~{setting}",
        "is_reference": setting == "4",
        "seeds": 3,
        "covers": "users and trainings",
        "n": 95,
        "draws": 10,
        "confidence": 0.95,
    }


def sweep(dataset: str = "movielens") -> pa.Table:
    rows = []
    for number, (method, setting) in enumerate(CELLS):
        for split in ("val", "test", "val_test"):
            for metric in ("hit_ratio@1", "valid_ratio"):
                value = 0.3 + 0.01 * number + (0.02 if split == "val" else 0)
                row = labels(method, setting, dataset) | {"split": split, "metric": metric, "sd": 0.01}
                row |= {"value": value, "low": value - 0.06, "high": value + 0.06}
                if setting != "4":
                    row |= {"difference": 0.01, "difference_low": -0.02, "difference_high": 0.04}
                    row |= {"improvement": 4.0, "improvement_low": -9.0, "improvement_high": 17.0}
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=SWEEP)


def curves() -> pa.Table:
    rows = []
    for number, (method, setting) in enumerate(CELLS):
        for split in ("val", "test", "val_test"):
            for step in (175, 350, 700):
                value = 0.1 * number + step / 2000
                interval = {"value": value, "low": value - 0.05, "high": value + 0.05}
                place = {"step": step, "epoch": step / 1000, "split": split}
                rows.append(labels(method, setting, "movielens") | place | interval)
    return pa.Table.from_pylist(rows, schema=SWEEP_CURVES)


def test_every_cell_is_drawn_with_its_interval() -> None:
    drawn = select_sweep(sweep()).to_pylist()
    measured = [row for row in drawn if row["source"] == "measured"]
    ratios = [row for row in measured if row["quantity"] == "hit_ratio@1"]
    assert len(ratios) == 2 * len(CELLS) and all(row["low"] < row["value"] < row["high"] for row in ratios)
    assert len(measured) - len(ratios) == 2 * (len(CELLS) - 1)


def test_an_improvement_without_interval_is_left_out() -> None:
    """Too few users hit by the other row: the percentage would be far off, and nothing would show by how much."""
    rows = sweep().to_pylist()
    for row in rows:
        if row["method"] == "llara" and row["split"] == "test":
            row |= {"improvement": 2400.0, "improvement_low": None, "improvement_high": None}
    drawn = select_sweep(pa.Table.from_pylist(rows, schema=SWEEP)).to_pylist()
    of_llara = [(row["marker"], row["value"]) for row in drawn if row["method"] == "llara"]
    assert ("val", 4.0) in of_llara and ("test", 2400.0) not in of_llara


@pytest.mark.parametrize(("dataset", "stated"), [("lastfm", 5.2), ("movielens", 6.4), ("steam", 2.2)])
def test_the_paper_states_four_experts_over_two_and_over_llara(dataset: str, stated: float) -> None:
    paper = [row for row in select_sweep(sweep(dataset)).to_pylist() if row["source"] == "paper (Llama-2-7B)"]
    assert [(row["method"], row["setting"]) for row in paper] == [("ilora", "2"), ("llara", None)]
    assert paper[0]["value"] == stated and paper[0]["low"] is None


@pytest.mark.parametrize(
    ("dataset", "protocol", "parameter", "reference", "method", "setting"),
    [
        ("books", "random_users", "experts", "4", "ilora", "2"),
        ("steam", "chronological", "experts", "4", "ilora", "2"),
        ("steam", "random_users", "experts", "4", "ilora", "8"),
        ("steam", "random_users", "experts", "8", "ilora", "2"),
        ("steam", "random_users", "r", "8", "llara", "16"),
        ("steam", "random_users", "gate_input", "sequence_representation", "ilora", "shuffled"),
    ],
)
def test_the_paper_says_nothing_of_the_rest(
    dataset: str, protocol: str, parameter: str, reference: str, method: str, setting: str
) -> None:
    assert stated_improvement(dataset, protocol, parameter, reference, method, setting) is None


def test_the_rows_are_labelled_and_the_studys_own_is_bold() -> None:
    with figure_style():
        figure = draw_sweep(select_sweep(sweep()), TITLE)
    texts = figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in texts] == [
        "iLoRA, K = 1",
        "iLoRA, K = 2",
        "iLoRA, K = 4",
        "iLoRA, K = 8",
        "LLaRA",
    ]
    assert [text.get_fontweight() for text in texts] == ["normal", "normal", "bold", "normal", "normal"]
    assert figure.get_suptitle() == TITLE
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["test, with interval", "validation, with interval", "paper (Llama-2-7B)"]


def test_a_curve_per_cell_and_split() -> None:
    drawn = select_sweep_by_epoch(curves())
    assert set(drawn["split"].to_pylist()) == {"val", "test"}
    with figure_style():
        figure = draw_sweep_by_epoch(drawn, TITLE)
    assert [axes.get_title() for axes in figure.axes] == ["Validation users", "Test users"]
    for axes in figure.axes:
        drawn_curves = [bars for bars in axes.containers if isinstance(bars, ErrorbarContainer)]
        assert [len(bars[0].get_xdata()) for bars in drawn_curves] == [3] * len(CELLS)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["iLoRA, K = 1", "iLoRA, K = 2", "iLoRA, K = 4", "iLoRA, K = 8", "LLaRA"]


@pytest.mark.parametrize(
    ("parameter", "value", "label"),
    [
        ("experts", "4", "K = 4"),
        ("scale", "per_expert_rank", "α / (r / K)"),
        ("sequence_encoder", "gru4rec", "GRU4Rec"),
        ("gate_input", "sequence_representation", "sequence representation"),
        ("preset", "null", "as in the study"),
        ("dropout", "0.1", "0.1"),
    ],
)
def test_values_read_well(parameter: str, value: str, label: str) -> None:
    assert swept_value_label(parameter, value) == label
