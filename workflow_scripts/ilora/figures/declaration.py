"""The declaration FIGURE of each other module of this package; docs/adding_a_figure.md explains how to add one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ilora.layout import FIGURES
from ilora.reporting.declaration import Declaration, Given, declarations, declared

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure as MatplotlibFigure

#: Formats of a figure; the last one holds the numbers that it shows.
FORMATS = ("svg", "pdf", "png", "parquet")


class Drawing(NamedTuple):
    """A figure and the numbers that it shows."""

    drawn: pa.Table
    figure: MatplotlibFigure


@dataclass(frozen=True, kw_only=True)
class Figure(Declaration):
    """A figure; `make` is called in the common figure style."""

    make: Callable[[Given], Drawing]
    folder: str = FIGURES
    formats: tuple[str, ...] = FORMATS
    category: str = "Figures"


def figures() -> dict[str, Figure]:
    """Return every figure, by name."""
    return declarations("ilora.figures", "FIGURE")


def figure(name: str) -> Figure:
    """Return one figure."""
    return declared("ilora.figures", "FIGURE", name)
