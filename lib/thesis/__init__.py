"""What the thesis printed, as data: its tables, its best trials and its 255 appendix rows.

Source: M. H. Isik, Development of Artificial Intelligence Support for the Cryptocurrency
Market, master's thesis, Warsaw University of Technology, 2025.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

APPENDIX = {"SOL-USD": 1, "ADA-USD": 2, "ETH-USD": 3}


@lru_cache(maxsize=1)
def printed() -> dict[str, Any]:
    """Everything in ``printed.yaml``, by the place where the thesis prints it."""
    return yaml.safe_load(files(__name__).joinpath("printed.yaml").read_text(encoding="utf-8"))


def best_hyperparameters(network: str) -> dict[str, float]:
    """The hyperparameters that the thesis calls best for a network (chapter 8, Tables 4.3, 4.4)."""
    return dict(printed()["best"][network]["hyperparameters"])


def trials() -> pd.DataFrame:
    """Appendices 1 to 3, 255 rows as printed, with the ``network`` that a row really describes.

    The column ``model`` keeps the printed label. Appendix 2 (ADA-USD) swaps two of them: its
    "LSTM" rows have filters and kernels, its "CNN-LSTM" rows have neither, so ``network``
    exchanges the two there.
    """
    with files(__name__).joinpath("appendix_trials.csv").open(encoding="utf-8") as f:
        frame = pd.read_csv(f)
    swap = {"LSTM": "CNN-LSTM", "CNN-LSTM": "LSTM"}
    ada = frame["ticker"] == "ADA-USD"
    frame["network"] = frame["model"].where(~ada, frame["model"].replace(swap))
    return frame


def trial_count(ticker: str, network: str) -> int:
    """How many trials the appendices list for a ticker and a network; 0 for an unknown ticker."""
    frame = trials()
    return int(((frame["ticker"] == ticker) & (frame["network"] == network)).sum())
