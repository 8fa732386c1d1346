"""From a verdict to its code and back, and the findings into the README: python -m lib.ledger --help"""

from __future__ import annotations

import argparse
import sys

from lib import ledger
from lib.errors import ProjectError
from lib.ledger import readme, trace
from lib.settings.places import PROJECT_ROOT, resolve

RUN = "outputs/thesis"


def main(words: list[str] | None = None) -> int:
    """The command line; 0 if all is well, 2 if what was asked for is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.ledger",
        description="Rows of the ledger, the checks behind them, and the README's findings.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "row": (
            "id of a row, such as 'Table 4.1/ADA-USD_mean'",
            "one row: verdict, reason, and the code that computed it",
        ),
        "check": (
            "function, such as price_tables.statistic",
            "one check: what it computes, and every row that rests on it",
        ),
        "readme": ("", "write the findings of a run's ledger into README.md"),
    }
    for name, (what, text) in helps.items():
        sub = commands.add_parser(name, help=text, description=text)
        if what:
            sub.add_argument("what", help=what)
        sub.add_argument(
            "folder", nargs="?", default=RUN, help=f"a run's folder, relative to the project; default {RUN}"
        )
    given = parser.parse_args(words)
    root = resolve(given.folder)
    try:
        if given.command == "readme":
            shown = root.relative_to(PROJECT_ROOT).as_posix() if root.is_relative_to(PROJECT_ROOT) else given.folder
            print(f"Written: {readme.write(PROJECT_ROOT / 'README.md', root, shown).name}")
            return 0
        frame = trace.read(root / "tables" / "claims.csv")
        print(
            trace.row_in_words(ledger.claims(), frame, given.what)
            if given.command == "row"
            else trace.check_in_words(frame, given.what)
        )
        return 0
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
