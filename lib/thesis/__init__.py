"""What the thesis printed, as data: its tables, its best trials and its 255 appendix rows.

Source: M. H. Isik, Development of Artificial Intelligence Support for the Cryptocurrency
Market, master's thesis, Warsaw University of Technology, 2025.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

from lib.errors import ProjectError

APPENDIX = {"SOL-USD": 1, "ADA-USD": 2, "ETH-USD": 3}
# The study that its author searched again on 26 January 2025, on other days than all others (``target_variance``).
RERUN = ("ADA-USD", "CNN")

PRINTED_TRIALS = "appendix_trials.csv"
_SHA256 = {
    PRINTED_TRIALS: "4de8d020194250274a1a3218562ae7966ae47a0cfdd77bc9e21610ae2596d0de",
    "published_trials.csv": "13bbe26d7db9d89827609a8788d28d5d092f927e7c907d7db0dac7818e457e3c",
}


class RecordsError(ProjectError):
    """A list of the thesis's trials is missing or not as it was printed or published."""


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

    Raises:
        RecordsError: the file is missing, cut or altered.
    """
    frame = pd.read_csv(io.BytesIO(content(PRINTED_TRIALS)))
    swap = {"LSTM": "CNN-LSTM", "CNN-LSTM": "LSTM"}
    ada = frame["ticker"] == "ADA-USD"
    frame["network"] = frame["model"].where(~ada, frame["model"].replace(swap))
    return frame


def content(file: str) -> bytes:
    """The bytes of a list of trials, with line ends of one byte.

    Raises:
        RecordsError: it is missing, cut or altered.
    """
    again = f"Take it from version control again: git checkout -- lib/thesis/{file}"
    try:
        found = files(__name__).joinpath(file).read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise RecordsError(f"lib/thesis/{file} cannot be read ({error.strerror or error}). {again}") from None
    if hashlib.sha256(found).hexdigest() != _SHA256[file]:
        lines = max(0, found.count(b"\n") - 1)
        raise RecordsError(
            f"lib/thesis/{file} is cut or altered: it has {lines} of 255 trials, or other values. {again}"
        )
    return found


def trial_count(ticker: str, network: str) -> int:
    """How many trials the appendices list for a ticker and a network; 0 for an unknown ticker."""
    frame = trials()
    return int(((frame["ticker"] == ticker) & (frame["network"] == network)).sum())
