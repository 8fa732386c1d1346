"""Prices in: three sources, one check, and whether they are the thesis's own.

``prices_of`` reads the daily prices of a run, ``load`` those of any tickers, ``last_day`` says how far a run's source
goes; ``origins`` says where they come from, ``digest`` and ``digest_of_all`` identify them, ``compare_with_manifest``
holds them against the window that the thesis was reproduced on.
"""

from lib.data.market.comparison import Comparison, compare_with_manifest
from lib.data.market.digests import digest, digest_of_all
from lib.data.market.faults import MarketError, SourceUnavailable
from lib.data.market.files.csv_prices import COLUMNS
from lib.data.market.sources import Refused, last_day, load, origins, prices_of

__all__ = [
    "COLUMNS",
    "Comparison",
    "MarketError",
    "Refused",
    "SourceUnavailable",
    "compare_with_manifest",
    "digest",
    "digest_of_all",
    "last_day",
    "load",
    "origins",
    "prices_of",
]
