from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ttest_1samp

from ilora.figures.negative_transfer import draw_negative_transfer
from ilora.negative_transfer.schemas import OUTCOMES, SIMILARITIES, SUMMARY
from ilora.negative_transfer.summary import QUANTITIES, summarise
from ilora.plotting.style import figure_style

GAINS = {(0.0, 1): 0.0, (0.0, 2): 0.02, (0.5, 1): 0.1, (0.5, 2): 0.2, (1.0, 1): 0.5, (1.0, 2): 0.4}


def tables() -> tuple[pa.Table, pa.Table]:
    outcomes: list[dict[str, Any]] = []
    similarities: list[dict[str, Any]] = []
    for (degree, seed), gain in GAINS.items():
        for prompt in ("hidden", "named"):
            task = {"degree": degree, "group_in_prompt": prompt, "seed": seed}
            for method, ratio in (("uniform", 0.4), ("instance_wise", 0.4 + gain)):
                row = {"method": method, "step": 100, "hit_ratio@1": ratio, "test_sequences": 10}
                outcomes.append(task | row)
            similarities.append(task | {"similarity": 0.5 - degree, "noise_ceiling": 0.6})
    return pa.Table.from_pylist(outcomes, OUTCOMES), pa.Table.from_pylist(similarities, SIMILARITIES)


def row(summary: pa.Table, **wanted: Any) -> dict[str, Any]:
    (found,) = [row for row in summary.to_pylist() if all(row[key] == value for key, value in wanted.items())]
    return dict(found)


def test_gains_are_paired_by_seed() -> None:
    summary = summarise(*tables(), confidence=0.95)
    assert summary.schema.equals(SUMMARY)
    assert set(summary["quantity"].to_pylist()) == set(QUANTITIES)
    gain = row(summary, quantity="gain", group_in_prompt="named", degree=0.5, method="instance_wise")
    expected = ttest_1samp([0.1, 0.2], 0).confidence_interval(0.95)
    assert gain["value"] == pytest.approx(0.15) and gain["seeds"] == 2
    assert (gain["low"], gain["high"]) == pytest.approx((expected.low, min(expected.high, 1.0)))
    assert row(summary, quantity="gain", group_in_prompt="named", degree=0.5, method="uniform")["value"] == 0


def test_gains_that_grow_as_gradients_disagree_have_a_negative_rank_correlation() -> None:
    found = row(summarise(*tables(), confidence=0.95), quantity="rank_correlation", group_in_prompt="hidden")
    assert (found["value"], found["method"], found["degree"]) == (pytest.approx(-1.0), "instance_wise", None)


def test_one_seed_has_no_interval() -> None:
    outcomes, similarities = (
        pa.Table.from_pylist([row for row in table.to_pylist() if row["seed"] == 1], table.schema) for table in tables()
    )
    found = row(
        summarise(outcomes, similarities, 0.95),
        quantity="hit_ratio@1",
        group_in_prompt="hidden",
        degree=1.0,
        method="instance_wise",
    )
    assert (found["value"], found["low"], found["seeds"]) == (pytest.approx(0.9), None, 1)


def test_the_figure_shows_what_the_table_says() -> None:
    summary = summarise(*tables(), confidence=0.95)
    with figure_style():
        figure = draw_negative_transfer(summary)
    hidden = figure.axes[0]
    (line,) = [line for line in hidden.lines if line.get_label() == "iLoRA"]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0.41, 0.55, 0.85])
    gains = figure.axes[2]
    (marks,) = [line for line in gains.lines if line.get_label() == "iLoRA − LoRA, group named"]
    assert sorted(np.asarray(marks.get_ydata()).tolist()) == pytest.approx([0.01, 0.15, 0.45])
    assert sorted(np.asarray(marks.get_xdata()).tolist()) == pytest.approx([-0.5, 0.0, 0.5])
