"""The API reference: the docstrings of ``lib``, laid out by pdoc."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import lib
from lib.results import files
from lib.site.build import HERE, Entry

ABOUT = "Every module with its public functions and classes. Each page searches all of them."


def write(folder: Path, modules: Sequence[str] | None = None) -> list[Entry]:
    """Write a page for each module, and the index that they search; returns a line for each.

    Args:
        folder: the site's ``api/``.
        modules: their names; default: all of ``lib`` but the commands.
    """
    import pdoc

    names = modules or [
        lib.__name__,
        *(m.name for m in pkgutil.walk_packages(lib.__path__, "lib.") if not m.name.endswith("__main__")),
    ]
    pdoc.render.configure(docformat="google", show_source=False, template_directory=HERE / "template" / "api")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about fields whose source it does not find
        pdoc.pdoc(*names, output_directory=folder)
    for path in folder.rglob("*.html"):
        _mend(path)
    return [Entry(f"{n.replace('.', '/')}.html", n, _first_sentence(n)) for n in names]


def _mend(path: Path) -> None:
    """Remove a page's links to private names, which pdoc leaves out; give the marks beside headings a name."""
    text = path.read_text(encoding="utf-8")
    there = set(re.findall(r'id="([^"]+)"', text))
    text = re.sub(r'href="#([^"]+)"', lambda at: at[0] if at[1] in there else "", text)
    files.write_text(path, text.replace('class="headerlink"', 'class="headerlink" aria-label="Link to this"'))


def _first_sentence(module: str) -> str:
    words = (importlib.import_module(module).__doc__ or "").strip().partition("\n")[0]
    return words.replace("`", "")
