"""The look of every figure, and how figures are written: the same drawing gives the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ilora.artifacts.writing import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Widths of a figure in a two-column paper, in inches.
COLUMN_WIDTH = 3.3
DOUBLE_WIDTH = 7.0

#: The palette of Okabe and Ito, which stays apart under the common forms of colour blindness.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"

_PARAMETERS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "svg.hashsalt": "ilora",
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}

#: Colours of areas that stand beside each other, and of the text on them. Neighbours differ in lightness, so that they
#: stay apart in grey too.
FILLS = (
    (BLUE, "white"),
    (ORANGE, BLACK),
    (GREEN, "white"),
    (YELLOW, BLACK),
    (VERMILION, "white"),
    (SKY_BLUE, BLACK),
    (GREY, "white"),
    (PURPLE, BLACK),
)

#: The formats of a picture.
FORMATS = ("svg", "pdf", "png")

# What matplotlib would otherwise write of the time and of its own version.
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the common style inside the block; matplotlib's settings are restored after it."""
    import matplotlib  # here and below: figures are declared wherever Snakemake plans, and drawn in few processes

    with matplotlib.rc_context(_PARAMETERS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` x `height` inches that fits its contents inside itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Mapping[str, str | os.PathLike[str]]) -> None:
    """Write the figure atomically in each format; call it inside `figure_style`.

    Args:
        figure: what to write.
        paths: file by format: "svg", "pdf" or "png" (300 dots per inch).

    Raises:
        KeyError: another format.
    """
    for file_format, path in paths.items():
        metadata = _METADATA[file_format]
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=file_format, metadata=metadata)


def fills(areas: int) -> tuple[tuple[str, str], ...]:
    """Return the colour of each of so many areas, with that of text on it.

    Raises:
        ValueError: there are more than the palette has colours.
    """
    if areas > len(FILLS):
        raise ValueError(f"found {areas} experts; the palette has colours for {len(FILLS)}.")
    return FILLS[:areas]
