"""The fixed set of 24 printed trials that throughput is measured on.

Only rows that state every hyperparameter can be trained as printed: those of CNN-LSTM and
LSTM-CNN, and the one CNN and the one LSTM that chapter 8 completes. From each of the two mixed
networks eleven rows are taken by rule: the first printed row of each coin and batch size (three
coins, four batch sizes), without the pair that has the fewest printed rows (the first of them in
the order ADA, ETH, SOL and 16, 32, 64, 128). Nothing in the rule looks at time or score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lib import networks, thesis

MIXED = ("CNN-LSTM", "LSTM-CNN")
COINS = ("ADA-USD", "ETH-USD", "SOL-USD")
BATCH_SIZES = (16, 32, 64, 128)


@dataclass(frozen=True)
class PrintedTrial:
    """One trial as the thesis prints it.

    Attributes:
        ticker, network: as in ``lib.thesis``.
        trial: its printed number.
        hyperparameters: all that the network needs.
    """

    ticker: str
    network: str
    trial: int
    hyperparameters: dict[str, float]

    @property
    def batch_size(self) -> int:
        """Windows in a step."""
        return int(self.hyperparameters["batch_size"])

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"ticker": self.ticker, "network": self.network, "trial": self.trial, "batch_size": self.batch_size}


def printed_trials() -> list[PrintedTrial]:
    """The 24 trials: CNN and LSTM of chapter 8, then eleven CNN-LSTM and eleven LSTM-CNN rows."""
    found = []
    for network in ("CNN", "LSTM"):
        place = thesis.printed()["best"][network]
        number = int(place["place"].rsplit(" ", 1)[1])
        found.append(PrintedTrial(place["ticker"], network, number, thesis.best_hyperparameters(network)))
    rows = thesis.trials()
    for network in MIXED:
        names = networks.ARCHITECTURES[network].hyperparameters
        own = rows[rows["network"] == network].dropna(subset=list(names)).sort_values("trial", kind="stable")
        cells = [own[(own["ticker"] == t) & (own["batch_size"] == b)] for t in COINS for b in BATCH_SIZES]
        fewest = min(range(len(cells)), key=lambda i: len(cells[i]))
        for cell in (c for i, c in enumerate(cells) if i != fewest):
            row = cell.iloc[0]
            values = {n: float(row[n]) if n in ("dropout_rate", "learning_rate") else int(row[n]) for n in names}
            found.append(PrintedTrial(row["ticker"], network, int(row["trial"]), values))
    return found
