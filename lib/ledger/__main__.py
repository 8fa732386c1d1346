"""From a verdict to its code and back: python -m lib.ledger --help"""

from __future__ import annotations

import argparse
import sys

from lib import ledger
from lib.errors import ProjectError
from lib.ledger import trace
from lib.settings.places import resolve

RUN = "outputs/thesis"


def main(words: list[str] | None = None) -> int:
    """The command line; 0 if all is well, 2 if what was asked for is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.ledger",
        description="Rows of the ledger, and the checks behind them.",
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
    }
    for name, (what, text) in helps.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("what", help=what)
        sub.add_argument(
            "folder", nargs="?", default=RUN, help=f"a run's folder, relative to the project; default {RUN}"
        )
    given = parser.parse_args(words)
    root = resolve(given.folder)
    try:
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
