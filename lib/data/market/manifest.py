"""Make the manifest of the thesis's window: ``python -m lib.data.market.manifest DATA_DIR``.

Yahoo's prices are not ours to pass on. The manifest says which prices were used without
holding any of them: rows, first and last day, a digest of the canonical content, and for each
day a mark of four hex digits, written month by month (the n-th mark is that of day n).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from lib.data.market import comparison, digests, sources
from lib.errors import ProjectError
from lib.results import files

TICKERS = ("ADA-USD", "ETH-USD", "SOL-USD")
START_DATE, END_DATE = date(2021, 1, 1), date(2025, 1, 19)
ABOUT = (
    "Identifies the daily prices of the thesis's window without holding any of them."
    " lib/data/market/digests.py says what is hashed; python -m lib.data.market.manifest DATA_DIR makes this file anew."
)


def build(prices: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The manifest of some prices, ready for JSON."""
    listed = digests.digest(prices)
    return files.sealed(
        {
            "about": ABOUT,
            "sha256_of_all": digests.digest_of_all(prices),
            "tickers": {ticker: {**listed[ticker], "day_marks": _by_month(frame)} for ticker, frame in prices.items()},
        }
    )


def _by_month(frame: pd.DataFrame) -> dict[str, str]:
    """Month -> its days' marks, the first for day 1; absent days are dashes."""
    marks = digests.day_marks(frame)
    months: dict[str, str] = {}
    for month, days in frame.groupby(frame.index.strftime("%Y-%m")):
        last = days.index[-1].date()
        months[month] = " ".join(marks.get(last.replace(day=n), comparison.ABSENT) for n in range(1, last.day + 1))
    return months


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 if the manifest was written, 1 with a sentence if not."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.data.market.manifest", description="Make lib/thesis/manifest.json anew."
    )
    parser.add_argument(
        "data_dir", help=f"folder with {', '.join(f'{t}.csv' for t in TICKERS)}, relative to the project"
    )
    chosen = parser.parse_args(arguments)
    try:
        prices = sources.load("folder", TICKERS, START_DATE, END_DATE, data_dir=chosen.data_dir)
        files.write_json(comparison.MANIFEST, build(prices))
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{comparison.MANIFEST.name}: {len(prices)} tickers, {START_DATE} to {END_DATE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
