"""Tables as HTML pages that need no other file: nothing in them is fetched from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape

#: Begins a row that has one cell, over all columns.
Heading = str
Row = Sequence[str] | Heading


def html_page(title: str, body: str, notes: Iterable[str] = ()) -> str:
    """Return a page with a title, a body and notes below it.

    Args:
        title: of the page, as text.
        body: HTML elements, such as `html_table` gives.
        notes: as text.
    """
    listed = "".join(f"<li>{escape(note)}</li>\n" for note in notes)
    return _PAGE.format(title=escape(title), body=body, notes=f"<ul>\n{listed}</ul>\n" if listed else "")


def html_table(headers: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table element.

    Args:
        headers: of the columns, as text.
        rows: text of each cell; a line break in it stays one, and then nothing else breaks the cell's lines. A row
            that is a text alone is a heading over all columns.
    """
    head = "".join(_cell("th", header) for header in headers)
    body = "\n".join(f"<tr>{_row(row, len(headers))}</tr>" for row in rows)
    return f"<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


def section(title: str, *parts: str) -> str:
    """Return a headed part of a page's body.

    Args:
        title: as text.
        parts: HTML elements.
    """
    return f"<h2>{escape(title)}</h2>\n" + "".join(parts)


def paragraph(text: str) -> str:
    """Return text as an element."""
    return f"<p>{escape(text)}</p>\n"


def _row(row: Row, columns: int) -> str:
    if isinstance(row, str):
        return f'<th class="group" colspan="{columns}">{escape(row)}</th>'
    return "".join(_cell("td", cell) for cell in row)


def _cell(tag: str, text: str) -> str:
    lines = ' class="lines"' if "\n" in text else ""
    return f"<{tag}{lines}>{escape(text)}</{tag}>"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 13px/1.45 sans-serif; margin: 1.5em; color: #111; background: #fff; }}
h1 {{ font-size: 1.4em; }}
h2 {{ font-size: 1.15em; margin-top: 1.8em; }}
p, ul {{ max-width: 60em; }}
ul {{ padding-left: 1.2em; }}
table {{ border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; margin: 1em 0; }}
th, td {{ padding: 0.25em 0.55em; text-align: left; vertical-align: top; font-variant-numeric: tabular-nums; }}
thead {{ border-bottom: 1px solid; }}
tbody tr + tr > * {{ border-top: 1px solid #ddd; }}
.lines {{ white-space: pre; }}
.group {{ font-style: italic; padding-top: 0.8em; }}
</style>
<h1>{title}</h1>
{body}{notes}</html>
"""
