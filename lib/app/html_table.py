"""Tables on the page: wide ones scroll inside their panel, also by keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(label: str, columns: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "numbers") -> str:
    """A table as HTML.

    Args:
        label: for screen readers.
        columns: headings.
        rows: cells as HTML; the first is the row's heading, and a whole ``<td ...>`` stays as it is.
        kind: CSS class.
    """
    head = "".join(f"<th scope='col'>{name}</th>" for name in columns)
    body = "".join(f"<tr><th scope='row'>{first}</th>{''.join(map(_cell, cells))}</tr>" for first, *cells in rows)
    return (
        f"<div class='scroll' tabindex='0' role='group' aria-label='{label}'><table class='{kind}'>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(content: str) -> str:
    return content if content.startswith("<td") else f"<td>{content}</td>"
