"""The whole street under other prices after a day: with the honest settings no number of that day or before changes.

Prices after a random day are multiplied by factors between a half and two, with random gaps, inputs, targets and coins.
Everything that has a date is compared bit by bit up to that day.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from lib import tables
from lib.data import indicators, market, technical, windows
from lib.evaluation import baselines, chart_signals, intervals
from lib.experiments import forecast, frames, interval_bands, seeds, train, walk_forward

COINS = ("ADA-USD", "ETH-USD", "SOL-USD")
DAYS = 420
QUICK = ("naive", "drift", "moving average", "ridge")


@dataclass(frozen=True)
class Case:
    """Prices, the same with other prices after ``day``, and settings under which nothing may look ahead."""

    prices: dict
    later: dict
    day: pd.Timestamp
    settings: object


def case(seed, tiny, random_walk):
    rng = np.random.default_rng(seed)
    coins = COINS[: 1 + rng.integers(3)]
    inputs, target = [("own_close", "close"), ("all_closes", "log_return"), ("ohlcv_indicators", "close")][seed % 3]
    settings = tiny(
        tickers=list(coins),
        inputs=inputs,
        target=target,
        scaling="train",
        gap_fill="previous",
        outliers=["off", "cap", "median"][rng.integers(3)],
        indicator_days=[5, 3, 6, 3, 5],
        max_gap_days=int(rng.integers(1, 6)),
        lookback=int(rng.integers(3, 12)),
        folds=2,
    )
    prices = random_walk(*coins, seed=seed, days=DAYS)
    for frame in prices.values():
        for first in rng.integers(5, DAYS - 12, 4):
            frame.iloc[first : first + rng.integers(1, 9)] = np.nan
    index = prices[coins[0]].index
    at = rng.integers(int(0.88 * DAYS), DAYS - 3)  # a test day, also where gaps move the splits
    if seed % 2:  # inside a gap, which the first later price could fill
        for frame in prices.values():
            frame.iloc[at - 1 : at + 2] = np.nan
    day = index[at]
    return Case(prices, changed_after(day, prices, rng), day, settings)


def changed_after(day, prices, rng):
    """Prices with a factor of its own on each later day; Low, High, Open and Close stay in order."""
    later = {}
    for ticker, frame in prices.items():
        factor = np.where(frame.index > day, np.exp(rng.uniform(-np.log(2), np.log(2), len(frame))), 1.0)
        later[ticker] = frame.mul(factor, axis=0)
    return later


def same(before, after, day, date="date", drop=()):
    """Both tables have rows up to the day, and these are equal to the last bit."""
    cut = [t[t[date] <= day].drop(columns=list(drop)).reset_index(drop=True) for t in (before, after)]
    assert len(cut[0])
    pd.testing.assert_frame_equal(*cut, check_exact=True)


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(k, marks=[pytest.mark.slow, pytest.mark.ci]) for k in range(3, 18))]
)
def test_windows_and_baselines(seed, tiny, random_walk):
    made = case(seed, tiny, random_walk)
    settings = made.settings
    both = [windows.build(prices, settings) for prices in (made.prices, made.later)]
    changed = 0
    for ticker, before in both[0].items():
        after = both[1][ticker]
        assert made.day > before.days["validation"][-1], "the case must leave training and validation alone"
        clean = [
            windows.clean(p, settings)[ticker].rename_axis("date").reset_index() for p in (made.prices, made.later)
        ]
        same(*clean, made.day)
        for part, other in zip(before.parts, after.parts):
            known = part.dates <= made.day
            assert (part.dates == other.dates).all()
            for name in ("X", "y", "actual_usd", "last_close_usd"):
                np.testing.assert_array_equal(getattr(part, name)[known], getattr(other, name)[known])
            if part is before.test:
                # A window ends on the day before its target, so that of the next day is blind as well.
                blind = part.dates <= made.day + pd.Timedelta(days=1)
                np.testing.assert_array_equal(part.X[blind], other.X[blind])
                changed += int((part.actual_usd != other.actual_usd).sum())
        ours, theirs = (
            pd.concat(frames.of_baselines(d[ticker], p, settings, "any", QUICK))
            for d, p in ((both[0], made.prices), (both[1], made.later))
        )
        same(ours, theirs, made.day)
    assert changed, "the changed prices must be seen somewhere, or nothing was tested"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_baseline(seed, tiny, random_walk):
    made = case(3 * seed, tiny, random_walk)
    ticker = made.settings.tickers[0]
    found = [
        pd.concat(frames.of_baselines(windows.build(p, made.settings)[ticker], p, made.settings, "any"))
        for p in (made.prices, made.later)
    ]
    assert set(found[0]["model"]) == set(baselines.BASELINES)
    same(*found, made.day)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1, marks=pytest.mark.slow),
        *(pytest.param(k, marks=[pytest.mark.slow, pytest.mark.ci]) for k in (0, *range(2, 8))),
    ],
)
def test_intervals_and_forecast_paths(seed, tiny, random_walk):
    made = case(3 * seed, tiny, random_walk)  # own closes, which a path can be rolled from
    for ticker in made.settings.tickers:
        both = [windows.build(p, made.settings)[ticker] for p in (made.prices, made.later)]
        observed = [p[ticker]["Close"].dropna() for p in (made.prices, made.later)]
        clean = [windows.clean(p, made.settings)[ticker]["Close"] for p in (made.prices, made.later)]
        bands = [interval_bands.bands({ticker: o}, {ticker: d})[ticker] for o, d in zip(observed, both)]
        for rule in bands[0]:
            same(bands[0][rule], bands[1][rule], made.day, "origin", ["actual_usd"])
            same(bands[0][rule], bands[1][rule], made.day)
        origin = observed[0].index[observed[0].index <= made.day][-1]
        paths = [forecast.paths(lambda X: X.mean(axis=(1, 2)), d, c, o, 5) for d, c, o in zip(both, clean, observed)]
        same(*(p.rename_axis("date").reset_index() for p in paths), made.day)
        if origin not in paths[0].index:
            continue  # its window is not whole
        made_then = [
            forecast.forecast(lambda X: X[:, -1, 0], d, c, o, (origin + pd.Timedelta(days=1)).date(), 5)
            for d, c, o in zip(both, clean, observed)
        ]
        said = [m.days.drop(columns="actual_usd") for m in made_then]
        pd.testing.assert_frame_equal(*said, check_exact=True)
        assert forecast.in_words(made_then[0]) == forecast.in_words(made_then[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(k, marks=pytest.mark.ci) for k in (0, *range(3, 8)))])
def test_walk_forward_trades_and_signals(seed, tiny, random_walk, no_training, monkeypatch):
    every = baselines.forecasts
    monkeypatch.setattr(baselines, "forecasts", lambda data, close: every(data, close, QUICK))
    made = case(seed, tiny, random_walk)
    both = [walk_forward.forecasts(p, made.settings)[0] for p in (made.prices, made.later)]
    same(*both, made.day)
    paths = [
        tables.wealth_paths(f.assign(reading="all", part="test"), "all", "test")
        for f in (one[one["reading"] == "expanding 2"] for one in both)
    ]
    for ticker, rules in paths[0].items():
        for rule, before in rules.items():
            # The last day's position is sold at its end, so the wealth of the very last row counts its costs.
            same(before, paths[1][ticker][rule], made.day, drop=["sides"] if "sides" in before else ())
    for ticker in made.settings.tickers:
        known = [p[ticker].dropna() for p in (made.prices, made.later)]
        for table in (technical.indicators, technical.vote_history, lambda k: technical.score_history(k).to_frame("x")):
            same(*(table(k).rename_axis("date").reset_index() for k in known), made.day)
        same(*(indicators.add_indicators(k).rename_axis("date").reset_index() for k in known), made.day)
        # What is measured on past days is the same when measured on the day itself.
        until = [k[k.index <= made.day] for k in known]
        assert chart_signals.performance(until[0]) == chart_signals.performance(until[1])
        assert market.digest({ticker: until[0]}) == market.digest({ticker: until[1]})


def test_the_case_of_a_file_whose_later_prices_differ(tiny):
    """f31 is f00 up to row 320; then it jumps by 9.6, which has to be accepted."""
    from lib.settings import PROJECT_ROOT

    cases = PROJECT_ROOT / "tests" / "cases"
    read = {name: pd.read_csv(cases / f"{name}.csv", index_col="Date", parse_dates=True) for name in CASE_FILES}
    before, after = ({"BTC-USD": frame.astype("float64").rename_axis("date")} for frame in read.values())
    day = before["BTC-USD"].index[319]
    same(*(p["BTC-USD"].reset_index() for p in (before, after)), day)
    honest = tiny(tickers=["BTC-USD"], scaling="train", gap_fill="previous", split=[0.6, 0.1, 0.3])
    both = [windows.build(p, honest)["BTC-USD"] for p in (before, after)]
    known = both[0].test.dates <= day
    assert known.any() and not known.all()
    np.testing.assert_array_equal(both[0].test.X[known], both[1].test.X[known])
    # The thesis's own scaling does look ahead, and this sees it.
    leaky = [windows.build(p, honest.changed(scaling="all"))["BTC-USD"] for p in (before, after)]
    assert (leaky[0].test.X[known] != leaky[1].test.X[known]).any()


CASE_FILES = ("f00_plain", "f31_future_changed")


@pytest.mark.slow
@pytest.mark.parametrize("network", ["CNN", "LSTM"])
def test_a_trained_network(network, tiny, random_walk, pool, tmp_path, monkeypatch):
    from lib.results import training_cache

    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    made = case(6, tiny, random_walk)
    ticker = made.settings.tickers[0]
    found = []
    for prices in (made.prices, made.later):
        one = seeds.training(windows.build(prices, made.settings)[ticker], network, made.settings)
        found.append(frames.of_training(one, train.train_all([one])[0], "any"))
    same(*found, made.day)
    last = [f[f["date"] > made.day]["predicted_usd"].to_numpy() for f in found]
    assert (last[0] != last[1]).any()


def test_intervals_know_nothing_later_whatever_the_horizon(random_walk):
    """The same of the rule itself, on closes with holes."""
    close = random_walk(days=200)["BTC-USD"]["Close"]
    close.iloc[[50, 51, 120]] = np.nan
    day = close.index[150]
    later = close.where(close.index <= day, close * 3)
    same(intervals.conformal(close), intervals.conformal(later), day, "origin", ["actual_usd"])
