"""One executed notebook as one HTML file that needs nothing else: no network, no scripts."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lib.report import equations
from lib.results.files import FileError, read_record, write_text
from lib.results.progress import clock
from lib.settings.places import PROJECT_ROOT

HERE = Path(__file__).parent
NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?\s?(%|s)?|nan|-?inf", re.IGNORECASE)
_OTHER_NOTEBOOK = re.compile(r"^\d\d[a-z]?_\w+\.ipynb$")
_PROJECT_FILE = re.compile(r"^(?:\.\./)+(?P<path>(?:docs|outputs)/.*)$")  # from notebooks/, or from an executed copy
_TO_PAGE = re.compile(r'<a data-page="(?P<name>\w+)"[^>]*>')
SHOWN = ["text/html", "text/markdown", "image/png", "image/svg+xml", "image/jpeg", "text/plain"]


def write(
    executed: Path, page: Path, run: str, seconds: float | None, error: Mapping[str, Any] | None, record: Path
) -> Path:
    """Render ``executed`` (.ipynb) to ``page`` (.html).

    Args:
        run: the run's name, for the link back.
        seconds: how long the notebook took, if known.
        error: what stopped it (cell, line, ename, evalue), or None.
        record: the notebook's record, whose figure titles become alternative texts; may be missing.

    Raises:
        OSError, ValueError: the copy cannot be read or the page not written.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = nbformat.read(executed, as_version=4)
    notebook.cells = [c for c in notebook.cells if "papermill-error-cell-tag" not in c.metadata.get("tags", [])]
    describe_images(notebook.cells, figure_titles(record))
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
        log=_silent(),
        template_name="template",
        extra_template_basedirs=[str(HERE)],
        exclude_anchor_links=True,
    )
    about = {
        "title": heading_of(notebook.cells) or executed.stem,
        "name": executed.stem,
        "run": run,
        "error": error,
        "took": clock(seconds) if seconds is not None else None,
        "css": (HERE / "template" / "style.css").read_text(encoding="utf-8"),
        "failed_index": next((i for i, c in enumerate(notebook.cells) if _failed(c)), None),
    }
    body, _ = exporter.from_notebook_node(notebook, resources={"about": about})
    return write_text(page, offline(body, page))


def heading_of(cells: Sequence[Any]) -> str:
    """The first heading of a notebook, without its marks."""
    for cell in cells:
        found = re.search(r"^#+\s+(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return found[1].strip()
    return ""


def figure_titles(record: Path) -> dict[str, str]:
    """Titles of the figures that a notebook's record names, by file stem such as ``figure_4_1``."""
    try:
        made = read_record(record)["made"]
    except FileError:
        return {}
    return {Path(m["path"]).stem: m["title"] for m in made if m["kind"] == "figure"}


def describe_images(cells: Sequence[Any], titles: Mapping[str, str]) -> None:
    """Give each image an ``alt`` text: its own, the title of the figure that its cell names, or its heading."""
    heading = "the notebook"
    for cell in cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+\s+(.+)$", cell.source, re.MULTILINE) or [heading])[-1].strip()
        named = [titles[n] for n in re.findall(r"[\"']([\w-]+)[\"']", cell.source) if n in titles]
        images = [o for o in cell.get("outputs", []) if any(k.startswith("image/") for k in o.get("data", {}))]
        for number, output in enumerate(images, 1):
            own = output.metadata.get("image/png", {}).get("alt") or (named[number - 1 :] or [""])[0]
            more = f", {number} of {len(images)}" if len(images) > 1 else ""
            output.metadata["alt"] = own or f"Figure in section: {heading}{more}"


def offline(text: str, page: Path) -> str:
    """HTML without scripts and anything that a browser would fetch by itself; tables aligned, equations drawn.

    Args:
        page: where it will lie. From there links lead to the project's own files; from elsewhere they lead nowhere.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "html.parser")
    for tag in soup.find_all(["script", "iframe", "object", "embed", "base", "link"]):
        tag.decompose()
    for table in soup.select(".box table"):
        align(table)
    for box in soup.select(".prose pre, .prose table"):
        box["tabindex"] = "0"  # wide ones are scrolled, also by keys
    equations.draw(soup)
    for tag in soup.find_all("a", href=_OTHER_NOTEBOOK):
        tag["data-page"] = str(tag["href"]).removesuffix(".ipynb")
        del tag["href"]  # until that page is there, see link_neighbours
    for tag in soup.find_all("a", href=_PROJECT_FILE):
        path = _PROJECT_FILE.sub(r"\g<path>", str(tag["href"]))
        tag["data-source"] = f"../{path}"  # as the notebook has it, for the site
        if page.resolve().is_relative_to(PROJECT_ROOT):
            up = os.path.relpath(PROJECT_ROOT, page.resolve().parent).replace(os.sep, "/")
            tag["href"] = f"{up}/{path}"
        else:
            del tag["href"]
    for tag in soup.find_all("img"):
        if not str(tag.get("src", "")).startswith("data:"):
            tag.replace_with(f"(image not part of this page: {tag.get('src', 'no address')})")
    for tag in soup.find_all(True):
        for name in ("src", "srcset", "poster", "data", "background"):
            if name in tag.attrs and not str(tag[name]).startswith("data:"):
                del tag[name]
        for name in [n for n in tag.attrs if n.startswith("on")]:
            del tag[name]
        if "style" in tag.attrs:
            tag["style"] = _without_addresses(tag["style"])
    for tag in soup.find_all("style"):
        tag.string = _without_addresses(tag.get_text())
    return str(soup)


def align(table: Any) -> None:
    """Columns of words to the left, columns of numbers to the right, long sentences in a wide column."""
    columns: dict[int, list[Any]] = {}
    for row in table.find_all("tr"):
        for number, cell in enumerate(row.find_all(["th", "td"])):
            columns.setdefault(number, []).append(cell)
    for cells in columns.values():
        body = [c for c in cells if c.name == "td" and c.get_text(strip=True)]
        words = [c for c in body if not NUMBER.fullmatch(c.get_text(strip=True))]
        for cell in cells if words else []:
            cell["class"] = [*cell.get("class", []), "word"]
        for cell in cells:
            cell["class"] = [*cell.get("class", []), "sentence" if len(cell.get_text(strip=True)) > 32 else "short"]


def link_neighbours(folder: Path, names: Sequence[str]) -> None:
    """Write into each page of ``folder`` the links to the previous and next page that exist, and those in its text."""
    there = [n for n in names if (folder / f"{n}.html").is_file()]
    for i, name in enumerate(there):
        links = []
        if i > 0:
            links.append(f'<a rel="prev" href="{quote(there[i - 1])}.html">Previous: {html.escape(there[i - 1])}</a>')
        if i + 1 < len(there):
            links.append(f'<a rel="next" href="{quote(there[i + 1])}.html">Next: {html.escape(there[i + 1])}</a>')
        path = folder / f"{name}.html"
        old = path.read_text(encoding="utf-8")
        before, mark, rest = old.partition("<!--navigation-->")
        after = rest.partition("<!--/navigation-->")[2]
        new = f"{before}{mark}{' '.join(links)}<!--/navigation-->{after}" if mark else old
        new = _TO_PAGE.sub(lambda found: _to_page(found["name"], there), new)
        if new != old:
            write_text(path, new)


def _to_page(name: str, there: Sequence[str]) -> str:
    """The beginning of a link to another notebook's page; without an address while that page does not exist."""
    return f'<a data-page="{name}"' + (f' href="{quote(name)}.html">' if name in there else ">")


def _without_addresses(css: str) -> str:
    css = re.sub(r"@import[^;]*;?", "", css)
    return re.sub(r"url\(\s*['\"]?(?!['\"]?data:)[^)]*\)", "none", css)


def _failed(cell: Any) -> bool:
    return any(o.output_type == "error" for o in cell.get("outputs", []))


def _silent() -> Any:
    import logging

    quiet = logging.getLogger("lib.report.page")
    quiet.setLevel(logging.ERROR)
    return quiet
