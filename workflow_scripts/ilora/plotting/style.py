"""Style of all figures, and deterministic writing: the same drawing gives the same bytes."""

from __future__ import annotations

import io
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

#: The palette of Okabe and Ito, which is colour-blind safe.
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

#: Fill and text colours of adjacent areas. Neighbours differ in lightness, so they remain distinct in greyscale.
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

#: Formats of a picture.
FORMATS = ("svg", "pdf", "png")

# Without these, matplotlib writes the time and its own version.
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the common style inside the block, and restore matplotlib's settings afterwards."""
    import matplotlib  # slow, and declarations are read whenever Snakemake plans

    with matplotlib.rc_context(_PARAMETERS):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` x `height` inches with a constrained layout."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, paths: Mapping[str, str | os.PathLike[str]]) -> None:
    """Write the figure atomically in each format; call it inside `figure_style`.

    Args:
        figure: figure to write.
        paths: path by format: "svg", "pdf" or "png" (300 dots per inch).

    Raises:
        KeyError: if a format is unknown.
    """
    for file_format, path in paths.items():
        metadata = _METADATA[file_format]
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=file_format, metadata=metadata)


def svg_text(figure: Figure) -> str:
    """Return the figure as SVG; call it inside `figure_style`."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=_METADATA["svg"])
    return text.getvalue()


def fills(areas: int) -> tuple[tuple[str, str], ...]:
    """Return fill and text colour of each area.

    Raises:
        ValueError: if there are more areas than colours in the palette.
    """
    if areas > len(FILLS):
        raise ValueError(f"found {areas} experts; the palette has colours for {len(FILLS)}.")
    return FILLS[:areas]
