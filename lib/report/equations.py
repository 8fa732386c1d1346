"""Equations as drawings in the page itself, as it runs no script that could set them."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

EQUATION = re.compile(r"\$\$\s*(?P<block>[^$]+?)\s*\$\$|\$(?P<inline>[^\s$](?:[^$]*[^\s$])?)\$")
_REM = 12  # points of a drawing that are as high as 1 rem of text
_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C"}  # matplotlib's code of a path's segment -> SVG's


def draw(soup: Any) -> None:
    """Replace the LaTeX in a page's prose by drawings; what matplotlib cannot set stays as it is written."""
    from bs4 import BeautifulSoup

    for text in [t for prose in soup.select(".prose") for t in prose.find_all(string=EQUATION)]:
        if not text.find_parent(["code", "pre"]):
            drawn = EQUATION.sub(_svg_or_source, html.escape(str(text), quote=False))
            text.replace_with(BeautifulSoup(drawn, "html.parser"))


def _svg_or_source(found: re.Match[str]) -> str:
    try:
        return svg(html.unescape(found["block"] or found["inline"]), found["block"] is not None)
    except ValueError:
        return found[0]


@lru_cache
def svg(latex: str, block: bool = False) -> str:
    """An equation as inline SVG in the colour of the text around it.

    Args:
        latex: without dollars, in the part of LaTeX that matplotlib sets.
        block: on a line of its own, and larger.

    Raises:
        ValueError: matplotlib cannot set it.
    """
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), f"${latex}$", size=_REM * (1.2 if block else 1))
    box = path.get_extents()
    d = " ".join(_segment(points, int(code)) for points, code in path.iter_segments(curves=True, simplify=False))
    size = f'width="{box.width / _REM:.3f}rem" height="{box.height / _REM:.3f}rem"'
    view = f"{box.x0:.2f} {-box.y1:.2f} {box.width:.2f} {box.height:.2f}"
    drawn = (
        f'<svg role="img" aria-label="{html.escape(latex)}" {size} viewBox="{view}"'
        f' style="vertical-align: {box.y0 / _REM:.3f}rem"><path fill="currentColor" d="{d}"></path></svg>'
    )
    return f'<span class="equation">{drawn}</span>' if block else drawn


def _segment(points: Any, code: int) -> str:
    """One segment of a path; SVG counts down the page, matplotlib up."""
    if code not in _LETTERS:
        return "Z"
    return _LETTERS[code] + " ".join(f"{x:.2f} {-y:.2f}" for x, y in points.reshape(-1, 2))
