"""Synthetic users: HitRatio@1 by degree of contradiction, and iLoRA's gain by similarity of gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.negative_transfer.schemas import SUMMARY
from ilora.plotting.method_styles import method_colour
from ilora.plotting.style import BLACK, DOUBLE_WIDTH, GREY, PURPLE, SKY_BLUE, VERMILION, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

LABELS = {
    "uniform": "LoRA",
    "instance_wise": "iLoRA",
    "shuffled_gate": "iLoRA, gates shuffled",
    "oracle_gate": "iLoRA, gate told the group",
    "one_per_group": "a LoRA for each group",
}

_COLOURS = {
    "uniform": method_colour("llara"),
    "instance_wise": method_colour("ilora"),
    "shuffled_gate": PURPLE,
    "oracle_gate": SKY_BLUE,
    "one_per_group": BLACK,
}
_MARKERS = {"uniform": "o", "instance_wise": "s", "shuffled_gate": "v", "oracle_gate": "^", "one_per_group": "D"}
_PROMPTS = {"hidden": "group hidden from the prompt", "named": "group named in the prompt"}
_FILLS = {"hidden": VERMILION, "named": "white"}

#: Shift between two methods at one degree.
_DODGE = 0.012


def draw_negative_transfer(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: a row of panels for each evaluated step.

    Args:
        drawn: of schema `ilora.negative_transfer.schemas.SUMMARY`.
    """
    frame = drawn.to_pandas()
    hits = frame[frame["quantity"] == "hit_ratio@1"]
    steps = sorted(hits["step"].unique())
    figure = new_figure(DOUBLE_WIDTH, 0.9 + 1.75 * len(steps))
    panels = figure.subplots(len(steps), 3, squeeze=False, sharex="col", width_ratios=(1.0, 1.0, 0.9))
    for row, step in enumerate(steps):
        for column, (prompt, label) in enumerate(_PROMPTS.items()):
            axes = panels[row, column]
            _draw_hits(axes, hits[(hits["step"] == step) & (hits["group_in_prompt"] == prompt)])
            axes.set_title(label if row == 0 else "")
            axes.set_ylim(-0.03, 1.05)
        panels[row, 0].set_ylabel(f"HitRatio@1, step {step:.0f}")
        _draw_gain(panels[row, 2], frame, step)
    panels[0, 2].set_title("gain and gradients")
    for axes in panels[-1, :2]:
        axes.set_xlabel("Share of items with contradicting rules")
    panels[-1, 2].set_xlabel("Cosine of the groups' gradients")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    more, names = panels[0, 2].get_legend_handles_labels()
    figure.legend(handles + more, labels + names, loc="outside lower center", ncols=4, columnspacing=1.0)
    seeds = int(hits["seeds"].max())
    title = (
        _finding(frame)
        + f"Synthetic users in contradicting groups, mean over {seeds} seed{'s' * (seeds > 1)} with interval"
    )
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _finding(frame: pd.DataFrame) -> str:
    """Return a line for the title if the gain at the highest degree is above 0 over several seeds."""
    gains = frame[(frame["quantity"] == "gain") & (frame["method"] == "instance_wise")]
    last = gains[(gains["step"] == gains["step"].max()) & (gains["degree"] == gains["degree"].max())]
    ahead = [str(prompt) for prompt, rows in last.groupby("group_in_prompt") if (rows["low"] > 0).all()]
    if frame["seeds"].max() == 1 or not ahead:
        return ""
    return f"Instance-wise LoRA is ahead of uniform LoRA where the group is {' or '.join(ahead)}\n"


def _draw_hits(axes: Axes, rows: pd.DataFrame) -> None:
    for number, (method, label) in enumerate(LABELS.items()):
        of_method = rows[rows["method"] == method].sort_values("degree")
        places = of_method["degree"] + _DODGE * (number - (len(LABELS) - 1) / 2)
        axes.vlines(places, of_method["low"], of_method["high"], color=_COLOURS[method], linewidth=0.9)
        axes.plot(
            places,
            of_method["value"],
            color=_COLOURS[method],
            linewidth=0.7,
            marker=_MARKERS[method],
            markersize=2.8,
            label=label,
        )


def _draw_gain(axes: Axes, frame: pd.DataFrame, step: int) -> None:
    """Draw the gain of iLoRA over uniform LoRA against the similarity of gradients, a mark for each degree."""
    keys = ["group_in_prompt", "degree"]
    of_method = (frame["quantity"] == "gain") & (frame["method"] == "instance_wise") & (frame["step"] == step)
    similarities = frame[frame["quantity"] == "similarity"]
    marks = frame[of_method].merge(similarities, on=keys, suffixes=("", "_of_gradients"))
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    for prompt, fill in _FILLS.items():
        rows = marks[marks["group_in_prompt"] == prompt]
        axes.vlines(rows["value_of_gradients"], rows["low"], rows["high"], color=VERMILION, linewidth=0.9)
        axes.hlines(rows["value"], rows["low_of_gradients"], rows["high_of_gradients"], color=VERMILION, linewidth=0.9)
        axes.plot(
            rows["value_of_gradients"],
            rows["value"],
            linestyle="none",
            marker="s",
            markersize=3.5,
            markerfacecolor=fill,
            markeredgecolor=VERMILION,
            label=f"iLoRA − LoRA, group {prompt}",
        )
    axes.set_ylabel("Gain of iLoRA over LoRA")


def _caption(study: Study, wildcards: Wildcards) -> str:
    synthetic = study.config.negative_transfer
    return (
        "Whether contradicting users harm a shared LoRA, and whether instance-wise LoRA removes the harm: synthetic "
        f"users in {synthetic.groups} groups over one pool of {synthetic.items} items. A user's next item follows from "
        "the last one by a rule that all groups share on some items and that differs between groups on the rest; the "
        "horizontal axis is the share of such contested items. Left: nothing in the prompt reveals the group, so a "
        "gate that reads the representation has information that uniform LoRA lacks. Middle: the prompt names the "
        "group, so that every method knows it, and a difference is negative transfer itself: groups pull the same "
        "weights in different directions. A LoRA for each group is the upper bound, shuffled gates are the control. "
        "Right: the gain of instance-wise LoRA against the mean cosine of the groups' gradients, taken early in the "
        "training of a uniform LoRA, one mark for each degree.\n\n"
        "A small Llama that knows the items and no group's rule is tuned by LoRA of rank "
        f"{synthetic.r}, uniform or instance-wise with an expert for each group, and predicts the next item among all "
        f"({synthetic.test_sequences} test sequences for each seed). Lines are {captions.confidence(study)} intervals "
        "over seeds (Student's t)."
    )


def _make(given: Given) -> Drawing:
    drawn = read_table(given.inputs["summary"], SUMMARY)
    return Drawing(drawn, draw_negative_transfer(drawn))


FIGURE = Figure(
    path="negative_transfer",
    inputs=lambda study: {"summary": study.layout.negative_transfer},
    caption=_caption,
    labels=lambda study: {
        "figure": "negative transfer",
        "data set": "synthetic",
        "backbone": "a Llama of two layers",
    },
    wildcards=lambda study: [{}] if study.config.negative_transfer.degrees else [],
    make=_make,
)
