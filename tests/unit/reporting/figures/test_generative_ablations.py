import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes

from ilora.evaluation.schemas import RANKING_ABLATIONS
from ilora.figures.generative_ablations import ablation_label, draw_ablations


def make_row(variant: str, split: str, value: float, difference: float | None) -> dict[str, object]:
    names = {"dataset": "movielens", "protocol": "chronological", "backbone": "", "method": "cofirec"}
    ends = {"low": value - 0.01, "high": value + 0.01, "sd": None}
    gaps = {"difference": difference}
    if difference is not None:
        gaps |= {"difference_low": difference - 0.01, "difference_high": difference + 0.01}
    counts = {"n": 943, "seeds": 1, "ranked_items": 1682.0, "confidence": 0.95, "covers": "users, one training"}
    shown = {"variant": variant, "split": split, "metric": "ndcg@10", "value": value}
    return {**names, **ends, **gaps, **counts, **shown}


def dots(axes: Axes) -> list[list[tuple[float, float]]]:
    """Return the places of the dots of each colour."""
    drawn = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    return [[tuple(place) for place in np.round(np.asarray(places), 6).tolist()] for places in drawn]


def test_each_run_has_a_row_and_each_ablation_how_far_the_own_run_is_above_it() -> None:
    rows = [
        *(make_row("default", split, 0.05, None) for split in ("test", "val")),
        *(make_row("order~random", split, 0.04, 0.01) for split in ("test", "val")),
    ]
    figure = draw_ablations(
        pa.Table.from_pylist(rows, schema=RANKING_ABLATIONS), {"order~random": "random order"}, "Ablations"
    )
    values, gaps = figure.axes
    labels = [(text.get_text(), text.get_fontweight()) for text in values.get_yticklabels()]
    assert labels == [("as in the study", "bold"), ("random order", "normal")]
    assert dots(values) == [[(0.05, 0.17), (0.04, -0.83)], [(0.05, -0.17), (0.04, -1.17)]]
    assert dots(gaps) == [[(0.01, -0.83)], [(0.01, -1.17)]]


def test_a_run_is_named_by_what_it_replaces() -> None:
    assert ablation_label({"levels": ["category", "title"]}) == "levels: category, title"
    assert ablation_label({"order": "fine_to_coarse", "level_embedding": False}) == (
        "order: fine to coarse, no level embedding"
    )
