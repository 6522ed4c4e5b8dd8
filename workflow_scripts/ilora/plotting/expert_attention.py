"""The experts' weights of a few sequences as stacked bars (Figure 3c of arXiv 2408.10159)."""

import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ilora.plotting.style import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
    YELLOW,
    new_figure,
)

# Neighbours in a bar differ in lightness, so that they stay apart in grey too. With each, its text colour.
_FILLS = (
    (BLUE, "white"),
    (ORANGE, BLACK),
    (GREEN, "white"),
    (YELLOW, BLACK),
    (VERMILLION, "white"),
    (SKY_BLUE, BLACK),
    (GREY, "white"),
    (PURPLE, BLACK),
)

#: Weights below this are drawn without their number, for which the segment is too narrow.
SMALLEST_NUMBER = 0.115


def draw_expert_attention(drawn: pa.Table, title: str) -> Figure:
    """Return the figure: a bar per sequence, in the table's order from the top.

    Args:
        drawn: of the schema EXPERT_ATTENTION, from `ilora.analysis.expert_attention.select_expert_attention`.
        title: which method, data set, backbone and seed these are.

    Raises:
        ValueError: there are more experts than the palette has colours.
    """
    weights = drawn.to_pandas().pivot(index="sequence_id", columns="expert", values="weight")
    fills = expert_fills(len(weights.columns))
    figure = new_figure(COLUMN_WIDTH, 1.15 + 0.19 * len(weights))
    axes = figure.add_subplot()
    left = 0.0 * weights.iloc[:, 0].to_numpy()
    for (expert, column), (fill, text) in zip(weights.items(), fills, strict=True):
        widths = column.to_numpy()
        axes.barh(range(len(weights)), widths, left=left, color=fill, height=0.78, label=f"expert {expert + 1}")
        _write_numbers(axes, left, widths, text)
        left = left + widths
    axes.set_yticks(range(len(weights)), [str(sequence) for sequence in weights.index])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(r"Expert weight $\omega_k$ (they sum to 1)")
    axes.set_ylabel("Test sequence (id)")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=min(4, len(weights.columns)), handlelength=0.9, columnspacing=1.0)
    return figure


def expert_fills(experts: int) -> tuple[tuple[str, str], ...]:
    """Return the colour of each expert's area, with that of text on it.

    Raises:
        ValueError: there are more experts than the palette has colours.
    """
    if experts > len(_FILLS):
        raise ValueError(f"found {experts} experts; the palette has colours for {len(_FILLS)}.")
    return _FILLS[:experts]


def _write_numbers(axes: Axes, left: NDArray, widths: NDArray, colour: str) -> None:
    for place, (start, width) in enumerate(zip(left, widths, strict=True)):
        if width >= SMALLEST_NUMBER:
            axes.text(start + width / 2, place, f"{width:.2f}", color=colour, ha="center", va="center", fontsize=6)
