"""Self-contained HTML pages and tables: nothing is fetched from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape

_SORTABLE = '<div class="wide">'

#: A row with a single cell over all columns.
Heading = str
Row = Sequence[str] | Heading


def html_page(title: str, lead: str, body: str, notes: Iterable[str] = (), details: Iterable[str] = ()) -> str:
    """Return a page.

    Args:
        title: title of the page, as text.
        lead: what one learns from the page, as text.
        body: HTML elements, as `html_table` returns them.
        notes: text of the notes below the body.
        details: text of notes that are folded until a reader opens them.
    """
    listed, folded = _listed(notes), _listed(details)
    if folded:
        folded = f"<details>\n<summary>How these numbers were computed</summary>\n{folded}</details>\n"
    return _PAGE.format(
        title=escape(title),
        lead=paragraph(lead),
        body=body,
        notes=listed + folded,
        sort=_SORT if _SORTABLE in body else "",
    )


def html_table(headers: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table whose rows a reader can sort by clicking on a header.

    Args:
        headers: text of the column headers.
        rows: text of each cell; line breaks are kept, and then the cell's lines do not wrap. A row that is a single
            text is a heading over all columns; rows are sorted within it.
    """
    head = "".join(_cell("th", header) for header in headers)
    body = "\n".join(f"<tr>{_row(row, len(headers))}</tr>" for row in rows)
    return f"{_SORTABLE}<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n"


def section(title: str, *parts: str) -> str:
    """Return a part of a page's body under a heading.

    Args:
        title: text of the heading.
        parts: HTML elements.
    """
    return f"<h2>{escape(title)}</h2>\n" + "".join(parts)


def paragraph(text: str) -> str:
    """Return a text as a paragraph."""
    return f"<p>{escape(text)}</p>\n"


def _listed(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>\n" for note in notes)
    return f"<ul>\n{items}</ul>\n" if items else ""


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
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 14px/1.45 sans-serif; margin: 1.5em; color: #111; background: #fff; }}
h1 {{ font-size: 1.4em; }}
h2 {{ font-size: 1.15em; margin-top: 1.8em; }}
p, ul {{ max-width: 60em; }}
ul {{ padding-left: 1.2em; }}
table {{ border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; margin: 1em 0; }}
th, td {{ padding: 0.25em 0.45em; text-align: left; vertical-align: top; font-variant-numeric: tabular-nums; }}
thead {{ border-bottom: 1px solid; }}
tbody tr + tr > * {{ border-top: 1px solid #ddd; }}
h1 + p {{ font-size: 1.1em; }}
.wide {{ overflow-x: auto; font-size: 12.5px; }}
th[data-sort] {{ cursor: pointer; }}
th[data-sort="up"]::after {{ content: " \2191"; }}
th[data-sort="down"]::after {{ content: " \2193"; }}
summary {{ cursor: pointer; font-weight: bold; margin: 1em 0; }}
.lines {{ white-space: pre; }}
.group {{ font-style: italic; padding-top: 0.8em; }}
</style>
<h1>{title}</h1>
{lead}{body}{notes}{sort}</html>
"""

#: Sorts the rows of each block by a column: numbers by value, what has none after them, texts by the alphabet.
_SORT = """<script>
function keyOf(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = text.match(/^[<≈]?\\s*([+−-]?[\\d,]*\\.?\\d+)/);
  return number ? [0, parseFloat(number[1].replace("−", "-").replaceAll(",", "")), ""]
                : [/\\d|\\p{L}/u.test(text) ? 1 : 2, 0, text];
}

function sortBy(header, column) {
  const down = header.dataset.sort === "up";
  const body = header.closest("table").tBodies[0];
  const blocks = [];
  for (const row of body.rows) {
    if (row.cells.length === 1 || !blocks.length) blocks.push({heading: null, rows: []});
    if (row.cells.length === 1) blocks.at(-1).heading = row;
    else blocks.at(-1).rows.push([keyOf(row, column), row]);
  }
  for (const block of blocks) {
    block.rows.sort(([a], [b]) => a[0] - b[0] || (down ? -1 : 1) * (a[1] - b[1] || a[2].localeCompare(b[2])));
    body.append(...[block.heading, ...block.rows.map(([, row]) => row)].filter(row => row));
  }
  for (const other of header.parentNode.cells) other.dataset.sort = "";
  header.dataset.sort = down ? "down" : "up";
}

for (const table of document.querySelectorAll(".wide > table")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    header.dataset.sort = "";
    header.title = "Sort by this column";
    header.addEventListener("click", () => sortBy(header, column));
  });
}
</script>
"""
