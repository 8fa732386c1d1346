"""The command: python -m lib.provenance --help"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lib import settings
from lib.errors import ProjectError
from lib.settings.places import PROJECT_ROOT, resolve

RECHECK = "recheck is now: python -m lib.provenance check FOLDER -p source=folder -p data_dir=FOLDER_OF_PRICES"


def check(root: Path, overrides: Sequence[str]) -> int:
    """Print what is wrong with a run's folder; with the place of prices its cheap tables are computed again too."""
    from lib.provenance import committed, recompute
    from lib.provenance.folder import Folder

    folder = Folder(root)
    found = {what: look(folder) for what, look in committed.CHECKS.items()}
    found["tables from tables"] = recompute.from_tables(folder)
    if overrides:
        run = recompute.priced(folder, dict(settings.parse_override(text) for text in overrides))
        found["price series in tables"] = committed.price_series_wrong(folder, run.prices)
        found["tables from prices"] = recompute.from_prices(run, lambda table: print(f"    comparing {table}"))
        found["layers and ledger"] = recompute.with_networks(run)
    for what, sentences in found.items():
        print(f"{what}: {'' if sentences else 'passed'}", *sentences, sep="\n    " if sentences else "")
    if any(found.values()):
        print(f"Run it again with: {folder.command}")
    return 1 if any(found.values()) else 0


def main(words: Sequence[str] | None = None) -> int:
    """The command line; returns 0 if all is well, 1 if something is wrong, 2 if it could not be checked."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.provenance", description="Check the results of a run's folder."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "check": "files, digests, parameters, page and tables; with -p the cheap tables are computed again from prices",
        "page": "write the folder's pages: README.md and those that it leads to",
        "readme": "write the project's first screen from the folder's results: README.md, pictures, docs/findings.md",
        "recheck": RECHECK,
    }
    for name, text in helps.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("folder", help="such as outputs/thesis, relative to the project")
        if name not in ("page", "readme"):
            where = "source or data_dir: where the prices of the run are; repeatable"
            sub.add_argument("-p", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help=where)
    given = parser.parse_args(words)
    if given.command == "recheck":
        parser.error(RECHECK)
    root = resolve(given.folder)
    try:
        if given.command == "check":
            return check(root, given.overrides)
        from lib.report import readme, results_page

        if given.command == "readme":
            shown = root.relative_to(PROJECT_ROOT).as_posix() if root.is_relative_to(PROJECT_ROOT) else given.folder
            print(f"Written: {', '.join(path.name for path in readme.write(root, shown, PROJECT_ROOT))}")
            return 0
        print(f"Written in {given.folder}: {', '.join(path.name for path in results_page.write(root))}")
        return 0
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # a table that lacks columns, say
        print(
            f"{given.folder}: a file there is not as this version writes it ({type(error).__name__}: {error})."
            " Restore it, or run the notebooks again with run_all.py",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
