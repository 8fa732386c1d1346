"""What pruning saves and costs: the same studies without a pruner and with Optuna's median pruner.

    python -m benchmarks.pruning

Seeds, prices, search space and sampler are equal; from the first pruned trial on the sampler has
seen other scores, so the two searches part.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import conditions
from lib.data import windows
from lib.data.windows import Dataset
from lib.experiments import tuning
from lib.settings import Settings

PRUNERS = ("none", "median")


def search(
    pruner: str, data: dict[str, Dataset], chosen: Settings, digests: dict[str, str], folder: Path
) -> pd.DataFrame:
    """Run (or finish) all studies with one pruner; returns their trials as ``tuning.trial_frame`` gives them."""
    values = chosen.changed(pruner=pruner)
    plans = tuning.plan(values, lambda ticker, network: folder / f"{ticker}_{network}.db")
    tuning.run_studies(plans, data, values, digests)
    return pd.concat(
        [tuning.trial_frame(p, tuning.steering_of(values, digests[p.ticker])) for p in plans], ignore_index=True
    )


def compare(trials: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Time and best score of each study with both pruners, and over all studies.

    Args:
        trials: pruner -> trials of all studies.

    Returns:
        ``studies``: one row each, with ``seconds`` and ``best_mse`` by pruner, ``pruned`` of
        ``trials``, ``saved`` (share of time) and ``score_ratio`` (best MSE with pruner / without);
        ``saved``, ``pruned_share`` and ``score_ratio`` (geometric mean) over all.
    """
    rows = []
    for (ticker, network), plain in trials["none"].groupby(["ticker", "network"], sort=False):
        pruned = trials["median"].query("ticker == @ticker and network == @network")
        seconds = {"none": float(plain["seconds"].sum()), "median": float(pruned["seconds"].sum())}
        best = {"none": _best(plain), "median": _best(pruned)}
        rows.append(
            {
                "ticker": ticker,
                "network": network,
                "trials": len(plain),
                "pruned": int((pruned["state"] == "pruned").sum()),
                "seconds": seconds,
                "best_mse": best,
                "saved": 1 - seconds["median"] / seconds["none"],
                "score_ratio": best["median"] / best["none"],
            }
        )
    whole = {p: sum(r["seconds"][p] for r in rows) for p in PRUNERS}
    good = [math.log(r["score_ratio"]) for r in rows if math.isfinite(r["score_ratio"]) and r["score_ratio"] > 0]
    return {
        "studies": rows,
        "seconds": whole,
        "saved": 1 - whole["median"] / whole["none"],
        "pruned_share": sum(r["pruned"] for r in rows) / sum(r["trials"] for r in rows),
        "score_ratio": math.exp(statistics.fmean(good)) if good else None,
        "worse_studies": sum(g > 0 for g in good),
        "median_best_mse": {p: statistics.median(r["best_mse"][p] for r in rows) for p in PRUNERS},
    }


def _best(trials: pd.DataFrame) -> float:
    return float(trials.loc[trials["state"] == "complete", "mse"].min())


def work(words: Sequence[str] | None = None) -> None:
    """Read the options, search twice, write ``pruning.json``."""
    parser = conditions.parser(
        "pruning", "The same studies without and with the median pruner: time saved, score lost."
    )
    parser.add_argument(
        "--trials", type=conditions.whole_number(1, 1000), default=15, help="trials of each study; default 15"
    )
    parser.add_argument(
        "--tickers", nargs="+", default=["ETH-USD"], metavar="TICKER", help="coins of the thesis; default ETH-USD"
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        default=["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"],
        metavar="NETWORK",
        help="default all four",
    )
    parser.add_argument(
        "--max-epochs",
        type=conditions.whole_number(1, 200),
        default=200,
        help="no training is longer; default 200, as the thesis",
    )
    options = parser.parse_args(words)
    run = conditions.Run("pruning", options, parser)
    chosen, prices, about = conditions.thesis_data(
        options.data_dir,
        seed=options.seed,
        threads=1,
        trials=options.trials,
        workers=conditions.cores(),
        networks=options.networks,
        max_epochs=options.max_epochs,
    )
    if about["source"] != "sample":
        unknown = [t for t in options.tickers if t not in prices]
        if unknown:
            raise conditions.BenchmarkError(f"--tickers {' '.join(unknown)}: not among {', '.join(prices)}")
        chosen = chosen.changed(tickers=options.tickers)
    data, digests = windows.build(prices, chosen), tuning.price_digests(prices, chosen.inputs)
    folder = conditions.CACHE / "pruning" / run.key(about)
    run.quiet(options.wait)
    trials = {}
    for pruner in PRUNERS:
        print(f"Pruner {pruner}:")
        trials[pruner] = search(pruner, data, chosen, digests, folder / pruner)
    result = compare(trials)
    run.write(data=about, workers=chosen.workers, startup_trials=chosen.startup_trials, results=result)
    print(f"Pruned {result['pruned_share']:.0%} of trials, saved {result['saved']:.0%} of the time.")


if __name__ == "__main__":
    sys.exit(conditions.main(work))
