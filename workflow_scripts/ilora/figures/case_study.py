"""Two pairs of sequences with their items, genres and links (Figure 1 of arXiv 2408.10159, right)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

from ilora.analysis.genres import item_genres
from ilora.analysis.schemas import CLUSTERS, GRADIENT_GRAMS, HIGH, IDENTICAL_LINK, LOW, SIMILAR_LINK
from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import method_label, setting_label, two_decimals
from ilora.plotting.style import (
    BLACK,
    BLUE,
    DOUBLE_WIDTH,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    YELLOW,
    new_figure,
)
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.sources import clusters_of_first_seed, of_dataset, with_gradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.lines import Line2D

    from ilora.study.study import Study

#: Colours of the most frequent genres; all others are grey.
_GENRE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY_BLUE, YELLOW)

#: Longer titles are truncated.
TITLE_LENGTH = 27

#: Number of genre marks for a title.
GENRE_MARKS = 3

_LINES: dict[str, tuple[Literal["solid", "dashed"], str]] = {
    IDENTICAL_LINK: ("solid", BLACK),
    SIMILAR_LINK: ("dashed", GREY),
}
_HEADINGS = {HIGH: "Most similar gradients", LOW: "Least similar gradients"}

# Inner edge of the titles on each side, as a share of the panel's width; marks and links lie between them.
_TITLE_EDGE = (0.40, 0.60)
_LINK_EDGE = (0.47, 0.53)
_MARK_STEP = 0.02


def draw_case_study(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a panel for each pair, with the histories (oldest first) and the next item below.

    Args:
        drawn: of schema `ilora.analysis.schemas.CASE_STUDY`; an empty table gives a figure with a notice.
        title: method, seed, data set and backbone.
    """
    frame = drawn.to_pandas()
    if frame.empty:
        return _empty(title)
    rows = int(frame["place"].max()) + 1
    figure = new_figure(DOUBLE_WIDTH, 1.2 + 0.155 * rows)
    colours = _genre_colours(frame)
    for axes, (name, heading) in zip(figure.subplots(1, 2), _HEADINGS.items(), strict=True):
        _draw_pair(axes, frame[frame["pair"] == name], heading, colours, rows)
    _add_legend(figure, colours, frame)
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _draw_pair(axes: Axes, pair: pd.DataFrame, heading: str, colours: dict[str, str], rows: int) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(rows + 0.6, -2.3)
    axes.text(
        0.5, -1.9, f"{heading}: cosine {two_decimals(pair['similarity'].iloc[0])}", ha="center", va="center", fontsize=8
    )
    for side, items in pair.groupby("side"):
        _draw_side(axes, int(str(side)), items, colours)
    heights_on_the_right = {item["place"]: _height(item) for _, item in pair[pair["side"] == 1].iterrows()}
    for _, item in pair[(pair["side"] == 0) & pair["link"].notna()].iterrows():
        style, colour = _LINES[item["link"]]
        heights = (_height(item), heights_on_the_right[int(item["linked_to"])])
        axes.plot(_LINK_EDGE, heights, linestyle=style, color=colour, linewidth=0.8)


def _draw_side(axes: Axes, side: int, items: pd.DataFrame, colours: dict[str, str]) -> None:
    alignment, outwards = ("right", -1) if side == 0 else ("left", 1)
    first = items.iloc[0]
    name = f"user {first['user_id']}, cluster {first['cluster'] + 1}"
    axes.text(_TITLE_EDGE[side], -0.9, name, ha=alignment, va="center", fontsize=6, color=GREY)
    for _, item in items.iterrows():
        weight = "bold" if item["is_target"] else "normal"
        text = _shortened(("next: " if item["is_target"] else "") + item["title"])
        # A dollar sign would start a formula.
        axes.text(
            _TITLE_EDGE[side],
            _height(item),
            text.replace("$", r"\$"),
            ha=alignment,
            va="center",
            fontsize=6,
            fontweight=weight,
        )
        known = sorted(
            item["genres"], key=lambda genre: list(colours).index(genre) if genre in colours else len(colours)
        )
        for number, genre in enumerate(known[:GENRE_MARKS]):
            place = _LINK_EDGE[side] + outwards * (0.015 + _MARK_STEP * number)
            axes.plot(place, _height(item), "s", color=colours.get(genre, GREY), markersize=2.8)


def _height(item: pd.Series) -> float:
    """Return the height of an item; targets are set apart from the history."""
    return float(item["place"]) + (0.4 if item["is_target"] else 0.0)


def _shortened(title: str) -> str:
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1].rstrip() + "…"


def _genre_colours(frame: pd.DataFrame) -> dict[str, str]:
    counts = Counter(genre for genres in frame["genres"] for genre in genres)
    frequent = sorted(counts, key=lambda genre: (-counts[genre], genre))[: len(_GENRE_COLOURS)]
    return dict(zip(frequent, _GENRE_COLOURS, strict=False))


def _add_legend(figure: MatplotlibFigure, colours: dict[str, str], frame: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    handles = [_mark(colour, genre) for genre, colour in colours.items()]
    if {genre for genres in frame["genres"] for genre in genres} - set(colours):
        handles.append(_mark(GREY, "other genre"))
    words = {IDENTICAL_LINK: "same item", SIMILAR_LINK: "similar genres"}
    handles += [
        Line2D([], [], color=colour, linestyle=style, linewidth=0.8, label=words[link])
        for link, (style, colour) in _LINES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, handletextpad=0.4, columnspacing=1.2)


def _mark(colour: str, label: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker="s", linestyle="none", markersize=3.5, label=label)


def _empty(title: str) -> MatplotlibFigure:
    figure = new_figure(DOUBLE_WIDTH, 0.8)
    figure.text(
        0.01, 0.3, "No two training sequences of different users fulfil the rule of the case study.", fontsize=8
    )
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _method(study: Study) -> str:
    """Return the method whose gradients are compared: uniform LoRA, as in the paper, if the study has it."""
    return next(iter(study.gradient_methods), "llara")


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"method": _method(study), "seed": study.config.seeds[0], "backbone": study.backbone_id}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"What two pairs of training sequences of {wildcards['dataset']} with the most and the least similar gradients "
        "have in common. Squares are genres, solid lines join the same item, and dashed lines join items that share at "
        f"least half of their genres. Similarity is the mean cosine of {_method(study)}'s gradients over modules and "
        f"checkpoints (backbone ``{study.backbone_id}``, protocol {study.config.protocol}, seed "
        f"{study.config.seeds[0]}). The pairs are chosen from {study.config.analysis.case_study_sequences} sequences "
        "of different users and of all clusters, each with more than three items of one genre in its history, as in "
        "the paper's Figure 1; pairs with the same next item are left out. The figure illustrates and does not test: "
        "among so many pairs, the extremes are partly due to chance."
    )


def _make(given: Given) -> Drawing:
    from ilora.analysis.case_study import case_study_table, choose_pairs, single_similarities

    settings, inputs = given.settings, given.inputs
    sequences, items = read_table(inputs["sequences"], SEQUENCES), read_table(inputs["catalogue"], ITEMS)
    sequence_ids, similarity = single_similarities([read_table(path, GRADIENT_GRAMS) for path in inputs["grams"]])
    pairs = choose_pairs(sequence_ids, similarity, sequences["target"].to_numpy())
    genres = item_genres(items["metadata"].to_pylist())
    clusters = read_table(inputs["clusters"], CLUSTERS)
    drawn = case_study_table(pairs, sequences, clusters, items["title"].to_pylist(), genres)
    setting = setting_label(given.wildcards["dataset"], settings["backbone"])
    heading = f"Gradients of single sequences: {method_label(settings['method'])}, seed {settings['seed']}"
    return Drawing(drawn, draw_case_study(drawn, f"{heading}\n{setting}"))


FIGURE = Figure(
    path="{dataset}/case_study",
    inputs=lambda study: {
        "grams": lambda wildcards: study.targets.gradients_of(
            _method(study), wildcards["dataset"], study.config.seeds[:1]
        ),
        "clusters": clusters_of_first_seed(study, study.layout.clusters),
        "catalogue": of_dataset(study, study.layout.items),
        "sequences": of_dataset(study, study.layout.sequences),
    },
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "case study", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=with_gradients,
    make=_make,
)
