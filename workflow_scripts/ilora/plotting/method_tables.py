"""Tables of a page with a heading for each method, and below it a line for each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ilora.plotting.html_page import Row, html_table
from ilora.plotting.labels import method_label


def method_table(
    headers: Sequence[str], rows: Sequence[Mapping[str, Any]], cells: Callable[[Mapping[str, Any]], list[str]]
) -> str:
    """Return the table as HTML.

    Args:
        headers: of the columns.
        rows: with the columns method, seeds and covers; those of a method together.
        cells: from a row to its cells.
    """
    lines: list[Row] = []
    for row in rows:
        heading = f"{method_label(row['method'])}: {row['seeds']} run{'s' * (row['seeds'] > 1)}"
        if heading not in lines:
            lines.append(heading)
        lines.append(cells(row))
    return html_table(headers, lines)
