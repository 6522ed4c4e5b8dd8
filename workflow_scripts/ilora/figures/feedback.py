"""A simulated feedback loop: hit rate, coverage, concentration and regret by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.feedback.schemas import SUMMARY
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.method_styles import method_colour
from ilora.plotting.style import DOUBLE_WIDTH, GREY, new_figure
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

LABELS = {
    "oracle": "oracle, which knows the users",
    "popularity": "popularity",
    "sasrec": "SASRec",
    "uniform": "LoRA",
    "instance_wise": "iLoRA",
}

_COLOURS = {
    "oracle": GREY,
    "popularity": method_colour("popularity"),
    "sasrec": method_colour("sasrec"),
    "uniform": method_colour("llara"),
    "instance_wise": method_colour("ilora"),
}

_SOLID, _DASHED = "-", (0, (3, 1.5))


def draw_feedback(drawn: pa.Table) -> MatplotlibFigure:
    """Return the figure: four panels by round.

    Args:
        drawn: of schema `ilora.feedback.schemas.SUMMARY`.
    """
    from matplotlib.ticker import MaxNLocator  # slow, and declarations are read whenever Snakemake plans

    frame = drawn.to_pandas()
    of_all = frame[frame["group"].isna()]
    figure = new_figure(DOUBLE_WIDTH, 4.6)
    panels = figure.subplots(2, 2, sharex=True)
    (hits, told), (catalogue, regret) = panels
    _draw(hits, of_all, "hit_ratio@1")
    hits.set_ylabel("HitRatio@1 by true taste")
    _draw(told, of_all, "relevance")
    _draw(told, of_all, "click_rate", _DASHED)
    told.set_ylabel("Of a shown item")
    told.set_title("liked (solid), clicked on in the log (dashed)")
    _draw(catalogue, of_all, "gini")
    _draw(catalogue, of_all, "coverage", _DASHED)
    catalogue.set_ylabel("Of the catalogue")
    catalogue.set_title("Gini of exposures (solid), coverage (dashed)")
    _draw(regret, frame[frame["group"] == frame["group"].min()], "regret")
    _draw(regret, frame[frame["group"] == frame["group"].max()], "regret", _DASHED)
    regret.set_ylabel("Regret, clicks per visit")
    regret.set_title("first group (solid), last group (dashed)")
    for axes in panels[1]:
        axes.set_xlabel("Round of retraining")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = hits.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), columnspacing=1.0)
    seeds = int(frame["seeds"].max())
    title = f"A simulation, no real users: recommend, click, retrain; mean over {seeds} seed{'s' * (seeds > 1)}"
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, quantity: str, style: object = _SOLID) -> None:
    """Draw a line for each method, with a band where there is an interval."""
    for method, label in LABELS.items():
        of_method = rows[(rows["quantity"] == quantity) & (rows["method"] == method)].sort_values("round")
        colour = _COLOURS[method]
        axes.plot(of_method["round"], of_method["value"], color=colour, linestyle=style, linewidth=1.0, label=label)
        banded = of_method.dropna(subset=["low", "high"])
        axes.fill_between(
            banded["round"], banded["low"].astype(float), banded["high"].astype(float), color=colour, alpha=0.15, lw=0
        )


def _caption(study: Study, wildcards: Wildcards) -> str:
    section, synthetic = study.config.feedback, study.config.negative_transfer
    shares = ", ".join(f"{share:.0%}" for share in section.group_shares)
    examined = ", ".join(f"{probability:g}" for probability in section.examination)
    start = "the weights of the round before" if section.retraining == "warm_start" else "untrained weights"
    return (
        "How recommendations, diversity and fairness change when methods are retrained on clicks on their own "
        "recommendations: a simulation without real users. HitRatio@1, relevance and regret are measured by the users' "
        "true taste, not by clicks. Regret is the number of expected clicks that a visit loses against the oracle, for "
        "the first and the last group. Coverage and Gini count the slates that a method chose, without random ones. "
        "The oracle knows every taste; it neither explores nor learns.\n\n"
        f"{section.users} users in {synthetic.groups} groups ({shares}) choose among {synthetic.items} items; the "
        f"groups contradict each other on {section.degree:.0%} of the items. In each round every user visits once, is "
        f"shown {len(section.examination)} items, examines the positions with probability {examined}, and clicks on an "
        f"examined item that is liked (probability {section.relevance_of_next:g} for the item that the group's rule "
        f"names, {section.relevance_of_others:g} for any other). Slates are random in round 0, and in "
        f"{section.exploration:.0%} of the visits of later rounds. Between rounds a method is retrained on the clicks "
        f"of all rounds so far, from {start}; an item's rules change with probability {section.taste_drift:g}. The "
        f"group is {section.group_in_prompt} in the prompt, which SASRec reads too. Bands are "
        f"{captions.confidence(study)} intervals over seeds (Student's t), where there are several. docs/feedback.md "
        "lists the assumptions."
    )


def _make(given: Given) -> Drawing:
    drawn = read_table(given.inputs["summary"], SUMMARY)
    return Drawing(drawn, draw_feedback(drawn))


FIGURE = Figure(
    path="feedback",
    inputs=lambda study: {"summary": study.layout.feedback},
    caption=_caption,
    labels=lambda study: {
        "figure": "feedback, simulated",
        "data set": "synthetic",
        "backbone": "a Llama of two layers",
    },
    wildcards=lambda study: [{}] if study.config.feedback.rounds else [],
    make=_make,
)
