"""The site's pages from the repository's documents and the executed notebooks of a run.

Every page has the address of the file that it shows: ``docs/glossary.md`` becomes ``docs/glossary.html``, a
``README.md`` its folder's ``index.html``, and code that a page links to becomes a page with colours.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib.errors import ProjectError
from lib.report import equations, page, readme
from lib.results import files

HERE = Path(__file__).parent
# What git holds; a folder of other runs may lie beside them.
DOCUMENTS = (
    "*.md",
    "docs/*.md",
    "benchmarks/*.md",
    "outputs/README.md",
    "outputs/thesis/**/*.md",
    "outputs/replay/*.md",
)
COPIED = {".png", ".svg", ".csv", ".json", ".cff"}
CLAIMS = "outputs/thesis/tables/claims.csv"
NAVIGATION = {
    "Home": "index.html",
    "Notebooks": "notebooks/index.html",
    "Results": "outputs/thesis/index.html",
    "Ledger": "ledger.html",
    "API": "api/index.html",
    "Architecture": "docs/architecture.html",
    "Glossary": "docs/glossary.html",
    "Contributing": "CONTRIBUTING.html",
    "Changes": "CHANGELOG.html",
    "All documents": "docs/index.html",
}
_OWN_MARK = ".site"  # a folder with this file may be replaced


class SiteError(ProjectError):
    """The site cannot be built."""


@dataclass(frozen=True)
class Entry:
    """A line of a page that lists others: address from that page, title, and one sentence."""

    href: str
    title: str
    about: str = ""


@dataclass
class Site:
    """A site that is being built.

    Attributes:
        root: the repository.
        run: a run's folder with ``html/``.
        folder: where the pages go.
        linked: files of the repository that pages link to and that are shown as code.
    """

    root: Path
    run: Path
    folder: Path
    linked: set[str] = field(default_factory=set)

    @cached_property
    def documents(self) -> dict[str, str]:
        """Documents as paths in the repository -> addresses of their pages."""
        found = sorted({path.relative_to(self.root).as_posix() for p in DOCUMENTS for path in self.root.glob(p)})
        return {path: re.sub(r"README\.md$", "index.md", path).removesuffix("md") + "html" for path in found}

    @cached_property
    def notebooks(self) -> list[str]:
        """Names of the notebooks that the run rendered."""
        return sorted(path.stem for path in (self.run / "html").glob("[0-9]*.html"))

    @cached_property
    def _page(self) -> Any:
        room = Environment(
            loader=FileSystemLoader(HERE / "template"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        return room.get_template("page.html.j2")

    @cached_property
    def _css(self) -> str:
        return (page.HERE / "template" / "style.css").read_text(encoding="utf-8") + (
            HERE / "template" / "site.css"
        ).read_text(encoding="utf-8")

    def write(self, address: str, title: str, content: str, script: str = "") -> None:
        """Write one page of the site: navigation, ``content`` (HTML), and a script of its own if it needs one."""
        up = "../" * address.count("/")
        text = self._page.render(
            title=title, content=content, script=script, css=self._css, navigation=NAVIGATION, here=address, up=up
        )
        files.write_text(self.folder / address, text)

    def address(self, source: str, href: str) -> str | None:
        """Where a link of a source leads on the site, relative to the source's page; None if it has no page.

        Args:
            source: path of the linking file in the repository.
            href: as the file has it; code and tables that it names are put on the site.

        Raises:
            SiteError: the repository has no such file.
        """
        path, mark, anchor = href.partition("#")
        if not path or re.match(r"[a-z]+:|//", href):
            return href
        target = Path(os.path.normpath(self.root / Path(source).parent / unquote(path)))
        name = target.relative_to(self.root).as_posix() if target.is_relative_to(self.root) else ""
        if not name or not target.exists():
            raise SiteError(f"{source} links to {href}, which is not in the repository: mend the link")
        place = self._place(name, target)
        return place and quote(os.path.relpath(place, Path(source).parent)) + mark + anchor

    def _place(self, name: str, target: Path) -> str | None:
        if target.is_dir():
            inside = self.documents.get(f"{name}/README.md")
            return inside or ("notebooks/index.html" if name == "notebooks" else None)
        if name in self.documents:
            return self.documents[name]
        if target.suffix == ".ipynb":
            return f"notebooks/{target.stem}.html" if target.stem in self.notebooks else None
        if target.suffix in COPIED:
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, place)
            return name
        self.linked.add(name)
        return f"{name}.html"

    def mend(self, soup: Any, source: str) -> None:
        """Give each link and picture of a page its address on the site; pictures of other hosts become their text."""
        siblings = {f"{quote(name)}.html" for name in self.notebooks if source.endswith(".ipynb")}  # linked by the run
        for tag in soup.find_all("a", attrs={"data-source": True}):
            tag["href"] = tag.attrs.pop("data-source")
        for tag in soup.find_all("a", href=lambda href: href and href not in siblings):
            if (address := self.address(source, tag["href"])) is None:
                del tag["href"]
            else:
                tag["href"] = address
        for tag in soup.find_all("a", attrs={"data-page": lambda name: name in self.notebooks}):
            tag["href"] = f"{quote(tag['data-page'])}.html"
        for tag in soup.find_all(["img", "source"]):
            for name in {"src", "srcset"} & set(tag.attrs):
                if re.match("(https?:)?//", tag[name]):
                    tag.replace_with(tag.get("alt", ""))
                elif not tag[name].startswith("data:"):
                    tag[name] = self.address(source, tag[name])


def build(root: Path, run: Path, folder: Path, modules: Sequence[str] | None = None) -> Path:
    """Write the whole site; an earlier one in the same folder is replaced.

    Args:
        root: the repository.
        run: a run's folder whose notebooks are shown.
        folder: where to write.
        modules: those that the API shows; default: all of ``lib``.

    Returns:
        ``folder``.

    Raises:
        SiteError: the run has no pages, the folder holds other files, or a document's link leads nowhere.
    """
    from lib.site import api, ledger

    site = Site(root, run, folder)
    if not site.notebooks:
        raise SiteError(f"{run} holds no pages of notebooks (html/NN_name.html): make them with python run_all.py")
    if folder.exists() and any(folder.iterdir()) and not (folder / _OWN_MARK).is_file():
        raise SiteError(f"{folder} holds files that are no site: name a new or an empty folder")
    shutil.rmtree(folder, ignore_errors=True)
    files.write_text(folder / _OWN_MARK, "written by python -m lib.site\n")
    entries = [document(site, source) for source in site.documents]
    notes = [Entry(os.path.relpath(e.href, "docs"), e.title, e.about) for e in entries]
    site.write("docs/index.html", "All documents", listing("All documents", "", notes))
    about = "Each page is the notebook as it was executed, with its figures and tables, from one run on "
    source = files.read_run(run, whole=False).get("parameters", {}).get("source", "unknown")
    about += f"prices of source {source}."
    site.write(
        "notebooks/index.html", "Notebooks", listing("Notebooks", about, [notebook(site, n) for n in site.notebooks])
    )
    if (root / CLAIMS).is_file():
        ledger.write(site, files.read_table(root / CLAIMS, dtype=str, keep_default_na=False))
    site.write("api/index.html", "API", listing("API", api.ABOUT, api.write(folder / "api", modules)))
    for source in sorted(site.linked):
        code(site, source)
    return folder


def document(site: Site, source: str) -> Entry:
    """Write the page of a Markdown file; returns its line in a list, with the address from the site's root."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    text = (site.root / source).read_text(encoding="utf-8")
    html = MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(text)
    soup = BeautifulSoup(f'<div class="prose">{html}</div>', "html.parser")
    equations.draw(soup)
    seen: dict[str, int] = {}
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        heading["id"] = slug(heading.get_text(), seen)
    for table in soup.find_all("table"):
        page.align(table)
    for box in soup.find_all(["pre", "table"]):
        box["tabindex"] = "0"  # wide ones are scrolled, also by keys
    site.mend(soup, source)
    first = soup.find("h1")
    title = first.get_text(strip=True) if first else source
    paragraph = soup.find("p")
    sentence = " ".join(paragraph.get_text(" ").split()).partition(". ")[0].rstrip(".:") if paragraph else ""
    site.write(site.documents[source], title, str(soup))
    return Entry(site.documents[source], title, f"{sentence}." if sentence else "")


def slug(heading: str, seen: dict[str, int]) -> str:
    """The anchor that repository hosts give a heading; ``seen`` counts those of the page so far."""
    name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
    seen[name] = seen.get(name, -1) + 1
    return f"{name}-{seen[name]}" if seen[name] else name


def notebook(site: Site, name: str) -> Entry:
    """Write the page of an executed notebook with the site's navigation; returns its line in the list."""
    text = (site.run / "html" / f"{name}.html").read_text(encoding="utf-8")
    soup: Any = BeautifulSoup(text, "html.parser")
    title = soup.title.string.rpartition(" (")[0]
    if back := soup.select_one('header a[href="../index.html"]'):
        back.decompose()
    site.mend(soup, f"notebooks/{name}.ipynb")
    links = "".join(f'<a href="../{place}">{label}</a> ' for label, place in NAVIGATION.items())
    links += binder(site.root, name)
    above = f'<header class="bar site"><nav aria-label="Site">{links}</nav></header>'
    soup.select_one("header").insert_before(BeautifulSoup(above, "html.parser"))
    files.write_text(site.folder / "notebooks" / f"{name}.html", str(soup))
    return Entry(f"{quote(name)}.html", title)


def binder(root: Path, name: str) -> str:
    """A link that opens a notebook in Binder, as HTML; nothing unless ``pyproject.toml`` names a repository on GitHub.

    Colab has no such link: it takes a notebook alone, and these need ``lib`` beside them.
    """
    found = re.match(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?$", readme.repository(root))
    place = found and f"https://mybinder.org/v2/gh/{found[1]}/HEAD?labpath=notebooks%2F{quote(name)}.ipynb"
    return f'<a href="{place}">Run it in Binder</a>' if place else ""


def listing(title: str, about: str, entries: Sequence[Entry]) -> str:
    """A page that lists others, as HTML."""
    lines = "".join(
        f'<li><a href="{e.href}">{escape(e.title)}</a><br><span class="soft">{escape(e.about)}</span></li>'
        for e in entries
    )
    return f'<h1>{escape(title)}</h1><p>{escape(about)}</p><ul class="list">{lines}</ul>'


def code(site: Site, source: str) -> None:
    """Write the page of a file of the repository that another page links to."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import TextLexer, get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(source)
    except ClassNotFound:
        lexer = TextLexer()
    text = highlight((site.root / source).read_text(encoding="utf-8"), lexer, HtmlFormatter())
    site.write(f"{source}.html", source, f'<h1><code>{escape(source)}</code></h1><div class="code">{text}</div>')
