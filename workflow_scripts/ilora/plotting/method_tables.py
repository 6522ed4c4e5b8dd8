"""Tables of a page, with a heading for each method and a line for each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ilora.plotting.html_page import Row, html_table, section
from ilora.plotting.labels import method_label


def method_table(
    headers: Sequence[str], rows: Sequence[Mapping[str, Any]], cells: Callable[[Mapping[str, Any]], list[str]]
) -> str:
    """Return the table as HTML.

    Args:
        headers: headers of the columns.
        rows: rows with the columns method, seeds and covers; the rows of a method are contiguous.
        cells: function from a row to its cells.
    """
    lines: list[Row] = []
    for row in rows:
        heading = f"{method_label(row['method'])}: {row['seeds']} run{'s' * (row['seeds'] > 1)}"
        if heading not in lines:
            lines.append(heading)
        lines.append(cells(row))
    return html_table(headers, lines)


def metric_sections(
    headers: Sequence[str], rows: Sequence[Mapping[str, Any]], cells: Callable[[Mapping[str, Any]], list[str]]
) -> str:
    """Return a section for each metric with its `method_table`, as HTML; the rows also have the column metric."""
    from ilora.evaluation.metrics import metric_label  # slow, and declarations are read whenever Snakemake plans

    return "".join(
        section(metric_label(metric), method_table(headers, [row for row in rows if row["metric"] == metric], cells))
        for metric in dict.fromkeys(row["metric"] for row in rows)
    )
