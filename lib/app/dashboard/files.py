"""The page's own files, and the libraries that it loads from the installed packages: none is copied here."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
from functools import cache
from pathlib import Path

from lib.app.dashboard import theme
from lib.errors import ProjectError

_FOLDER = Path(__file__).with_name("page")
# In the order in which one needs the other.
_MODULES = ("ask", "parts", "watchlist", "price_chart", "rating", "training", "forecast", "layout", "main")
_LIBRARIES = {
    "plotly.js": ("plotly", "package_data/plotly.min.js"),
    "lightweight-charts.js": ("lightweight_charts", "js/lightweight-charts.js"),
}
NAMES = ("page.js", "page.css", *_LIBRARIES)
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?function|const|class)", re.MULTILINE)


@cache
def script() -> str:
    """The page's modules as one: what they import from each other is there already. It exports ``start``, and as
    ``default`` what anywidget needs."""
    parts = [(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    whole = "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)
    return f"{whole}\nexport {{ start }};\nexport default {{ render }};\n"


@cache
def style() -> str:
    """The page's style sheet, with the colours of both themes."""
    return theme.rules(".forecasts") + "\n" + (_FOLDER / "page.css").read_text(encoding="utf-8")


@cache
def home() -> str:
    """The page itself."""
    return (_FOLDER / "index.html").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Digest of script and style: a page that was loaded before an update asks for the new ones."""
    return hashlib.sha256((script() + style()).encode()).hexdigest()[:12]


@cache
def packed(name: str) -> bytes:
    """One of :data:`NAMES`, compressed with gzip.

    Raises:
        ProjectError: the library's file is not in the installed package.
    """
    own = {"page.js": script, "page.css": style}
    content = own[name]().encode() if name in own else _library(name).read_bytes()
    return gzip.compress(content, 6, mtime=0)


def _library(name: str) -> Path:
    package, inside = _LIBRARIES[name]
    found = importlib.util.find_spec(package)  # not imported: only its file is needed
    path = Path(found.origin).parent / inside if found and found.origin else None
    if path is None or not path.is_file():
        raise ProjectError(
            f"the chart library {name} is missing: the package {package.replace('_', '-')} holds it. Install what"
            " requirements.txt lists"
        )
    return path
