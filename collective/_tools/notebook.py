"""Objects as small tables in a notebook: what `print` shows, as HTML.

The tables have no colours of their own, so that they are read on a light and on a dark page.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from collective._tools.console import described

_CELL = "text-align:left;vertical-align:top"


def shown(thing: Any) -> str:
    """`_repr_html_` of an object whose text is a heading and lines of a label and a value.

    The heading is the first line. In the lines below it two spaces or more separate the label from
    the value; a line without them fills the row.
    """
    heading, *lines = described(thing).splitlines()
    rows = []
    for line in lines:
        label, _, value = line.strip().partition("  ")
        rows.append((label, value.strip()) if value else (label,))
    return table(heading, rows)


def table(heading: str, rows: Sequence[Sequence[str]], names: Sequence[str] = ()) -> str:
    """A table in HTML, in which every text is escaped.

    Args:
        heading: what stands above it; "" for nothing.
        rows: cells from left to right. The last cell of a short row fills the rest of it.
        names: of the columns, if they have any.
    """
    width = max(map(len, [names, *rows]), default=0)
    parts = ["<table>"]
    if heading:
        parts.append(f'<caption style="text-align:left">{escape(heading)}</caption>')
    if names:
        parts.append("<thead>" + _row(names, width, "th") + "</thead>")
    parts += ["<tbody>", *(_row(row, width, "td") for row in rows), "</tbody></table>"]
    return "".join(parts)


def _row(cells: Sequence[str], width: int, tag: str) -> str:
    """One row of a table."""
    texts = [f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in cells]
    if len(cells) < width:
        wide = f'<{tag} colspan="{width - len(cells) + 1}" style="{_CELL}">'
        texts[-1] = f"{wide}{escape(cells[-1])}</{tag}>"
    return "<tr>" + "".join(texts) + "</tr>"
