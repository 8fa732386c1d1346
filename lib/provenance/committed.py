"""What can be said of a run's folder without prices: files, digests, parameters, price series, its page.

Each function returns sentences about what is wrong; none means that all is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from lib import settings
from lib.provenance import price_series
from lib.provenance.folder import Folder
from lib.report import results_page
from lib.results import files

LIMIT_BYTES = 10_000_000
# Where the prices lie differs from reader to reader; that they are the same ones is checked by their digests.
MAY_DIFFER = ("source", "data_dir", "output_dir", "scheduler")
# After a quote, a bracket, an equals sign or white space: /one/two, C:\\ or file:. "and/or" is none.
ABSOLUTE_PATH = re.compile(r"""(?<=["'`=(\s])(/[A-Za-z][\w.-]*/[\w.-]+|[A-Za-z]:\\{1,2}\w+|file:/\S+)""")


def files_wrong(folder: Folder) -> list[str]:
    """Files that are in no record, that have changed, that are missing, or that are too many bytes."""
    listed = {m["path"]: (name, m["sha256"]) for name, record in folder.records.items() for m in record["made"]}
    found = [sentence for path in folder.committed if (sentence := _file_wrong(folder, path, listed))]
    pages = [name for name in results_page.PAGES if (folder.root / name).is_file()]  # all that should be: page_wrong
    wanted = [
        *pages,
        "run.json",
        *(f"records/{name}.json" for name in folder.records),
        *listed,
    ]
    found += [
        f"{path} is missing among the committed files"
        for path in wanted
        if results_page.is_committed_kind(path) and path not in folder.committed
    ]
    size = sum(path.stat().st_size for path in map(folder.root.joinpath, folder.committed) if path.is_file())
    if size >= LIMIT_BYTES:
        found.append(f"{size / 1e6:.1f} MB are committed, allowed are less than {LIMIT_BYTES / 1e6:.0f} MB")
    return found


def _file_wrong(folder: Folder, path: str, listed: Mapping[str, tuple[str, str]]) -> str:
    if not results_page.is_committed_kind(path):
        return f"{path} is not of the kinds that are committed ({', '.join(results_page.COMMITTED)})"
    if not (folder.root / path).is_file():
        return f"{path} is committed but not there"
    if path in (*results_page.PAGES, "run.json") or path.startswith("records/"):
        return ""
    if path not in listed:
        return f"{path} is in no record: no notebook of this run made it"
    notebook, digest = listed[path]
    return "" if files.sha256(folder.root / path) == digest else f"{path} has changed since {notebook} wrote it"


def price_series_wrong(folder: Folder, known: Mapping[str, pd.DataFrame] | None = None) -> list[str]:
    """Committed tables that hold a series of prices; where prices are known, their numbers are searched for too."""
    paths = [path for name in folder.committed if name.endswith(".csv") and (path := folder.root / name).is_file()]
    found = [sentence for path in paths for sentence in price_series.looks_daily(path)]
    tables = ((path.name, files.read_table(path)) for path in paths)
    return found + (price_series.follows_prices(tables, known) if known else [])


def machine_paths(folder: Folder) -> list[str]:
    """Committed texts that name a folder of the machine that they were made on."""
    found = []
    for path in (folder.root / p for p in folder.committed if not p.endswith(".png")):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found += [f"{path.name} names {match[0]}" for match in ABSOLUTE_PATH.finditer(text)]
    return found


def parameters_wrong(folder: Folder) -> list[str]:
    """Parameters of the run that its parameter file has otherwise now."""
    try:
        present = settings.load(folder.project / folder.run["parameter_file"]).plain()
    except settings.SettingsError as error:
        return [str(error)]
    theirs = folder.run["parameters"]
    return [
        f"{key} was {theirs[key]!r}, {folder.run['parameter_file']} has {present[key]!r}"
        for key in theirs
        if key in present and key not in MAY_DIFFER and theirs[key] != present[key]
    ]


def digests_wrong(folder: Folder) -> list[str]:
    """Prices that are not those of the manifest of the thesis's window."""
    manifest = json.loads((folder.project / "lib" / "thesis" / "manifest.json").read_text(encoding="utf-8"))["tickers"]
    facts = ("rows", "first_day", "last_day", "sha256")
    wanted = {ticker: {fact: of[fact] for fact in facts} for ticker, of in manifest.items()}
    used: dict[str, dict[str, Any]] = {n: r["facts"].get("data", {}) for n, r in folder.records.items()}
    used["run.json"] = {ticker: folder.run["data"].get(ticker) for ticker in {*folder.run["data"], *wanted}}
    return [
        f"{place}: the prices of {ticker} are not those of lib/thesis/manifest.json"
        for place, data in used.items()
        for ticker in sorted(data)
        if data[ticker] != wanted.get(ticker)
    ]


def page_wrong(folder: Folder) -> list[str]:
    """Whether ``README.md`` and the pages that it leads to are those that the present files give."""
    wanted = results_page.texts(folder.root)
    there = {name: folder.root / name for name in results_page.PAGES if (folder.root / name).is_file()}
    wrong = [
        name
        for name in results_page.PAGES
        if (there[name].read_text(encoding="utf-8") if name in there else None) != wanted.get(name)
    ]
    again = f"Write it: python -m lib.provenance page {folder.name}"
    return [f"{name} is not the page of the files beside it. {again}" for name in wrong]


def absent(folder: Folder) -> list[str]:
    """The thesis's tables, figures and appendices that are not among the committed files."""
    from lib import thesis

    wanted = [f"tables/{name}.csv" for name in results_page.TABLES]
    wanted += [f"figures/{name}.png" for name in results_page.FIGURES]
    wanted += [f"appendix/{ticker}_trials.csv" for ticker in thesis.APPENDIX]
    return [path for path in wanted if path not in folder.committed]


CHECKS: dict[str, Callable[[Folder], list[str]]] = {
    "files": files_wrong,
    "price series": price_series_wrong,
    "paths of a machine": machine_paths,
    "parameters": parameters_wrong,
    "digests of prices": digests_wrong,
    "page": page_wrong,
}
