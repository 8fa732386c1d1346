"""Who is trained on what, with which seeds, to judge the networks: seeds, targets, walk-forward, leaks.

Each experiment lists its trainings (``lib.experiments.trainings``), so that they run side by side and are kept, and
returns forecasts in one long frame, from which everything else is computed:

``ticker, reading, model, seed_number, seed, part, date, actual_usd, predicted_usd, naive_usd``

``reading`` says what was varied, such as the target; ``model`` is a network or a baseline, which has
seed number 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution

from lib import thesis
from lib.data import windows
from lib.data.windows import Dataset
from lib.evaluation import baselines, intervals
from lib.experiments import controls, trainings, tuning
from lib.experiments.kept import Kept
from lib.experiments.trainings import Trained, Training
from lib.networks import runtime
from lib.settings import Chosen

TARGETS = ("close", "log_return")
SCHEMES = ("expanding", "sliding")
_ON_WINDOWS = (baselines.NAIVE, "ridge", "gradient boosting")  # on every target; the others know closes only
# Of each training part of the walk-forward, the last days that stop trainings and choose hyperparameters.
INNER_SHARE = 0.15


@dataclass(frozen=True)
class Planned:
    """A training that an experiment asks for.

    Attributes:
        training: what is trained.
        about: what the experiment calls it, such as its reading and the number of its seed.
    """

    training: Training
    about: Mapping[str, Any]


def seeds(
    prices: Mapping[str, pd.DataFrame], chosen: Chosen, kept: Kept, targets: Sequence[str] = TARGETS
) -> pd.DataFrame:
    """Every network at the thesis's best hyperparameters with several seeds, and every baseline beside it.

    Closes are forecast with ``evaluation_seeds`` seeds, log returns with the first ``comparison_seeds`` of them.

    Args:
        prices: as loaded.
        chosen: checked parameters; also ``networks``, ``evaluation_seeds``, ``comparison_seeds`` and ``workers``.
        kept: results of earlier runs, and the place for new ones.
        targets: the networks forecast closes, and log returns from which closes are rebuilt.

    Returns:
        Long frame of validation and test days; ``reading`` is the target. Seed k of a network is the
        same for every target.
    """
    planned = seed_trainings(prices, chosen, targets)
    trained = trainings.run([p.training for p in planned], kept, chosen)
    frames = [long_frame(t, **p.about) for t, p in zip(trained, planned)]
    return pd.concat([seed_baselines(prices, chosen, targets), *frames], ignore_index=True)


def seed_trainings(
    prices: Mapping[str, pd.DataFrame], chosen: Chosen, targets: Sequence[str] = TARGETS
) -> list[Planned]:
    """The trainings of :func:`seeds`; ``about`` has ``reading`` (the target) and ``seed_number``."""
    planned = []
    digests = tuning.price_digests(prices, chosen.inputs)
    for target in targets:
        reading = chosen.but(target=target)
        data = windows.build(prices, reading)
        for k in range(1, (chosen.evaluation_seeds if target == "close" else chosen.comparison_seeds) + 1):
            for ticker, network in ((t, n) for t in data for n in chosen.networks):
                seed = runtime.derived_seed(chosen.seed, "seeds", ticker, network, k)
                name, best = f"{ticker} {network}, {target}, seed {k}", thesis.best_hyperparameters(network)
                training = Training(name, network, best, seed, data[ticker], reading, digests[ticker])
                planned.append(Planned(training, {"reading": target, "seed_number": k}))
    return planned


def seed_baselines(
    prices: Mapping[str, pd.DataFrame], chosen: Chosen, targets: Sequence[str] = TARGETS
) -> pd.DataFrame:
    """The rows of :func:`seeds` that need no training."""
    frames = []
    for target in targets:
        for data in windows.build(prices, chosen.but(target=target)).values():
            frames += _baselines_of(data, prices, chosen, target, first=target == targets[0])
    return pd.concat(frames, ignore_index=True)


def _baselines_of(
    data: Dataset, prices: Mapping[str, pd.DataFrame], chosen: Chosen, target: str, first: bool
) -> list[pd.DataFrame]:
    """All baselines on the first target's windows; on other targets the naive forecast and those that look at windows."""
    names = list(baselines.BASELINES) if first else [n for n in baselines.BASELINES if n in _ON_WINDOWS]
    close = windows.clean(prices, chosen)[data.ticker]["Close"]
    made = baselines.forecasts(data, close, names)
    return [_named(f[f["part"] != "train"], data.ticker, target, name, 0, None) for name, f in made.items()]


def long_frame(
    trained: Trained, reading: str, seed_number: int, weights: str = "best", parts: Iterable[str] = trainings.PARTS
) -> pd.DataFrame:
    """The forecasts of one training as rows of the long frame."""
    data = trained.training.data
    frames = []
    for name in parts:
        part = getattr(data, name)
        frames.append(
            pd.DataFrame(
                {
                    "date": part.dates,
                    "actual_usd": part.actual_usd,
                    "predicted_usd": data.forecast_usd(part, trained.predicted(name, weights)),
                    "naive_usd": part.last_close_usd,
                    "part": part.name,
                }
            )
        )
    return _named(pd.concat(frames), data.ticker, reading, trained.training.network, seed_number, trained.training.seed)


def _named(
    frame: pd.DataFrame, ticker: str, reading: str, model: str, seed_number: int, seed: int | None
) -> pd.DataFrame:
    named = frame.assign(
        ticker=ticker,
        reading=reading,
        model=model,
        seed_number=seed_number,
        seed=pd.array([seed] * len(frame), dtype="Int64"),
    )
    first = [
        "ticker",
        "reading",
        "model",
        "seed_number",
        "seed",
        "part",
        "date",
        "actual_usd",
        "predicted_usd",
        "naive_usd",
    ]
    return named[first]


def folds(days: pd.DatetimeIndex, count: int, scheme: str) -> list[dict[str, pd.DatetimeIndex]]:
    """Training and test days of a walk-forward over the second half of the days.

    Args:
        days: all days in order.
        count: of test blocks, one after the other, of equal length (the last takes what is left).
        scheme: ``expanding`` trains on everything before a block, ``sliding`` on as many days before
            it as the first block has.

    Returns:
        For each block ``train``, ``validation`` (the last :data:`INNER_SHARE` of the days before the
        block, for early stopping and the choice of hyperparameters) and ``test``.
    """
    first, length = len(days) // 2, (len(days) - len(days) // 2) // count
    found = []
    for k in range(count):
        start = first + k * length
        before = days[start - first if scheme == "sliding" else 0 : start]
        inner = int(round(len(before) * INNER_SHARE))
        test = days[start:] if k == count - 1 else days[start : start + length]
        found.append({"train": before[:-inner], "validation": before[-inner:], "test": test})
    return found


def walk_forward(prices: Mapping[str, pd.DataFrame], chosen: Chosen, kept: Kept) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network over ``folds`` blocks of test days, tuned inside each training part.

    In each fold ``fold_trials`` sets of hyperparameters, drawn from the search space, are trained. The
    thesis's best one is not among them: it was chosen on days that are test days here. The one with
    the smallest MSE on the inner validation days forecasts the block. Scaler and early stopping see no later day. Windows reach back over the
    start of a part, so that every day of a block is forecast. Both schemes have the first fold in
    common; its trainings are made once.

    Returns:
        The long frame of test days (``reading`` is scheme and fold, such as ``expanding 1``), with the
        baselines beside; and a row a training: ticker, network, scheme, fold, trial, chosen (whether it
        forecast the block), inner validation MSE, epochs and hyperparameters.
    """
    planned = walk_forward_trainings(prices, chosen)
    trained = trainings.run([p.training for p in planned], kept, chosen)
    rows = pd.DataFrame([walk_forward_row(t, p) for t, p in zip(trained, planned)])
    best = rows.groupby(["ticker", "network", "scheme", "fold"], sort=False)["validation_mse"].transform("idxmin")
    rows.insert(5, "chosen", rows.index == best)
    frames = [walk_forward_baselines(prices, chosen)]
    for at in np.flatnonzero(rows["chosen"]):
        about = planned[at].about
        frames.append(long_frame(trained[at], f"{about['scheme']} {about['fold']}", 1, parts=["test"]))
    return pd.concat(frames, ignore_index=True), rows


@dataclass(frozen=True)
class _Fold:
    """One fold of one ticker: its parameters (days and split), its prices and its windows."""

    scheme: str
    number: int
    chosen: Chosen
    prices: Mapping[str, pd.DataFrame]
    data: Dataset


def _folds_of(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> Iterator[_Fold]:
    honest = chosen.but(scaling="train", gap_fill="previous")
    for ticker, frame in windows.clean(prices, honest).items():
        for scheme in SCHEMES:
            for number, days in enumerate(folds(frame.index, chosen.folds, scheme), 1):
                reading = _cut(honest, days)
                part = {
                    t: p.loc[pd.Timestamp(reading.start_date) : pd.Timestamp(reading.end_date)]
                    for t, p in prices.items()
                }
                yield _Fold(scheme, number, reading, part, windows.build(part, reading, reach_back=True)[ticker])


def walk_forward_trainings(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> list[Planned]:
    """The trainings of :func:`walk_forward`; ``about`` has ticker, network, scheme, fold and trial."""
    planned = []
    for fold in _folds_of(prices, chosen):
        ticker, digests = fold.data.ticker, tuning.price_digests(fold.prices, chosen.inputs)
        for network in chosen.networks:
            for trial, h in enumerate(trial_sets(network, chosen, ticker, fold.number), 1):
                seed = runtime.derived_seed(chosen.seed, "walk-forward", ticker, network, fold.number, trial)
                name = f"{ticker} {network}, {fold.scheme} {fold.number}, trial {trial}"
                training = Training(
                    name, network, h, seed, fold.data, fold.chosen, digests[ticker], "windows reach back"
                )
                planned.append(
                    Planned(
                        training,
                        {
                            "ticker": ticker,
                            "network": network,
                            "scheme": fold.scheme,
                            "fold": fold.number,
                            "trial": trial,
                        },
                    )
                )
    return planned


def walk_forward_baselines(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> pd.DataFrame:
    """The rows of :func:`walk_forward` that need no training."""
    frames = []
    for fold in _folds_of(prices, chosen):
        made = baselines.forecasts(fold.data, windows.clean(fold.prices, fold.chosen)[fold.data.ticker]["Close"])
        reading = f"{fold.scheme} {fold.number}"
        frames += [_named(f[f["part"] == "test"], fold.data.ticker, reading, name, 0, None) for name, f in made.items()]
    return pd.concat(frames, ignore_index=True)


def walk_forward_row(trained: Trained, planned: Planned) -> dict[str, Any]:
    """What the table of trainings says of one, but for whether it was chosen."""
    network = planned.about["network"]
    return {
        **planned.about,
        **_inner(trained),
        **trainings.own_hyperparameters(network, trained.training.hyperparameters),
    }


def _cut(chosen: Chosen, days: Mapping[str, pd.DatetimeIndex]) -> Chosen:
    """The parameters of one fold: its days, and the split that cuts them as the fold does."""
    total = sum(map(len, days.values()))
    split = [len(days[part]) / total for part in windows.SPLITS]
    return chosen.but(start_date=days["train"][0].date(), end_date=days["test"][-1].date(), split=split)


def _inner(trained: Trained) -> dict[str, Any]:
    part = trained.training.data.validation
    error = trained.predicted("validation") - part.y
    mse = float(np.mean(error**2)) if np.isfinite(error).all() else np.inf
    return {
        "validation_mse": mse,
        "epochs_run": trained.epochs_run,
        "best_epoch": trained.best_epoch,
        "seed": trained.training.seed,
    }


def trial_sets(network: str, chosen: Chosen, ticker: str, fold: int) -> list[dict[str, float]]:
    """``fold_trials`` seeded random sets of hyperparameters from the search space."""
    rng = np.random.default_rng(runtime.derived_seed(chosen.seed, "fold trials", ticker, network, fold))
    space = tuning.search_space(network, chosen.search_space)
    return [{n: _drawn(d, rng) for n, d in space.items()} for _ in range(chosen.fold_trials)]


def _drawn(distribution: BaseDistribution, rng: np.random.Generator) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    low, high = distribution.low, distribution.high
    if isinstance(low, int):
        return int(low + (distribution.step or 1) * rng.integers((high - low) // (distribution.step or 1) + 1))
    return float(np.exp(rng.uniform(np.log(low), np.log(high))) if distribution.log else rng.uniform(low, high))


LEAKS = {
    "nothing": "scaled on the training days, stopped on the validation days",
    "scaling over everything": "the scaler also sees validation and test days",
    "both": "early stopping also watches the test days, which are then scored: as the thesis does, on its validation days",
}


_LEAK_OF = {
    ("train", "validation"): "nothing",
    ("all", "validation"): "scaling over everything",
    ("all", "test"): "both",
}


def leaks(prices: Mapping[str, pd.DataFrame], chosen: Chosen, kept: Kept) -> pd.DataFrame:
    """The same networks, seeds and test days with one leak after the other; ``reading`` is a key of :data:`LEAKS`.

    With ``scaling`` all, the trainings with scaling over everything are those of :func:`seeds` on closes,
    which are found and not made again.

    Returns:
        Long frame of test days.
    """
    planned = leak_trainings(prices, chosen)
    trained = trainings.run([p.training for p in planned], kept, chosen)
    return pd.concat([long_frame(t, **p.about) for t, p in zip(trained, planned)], ignore_index=True)


def leak_trainings(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> list[Planned]:
    """The trainings of :func:`leaks`; ``about`` has ``reading``, ``seed_number`` and ``parts`` (where the test days stand)."""
    planned = []
    digests = tuning.price_digests(prices, chosen.inputs)
    for scaling in ("train", "all"):
        reading = chosen.but(scaling=scaling, target="close")
        for ticker, honest in windows.build(prices, reading).items():
            exchanged = replace(honest, validation=honest.test, test=honest.validation)
            for stopped_on, data, scored in (("validation", honest, "test"), ("test", exchanged, "validation")):
                if (scaling, stopped_on) not in _LEAK_OF:
                    continue
                leak, variant = _LEAK_OF[scaling, stopped_on], "" if stopped_on == "validation" else "stopped on test"
                for k, network in ((k, n) for k in range(1, chosen.comparison_seeds + 1) for n in chosen.networks):
                    seed = runtime.derived_seed(chosen.seed, "seeds", ticker, network, k)
                    name, best = f"{ticker} {network}, leak: {leak}, seed {k}", thesis.best_hyperparameters(network)
                    training = Training(name, network, best, seed, data, reading, digests[ticker], variant)
                    planned.append(Planned(training, {"reading": leak, "seed_number": k, "parts": [scored]}))
    return planned


# Small ends of the search space and few epochs: a training takes about half a second.
SMALL = {
    "filters": 16,
    "filters1": 16,
    "filters2": 16,
    "kernel_size": 2,
    "kernel_size1": 2,
    "kernel_size2": 2,
    "pool_size": 1,
    "lstm_units1": 16,
    "lstm_units2": 8,
    "dropout_rate": 0.1,
    "learning_rate": 0.01,
    "batch_size": 32,
    "epochs": 10,
}
_SIMULATED = "SIMULATED"


def on_simulated(series: str, chosen: Chosen, kept: Kept) -> pd.DataFrame:
    """What tests say of quick baselines and of every network on simulated series, each trained anew on each.

    Args:
        series: a key of ``controls.SERIES``.
        chosen: checked parameters; ``networks``, ``control_runs`` and ``workers`` are used.
        kept: results of earlier runs, and the place for new ones.

    Returns:
        As ``controls.short_runs``, with ``series`` and ``seed`` (of the training; none for a baseline).
    """
    planned = control_trainings(series, chosen)
    trained = trainings.run([p.training for p in planned], kept, chosen, f"Trainings, {series}")
    rows = [control_row(t, p) for t, p in zip(trained, planned)]
    found = pd.concat(
        [controls.runs_on(series, control_runs(series, chosen), chosen.seed), pd.DataFrame(rows)], ignore_index=True
    )
    return found.assign(series=series, seed=found["seed"].astype("Int64"))


def control_runs(series: str, chosen: Chosen) -> int:
    """How many series: false alarms are rare and need all of ``control_runs``; a signal that is there is found in a quarter of them."""
    return chosen.control_runs if series == controls.WALK else max(20, chosen.control_runs // 4)


def control_trainings(series: str, chosen: Chosen) -> list[Planned]:
    """The trainings of :func:`on_simulated`, on log returns, as a network on closes is far from naive on any series; ``about`` has ``run``."""
    coefficient, volatility = controls.SERIES[series]
    planned = []
    for run in range(control_runs(series, chosen)):
        close = controls.walk(controls.DAYS, coefficient, volatility, seed=chosen.seed + run)
        prices = {_SIMULATED: controls.as_prices(close)}
        setting = chosen.but(
            **controls.chosen(target="log_return").as_plain(),
            max_epochs=SMALL["epochs"],
            tickers=[_SIMULATED],
            start_date=close.index[0].date(),
            end_date=close.index[-1].date(),
        )
        data, digest = (
            windows.build(prices, setting)[_SIMULATED],
            tuning.price_digests(prices, setting.inputs)[_SIMULATED],
        )
        for network in chosen.networks:
            seed = runtime.derived_seed(chosen.seed, "controls", series, network, run)
            training = Training(f"{network}, {series} {run + 1}", network, SMALL, seed, data, setting, digest)
            planned.append(Planned(training, {"run": run}))
    return planned


def control_row(trained: Trained, planned: Planned) -> dict[str, Any]:
    """One network's row of :func:`on_simulated`."""
    test = long_frame(trained, "control", 1, parts=["test"])
    return {**controls.judged(planned.about["run"], trained.training.network, test), "seed": trained.training.seed}


def seeds_used(frame: pd.DataFrame) -> dict[str, dict[str, list[int]]]:
    """Ticker -> network -> its seeds, for the record of a notebook."""
    trained = frame[frame["seed_number"] > 0].drop_duplicates(["ticker", "model", "seed_number"])
    return {
        t: {m: [int(s) for s in rows["seed"]] for m, rows in of.groupby("model", sort=False)}
        for t, of in trained.groupby("ticker", sort=False)
    }


def training_closes(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> dict[str, np.ndarray]:
    """Ticker -> clean closes of the training days in US dollars."""
    cleaned = windows.clean(prices, chosen)
    days = {t: windows.split_days(f.index, chosen.split)["train"] for t, f in cleaned.items()}
    return {t: f["Close"].loc[days[t]].to_numpy() for t, f in cleaned.items()}


def leak_check(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> pd.DataFrame:
    """The honest pipeline and the leaky one under a change of later prices, with ridge as the model.

    Returns:
        One row a ticker and pipeline: ``day`` (the first test day, from which prices are changed),
        ``forecasts`` before it, ``changed`` among them, ``looked_ahead``.
    """
    rows = []
    first = chosen.tickers[0]
    for scaling, gap_fill in (("train", "previous"), ("all", "linear")):
        forecast = _ridge_street(first, chosen.but(scaling=scaling, gap_fill=gap_fill, target="close"))
        made = forecast(dict(prices))
        day = made.loc[made["part"] == "test", "date"].iloc[0]
        changed = controls.changed_by_later_prices(forecast, prices, day, chosen.seed)
        rows.append(
            {
                "ticker": first,
                "scaling": scaling,
                "gap_fill": gap_fill,
                "day": day.date().isoformat(),
                "forecasts": int((made["date"] <= day).sum()),
                "changed": len(changed),
                "looked_ahead": len(changed) > 0,
            }
        )
    return pd.DataFrame(rows)


def _ridge_street(ticker: str, chosen: Chosen) -> Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]:
    """Prices to forecasts of validation and test days, through the project's own cleaning and windows."""

    def forecast(prices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        close = windows.clean(prices, chosen)[ticker]["Close"]
        frame = baselines.forecast(baselines.BASELINES["ridge"], windows.build(prices, chosen)[ticker], close)
        return frame[frame["part"] != "train"]

    return forecast


def interval_bands(closes: Mapping[str, pd.Series], data: Mapping[str, Dataset]) -> dict[str, dict[str, pd.DataFrame]]:
    """Ticker -> method -> intervals from every test day's close on, around the naive path."""
    found = {}
    for ticker, close in closes.items():
        known = close.dropna()
        origins = data[ticker].days["test"]
        made = {
            "conformal, adapting": intervals.conformal(known),
            "conformal, fixed": intervals.conformal(known, adapt=False),
            "service": intervals.service_band(known),
        }
        found[ticker] = {name: bands[bands["origin"].isin(origins)] for name, bands in made.items()}
    return found


def interval_example(
    bands: Mapping[str, pd.DataFrame], close: pd.Series, level: float = 0.95
) -> dict[str, pd.DataFrame]:
    """The rows of one level from the last origin whose whole path is known."""
    last = max(intervals.HORIZONS)
    origin = close.dropna().index[-last - 1]
    return {name: rows[(rows["origin"] == origin) & (rows["level"] == level)] for name, rows in bands.items()}
