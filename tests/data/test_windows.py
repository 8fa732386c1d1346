"""Windows against series written out by hand; none crosses a split, and nothing later changes anything earlier."""

import functools

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.data import cleaning, indicators, windows
from lib.data.windows import SPLITS, WindowError
from lib.evaluation import alignment, baselines, significance

BASE = {
    "gap_fill": "previous",
    "indicator_days": [5, 3, 6, 4, 5],
    "lookback": 2,
    "split": [0.5, 0.25, 0.25],
}


def chosen(**changes):
    return settings.sample().changed(**{**BASE, **changes})


def prices_of(closes, first="2021-01-01"):
    close = np.asarray(closes, dtype="float64")
    index = pd.date_range(first, periods=len(close), name="date")
    return pd.DataFrame({"Open": close, "High": close, "Low": close, "Close": close, "Volume": close + 1}, index=index)


def noisy(days, seed):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.05, days)))
    frame = prices_of(close)
    return frame.assign(Open=close * 0.99, High=close * 1.05, Low=close * 0.9, Volume=rng.uniform(1e3, 1e6, days))


CLOSES = [0, 50, 100, 20, 40, 60, 80, 10, 30, 70, 90, 5]  # train: the first six days, then three and three


def test_every_window_of_a_tiny_series():
    data = windows.build({"A": prices_of(CLOSES)}, chosen())["A"]
    expected = {
        "train": (
            [[0, 0.5], [0.5, 1], [1, 0.2], [0.2, 0.4]],
            [1, 0.2, 0.4, 0.6],
            [3, 4, 5, 6],
            [100, 20, 40, 60],
            [50, 100, 20, 40],
        ),
        "validation": ([[0.8, 0.1]], [0.3], [9], [30], [10]),
        "test": ([[0.7, 0.9]], [0.05], [12], [5], [90]),
    }
    assert [part.name for part in data.parts] == list(SPLITS)
    for part in data.parts:
        X, y, days, actual, last = expected[part.name]
        np.testing.assert_allclose(part.X[:, :, 0], X, rtol=1e-6)
        np.testing.assert_allclose(part.y, y, rtol=1e-6)
        assert (part.dates.day.tolist(), part.actual_usd.tolist(), part.last_close_usd.tolist()) == (days, actual, last)
        assert part.X.dtype == part.y.dtype == np.float32
    assert (data.low_usd, data.high_usd, data.input_shape, data.features) == (0, 100, (2, 1), ("Close",))


def test_the_scaler_fitted_on_train_days_has_their_range():
    data = windows.build({"A": prices_of([*CLOSES[:6], 200, 300, -100, 70, 90, 5])}, chosen(scaling="train"))["A"]
    assert (data.low_usd, data.high_usd) == (0, 100)
    np.testing.assert_allclose(data.validation.X[0, :, 0], [2, 3])
    np.testing.assert_allclose(data.validation.y, [-1])


def test_dollars_and_scaled_values_go_both_ways():
    data = windows.build({"A": noisy(120, 1)}, chosen(lookback=5))["A"]
    for part in data.parts:
        np.testing.assert_allclose(data.to_scaled(part.actual_usd), part.y, atol=1e-7)
        np.testing.assert_allclose(data.to_usd(part.y), part.actual_usd, rtol=1e-5)
        np.testing.assert_allclose(data.to_usd(data.to_scaled(part.actual_usd)), part.actual_usd, rtol=1e-14)
    assert data.to_usd([0, 1]).tolist() == [data.low_usd, data.high_usd]


@pytest.mark.parametrize(
    ("days", "shares", "counts"),
    [
        (1480, [0.7, 0.15, 0.15], [1036, 222, 222]),
        (1486, [0.7, 0.2, 0.1], [1040, 297, 149]),
        (1480, [0.6, 0.2, 0.2], [888, 296, 296]),
        (100, [0.57, 0.01, 0.42], [57, 1, 42]),
        (7, [0.5, 0.25, 0.25], [3, 2, 2]),
        (10, [0.1, 0.2, 0.7], [1, 2, 7]),
    ],
)
def test_a_part_gets_its_share_of_days_rounded_down_and_test_the_rest(days, shares, counts):
    index = pd.date_range("2021-01-01", periods=days)
    cut = windows.split_days(index, shares)
    assert [len(cut[part]) for part in SPLITS] == counts
    assert cut["train"].append([cut["validation"], cut["test"]]).equals(index)


@pytest.mark.parametrize("lookback", [1, 2, 7, 20])
@pytest.mark.parametrize("split", [[0.7, 0.15, 0.15], [0.6, 0.2, 0.2], [0.34, 0.33, 0.33]])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_window_crosses_a_split(lookback, split, seed):
    """The close is the day's number, so a window tells which days it holds."""
    days = int(np.random.default_rng(seed).integers(150, 260))
    data = windows.build({"A": prices_of(np.arange(days))}, chosen(lookback=lookback, split=split))["A"]
    first, total = pd.Timestamp("2021-01-01"), 0
    for part in data.parts:
        own = (data.days[part.name] - first).days
        held = np.rint(data.to_usd(part.X[:, :, 0])).astype(int)
        forecast = np.rint(data.to_usd(part.y)).astype(int)
        assert held.min() == own[0] and held.max() == own[-2] and forecast.max() == own[-1]
        assert np.isin(held, own).all() and np.isin(forecast, own).all()
        assert (np.diff(np.column_stack([held, forecast]), axis=1) == 1).all()
        assert ((part.dates - first).days == forecast).all()
        assert len(part.y) == len(own) - lookback
        total += len(own)
    assert total == days


def same(a, b):
    return (
        a.X.tobytes() == b.X.tobytes()
        and a.y.tobytes() == b.y.tobytes()
        and a.dates.equals(b.dates)
        and np.array_equal(a.actual_usd, b.actual_usd)
        and np.array_equal(a.last_close_usd, b.last_close_usd)
    )


def built_before_and_after(change_from, **changes):
    """Two coins of 160 days with gaps, one just before the cut; then all prices from a split's first day on changed."""
    setting = chosen(lookback=6, split=[0.6, 0.2, 0.2], **changes)
    prices = {"A": noisy(160, 1), "B": noisy(160, 2)}
    cuts = {ticker: data.days[change_from][0] for ticker, data in windows.build(prices, setting).items()}
    for frame in prices.values():
        frame.iloc[[20, 21]] = np.nan
        for cut in set(cuts.values()):
            frame.loc[cut - pd.Timedelta(days=1)] = np.nan
    before = windows.build(prices, setting)
    found = {}
    for ticker, cut in cuts.items():
        assert before[ticker].days[change_from][0] == cut
        rng = np.random.default_rng(9)
        later = {t: frame.copy() for t, frame in prices.items()}
        for frame in later.values():
            frame.loc[cut:] *= rng.uniform(0.01, 50, size=frame.loc[cut:].shape)
        found[ticker] = before[ticker], windows.build(later, setting)[ticker]
    return found


INPUTS = ("own_close", "all_closes", "ohlcv_indicators")


READINGS = [*((i, "close") for i in INPUTS), ("own_close", "log_return"), ("all_closes", "log_return")]


@pytest.mark.parametrize("outliers", ["off", "cap", "median"])
@pytest.mark.parametrize(("inputs", "target"), READINGS)
def test_nothing_from_the_first_validation_day_on_changes_the_training_part(inputs, target, outliers):
    for before, after in built_before_and_after(
        "validation", scaling="train", inputs=inputs, target=target, outliers=outliers
    ).values():
        assert same(before.train, after.train)
        assert (before.low, before.high, before.low_usd, before.high_usd) == (
            after.low,
            after.high,
            after.low_usd,
            after.high_usd,
        )
        assert not same(before.validation, after.validation)


@pytest.mark.parametrize(("inputs", "target"), READINGS)
def test_nothing_from_the_first_test_day_on_changes_training_or_validation(inputs, target):
    for before, after in built_before_and_after(
        "test", scaling="train", inputs=inputs, target=target, outliers="cap"
    ).values():
        assert same(before.train, after.train) and same(before.validation, after.validation)
        assert not same(before.test, after.test)


@pytest.mark.parametrize(
    "leak",
    [{"scaling": "all"}, {"scaling": "train", "gap_fill": "linear"}, {"scaling": "all", "outliers": "median"}],
    ids=str,
)
@pytest.mark.parametrize("inputs", INPUTS)
def test_the_leaks_that_parameters_allow_are_seen_by_the_same_comparison(inputs, leak):
    for before, after in built_before_and_after("validation", inputs=inputs, **leak).values():
        assert not same(before.train, after.train)


def test_a_window_that_would_step_over_a_dropped_gap_is_left_out():
    frame = prices_of(np.arange(60)).drop(
        pd.date_range("2021-01-11", "2021-01-17")
    )  # seven days, one week, day numbers 10 to 16
    data = windows.build({"A": frame}, chosen(lookback=3, split=[0.6, 0.2, 0.2]))["A"]
    held = np.rint(data.to_usd(data.train.X[:, :, 0])).astype(int)
    forecast = np.rint(data.to_usd(data.train.y)).astype(int)
    assert forecast.tolist() == [*range(3, 10), *range(20, 38)]
    assert (np.diff(np.column_stack([held, forecast]), axis=1) == 1).all()
    assert (data.train.last_close_usd == data.train.actual_usd - 1).all()


def test_a_gap_that_is_short_enough_is_filled_and_kept():
    frame = prices_of(np.arange(60)).drop(pd.date_range("2021-01-11", "2021-01-15"))
    data = windows.build({"A": frame}, chosen(lookback=3, split=[0.6, 0.2, 0.2], gap_fill="linear"))["A"]
    np.testing.assert_allclose(data.train.actual_usd, np.arange(3, 36))


def test_no_score_rests_on_a_filled_price():
    """A gap in the test split: neither its days nor the day after it, which the filling looked at, are forecast."""
    frame = noisy(40, 3)
    whole = windows.build({"A": frame}, chosen(lookback=3, split=[0.5, 0.25, 0.25]))["A"]
    frame.iloc[34:36] = np.nan
    gapped = windows.build({"A": frame}, chosen(lookback=3, split=[0.5, 0.25, 0.25]))["A"]
    assert list(whole.test.dates.difference(gapped.test.dates)) == list(frame.index[34:37])
    assert len(gapped.test.dates) == len(whole.test.dates) - 3 == len(gapped.test.X)
    assert len(gapped.train.y) == len(whole.train.y)


def with_a_gap_in_the_other_coin():
    """Two coins of 60 days; B lacks days 50 to 52 (counted from 0), which are test days, and A lacks none."""
    prices = {"A": noisy(60, 1), "B": noisy(60, 2)}
    prices["B"].iloc[50:53] = np.nan
    return prices


def seen(prices, setting):
    """Of each scored day of coin A all that its window holds, as one number a day."""
    data = windows.build(prices, setting)["A"]
    parts = [
        pd.DataFrame({"date": part.dates, "predicted_usd": part.X.astype("float64").sum(axis=(1, 2))})
        for part in (data.validation, data.test)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("target", ["close", pytest.param("log_return", marks=pytest.mark.slow)])
def test_no_scored_window_holds_a_price_of_another_coin_from_its_target_day_or_later(target):
    prices = with_a_gap_in_the_other_coin()
    setting = chosen(
        inputs="all_closes", gap_fill="linear", scaling="train", target=target, lookback=3, split=[0.5, 0.2, 0.3]
    )
    for day in seen(prices, setting)["date"]:
        changed = alignment.changed_by_later_prices(lambda given: seen(given, setting), prices, day)
        assert changed.empty, changed


@pytest.mark.parametrize(
    ("changes", "dropped"),
    [
        ({"inputs": "all_closes", "gap_fill": "linear"}, [51, 52, 53]),  # the window ends on a filled day
        ({"inputs": "all_closes", "gap_fill": "previous"}, []),  # nothing looks ahead
        ({"inputs": "own_close", "gap_fill": "linear"}, []),  # the other coin is no input
        ({"inputs": "ohlcv_indicators", "gap_fill": "linear"}, []),
    ],
    ids=str,
)
def test_a_filled_day_of_another_coin_costs_the_days_whose_windows_end_on_it_and_no_other(changes, dropped):
    prices, setting = with_a_gap_in_the_other_coin(), chosen(lookback=3, split=[0.5, 0.2, 0.3], **changes)
    whole = windows.build({"A": prices["A"], "B": noisy(60, 2)}, setting)["A"]
    gapped = windows.build(prices, setting)["A"]
    assert list(whole.test.dates.difference(gapped.test.dates)) == list(prices["A"].index[dropped])
    assert whole.validation.dates.equals(gapped.validation.dates) and len(gapped.train.y) == len(whole.train.y)


def test_a_day_that_lacks_only_its_volume_is_a_filled_day_for_windows_that_read_volumes():
    frame = noisy(60, 1)
    frame.iloc[50, frame.columns.get_loc("Volume")] = np.nan
    for inputs, scored in (("ohlcv_indicators", False), ("own_close", True)):
        setting = chosen(inputs=inputs, gap_fill="linear", lookback=3, split=[0.5, 0.2, 0.3])
        assert (frame.index[51] in windows.build({"A": frame}, setting)["A"].test.dates) == scored


def test_all_closes_holds_the_own_close_first_and_the_others_in_order_on_the_same_days():
    prices = {"A": noisy(80, 1), "B": noisy(80, 2).iloc[10:], "C": noisy(80, 3).iloc[:-3]}
    built = windows.build(prices, chosen(inputs="all_closes", lookback=4))
    assert {t: d.features for t, d in built.items()} == {
        "A": ("Close", "B", "C"),
        "B": ("Close", "A", "C"),
        "C": ("Close", "A", "B"),
    }
    common = prices["B"].index.intersection(prices["C"].index)
    for ticker, data in built.items():
        assert data.days["train"][0] == common[0] and data.days["test"][-1] == common[-1]
        for k, feature in enumerate(data.features):
            close = prices[ticker if feature == "Close" else feature]["Close"].loc[common]
            scaled = (close - close.min()) / (close.max() - close.min())
            for part in data.parts:
                for n, day in enumerate(part.dates):
                    expected = scaled.loc[day - pd.Timedelta(days=4) : day - pd.Timedelta(days=1)]
                    np.testing.assert_allclose(part.X[n, :, k], expected, atol=1e-6)
        assert np.array_equal(data.train.actual_usd, prices[ticker]["Close"].loc[data.train.dates])


def test_prices_without_all_columns_do_for_closes_and_are_refused_for_indicators():
    closes = {"A": noisy(60, 1).assign(Open=np.nan, Volume=np.nan), "B": noisy(60, 2)}
    for inputs in ("own_close", "all_closes"):
        setting = chosen(inputs=inputs)
        whole = windows.build({**closes, "A": noisy(60, 1)}, setting)["A"]
        assert windows.build(closes, setting)["A"].digest == whole.digest
    with pytest.raises(WindowError, match="A: inputs is ohlcv_indicators, but these prices have no Open, Volume. Set"):
        windows.build(closes, chosen(inputs="ohlcv_indicators"))


def test_ohlcv_indicators_begins_when_the_last_indicator_does():
    frame = noisy(100, 4)
    setting = chosen(inputs="ohlcv_indicators", lookback=4)
    data = windows.build({"A": frame}, setting)["A"]
    assert data.features == ("Open", "High", "Low", "Close", "Volume", "RSI", "MACD", "MACD_signal", "MACD_hist", "EMA")
    assert data.days["train"][0] == frame.index[5 + 3]  # slow average of 6 and signal of 4 days
    rsi = indicators.add_indicators(frame, *setting.indicator_days)["RSI"].dropna().iloc[3:]
    scaled = (rsi - rsi.min()) / (rsi.max() - rsi.min())
    np.testing.assert_allclose(data.train.X[0, :, 5], scaled.iloc[:4], atol=1e-6)
    np.testing.assert_allclose(data.train.y, data.to_scaled(data.train.actual_usd), atol=1e-6)


def test_indicators_in_windows_know_nothing_from_before_a_long_gap():
    """Other prices before the gap change no indicator after it, and no window begins before they are warm again."""
    setting = chosen(inputs="ohlcv_indicators", lookback=4)
    frame, other = noisy(160, 4), noisy(160, 4)
    other.iloc[:20] *= 3
    found = []
    for prices in (frame, other):
        hole = prices.copy()
        hole.iloc[20:60] = np.nan
        found.append(windows.feature_frame(windows.clean({"A": hole}, setting), "A", setting).loc[frame.index[40] :])
    pd.testing.assert_frame_equal(*found, check_exact=True)
    assert found[0].index[0] == frame.index[60 + 5 + 3]


@pytest.mark.parametrize("rule", ["cap", "median"])
def test_networks_aim_at_treated_closes_and_are_scored_on_real_ones(rule):
    closes = np.r_[np.tile([10.0, 11, 12, 13], 20)]
    closes[30] = 500
    data = windows.build({"A": prices_of(closes)}, chosen(outliers=rule, lookback=4))["A"]
    limits = cleaning.fences(pd.DataFrame({"Close": closes})).loc["Close"]
    at = data.train.dates.get_loc(pd.Timestamp("2021-01-31"))
    assert data.train.actual_usd[at] == 500 and data.train.last_close_usd[at + 1] == 500
    assert data.to_usd(data.train.y[at]) == pytest.approx(limits["upper"] if rule == "cap" else np.median(closes))


@pytest.mark.parametrize(
    ("days", "lookback", "part", "count", "all_days"),
    [(12, 3, "validation", 3, 16), (12, 6, "train", 6, 14), (15, 3, "validation", 3, 20)],
)
def test_a_part_without_a_window_is_named(days, lookback, part, count, all_days):
    with pytest.raises(
        WindowError,
        match=f"^A: the {part} split has {count} days and no window of {lookback} days and a next"
        f" one; without gaps {lookback + 1} days would do, about {all_days} days in all. Widen",
    ):
        windows.build(
            {"A": prices_of(np.arange(days))},
            chosen(lookback=lookback, split=[0.5, 0.2 if days == 15 else 0.25, 0.3 if days == 15 else 0.25]),
        )


def test_coins_without_a_common_day_and_series_shorter_than_the_indicators_are_named():
    with pytest.raises(WindowError, match="^A: the train split has 0 days"):
        windows.build(
            {"A": noisy(40, 1), "B": prices_of(range(1, 40), "2030-01-01")},
            chosen(inputs="all_closes", scaling="train"),
        )
    with pytest.raises(WindowError, match="^A: the train split has 0 days"):
        windows.build({"A": noisy(8, 1)}, chosen(inputs="ohlcv_indicators"))


@pytest.mark.parametrize(
    ("change", "what", "treatment"),
    [
        ({}, "close", False),
        ({"outliers": "cap"}, "close", True),
        ({"outliers": "median"}, "close", True),
        ({"target": "log_return"}, "log return", False),
    ],
)
def test_what_never_changes_is_named_and_outliers_only_where_they_are_treated(change, what, treatment):
    with pytest.raises(WindowError) as caught:
        windows.build({"A": prices_of([5.0] * 30 + list(range(5, 35)))}, chosen(scaling="train", **change))
    assert str(caught.value).startswith(f"A: the {what} never changes on the days that fit the scaler")
    assert ("set outliers to off" in str(caught.value)) is treatment


def test_a_window_is_what_the_market_knew_the_day_before():
    """The last row of each window is the close of the day before its target: the naive forecast."""
    data = windows.build({"A": noisy(120, 8)}, chosen(lookback=7))["A"]
    for part in data.parts:
        np.testing.assert_allclose(data.to_usd(part.X[:, -1, 0]), part.last_close_usd, rtol=1e-5)


# -- log returns ---------------------------------------------------------------------------


def test_log_returns_of_a_series_written_out_by_hand():
    """Closes double and halve in turns; with these shares train has 8 returns, so 5 windows of 3."""
    closes = [1.0, 2.0, 1.0, 4.0, 2.0, 1.0, 2.0, 4.0, 8.0, 4.0, 2.0, 4.0, 8.0, 4.0, 2.0, 1.0, 2.0]
    data = windows.build({"A": prices_of(closes)}, chosen(target="log_return", lookback=3, split=[0.5, 0.25, 0.25]))[
        "A"
    ]
    log2 = np.log(2)
    assert (data.low, data.high) == (-log2, 2 * log2) and (data.low_usd, data.high_usd) == (1, 8)
    returns = np.log(np.array(closes[1:]) / closes[:-1])
    np.testing.assert_allclose(
        data.train.X[:, :, 0], [(returns[k : k + 3] + log2) / (3 * log2) for k in range(5)], atol=1e-6
    )
    np.testing.assert_allclose(data.train.y, (returns[3:8] + log2) / (3 * log2), atol=1e-6)
    assert data.train.actual_usd.tolist() == closes[4:9] and data.train.last_close_usd.tolist() == closes[3:8]
    assert data.days["train"][0].isoformat() == "2021-01-02T00:00:00"  # the first day has no return


@pytest.mark.parametrize("target", ["close", "log_return"])
@pytest.mark.parametrize("outliers", ["off", "cap"])
def test_what_training_aims_at_comes_back_as_the_actual_close(target, outliers):
    data = windows.build({"A": noisy(160, 4)}, chosen(lookback=7, target=target, outliers=outliers, outlier_iqr=3.0))[
        "A"
    ]
    for part in data.parts:
        np.testing.assert_allclose(data.forecast_usd(part, part.y), part.actual_usd, rtol=2e-5)
        np.testing.assert_allclose(data.forecast_scaled(part, part.y), data.to_scaled(part.actual_usd), atol=2e-5)


def test_a_forecast_return_of_zero_is_the_naive_forecast():
    data = windows.build({"A": noisy(160, 4)}, chosen(lookback=7, target="log_return"))["A"]
    zero = np.full(len(data.test.y), -data.low / (data.high - data.low))
    np.testing.assert_allclose(data.forecast_usd(data.test, zero), data.test.last_close_usd, rtol=1e-12)


def test_no_return_reaches_over_absent_days():
    prices = {"A": noisy(160, 4)}
    prices["A"].iloc[60:80] = np.nan  # longer than max_gap_days, so dropped
    frame = windows.feature_frame(windows.clean(prices, chosen()), "A", chosen(target="log_return"))
    close = prices["A"]["Close"]
    assert prices["A"].index[80] not in frame.index and len(frame) == 160 - 20 - 2
    day = prices["A"].index[81]
    assert frame.loc[day, "Close"] == pytest.approx(np.log(close[day] / close[prices["A"].index[80]]))


# -- windows that reach back -----------------------------------------------------------------


def test_windows_that_reach_back_make_every_day_of_a_part_a_target():
    prices = {"A": noisy(120, 8)}
    inside, back = (windows.build(prices, chosen(lookback=7), reach_back=b)["A"] for b in (False, True))
    assert same(inside.train, back.train)
    for part in ("validation", "test"):
        short, whole = getattr(inside, part), getattr(back, part)
        assert whole.dates.equals(back.days[part]) and short.dates.equals(back.days[part][7:])
        np.testing.assert_array_equal(whole.X[7:], short.X)
        closes = prices["A"]["Close"]
        for k in (0, 3):  # the window before a day is the seven days before it, whatever part they are in
            day = closes.index.get_loc(whole.dates[k])
            np.testing.assert_allclose(back.to_usd(whole.X[k, :, 0]), closes.iloc[day - 7 : day], rtol=1e-5)
        np.testing.assert_allclose(whole.last_close_usd, closes.shift(1).loc[whole.dates])


def test_a_part_shorter_than_the_lookback_can_be_forecast_if_windows_reach_back():
    setting = chosen(lookback=20, split=[0.7, 0.15, 0.15])
    with pytest.raises(WindowError, match="the validation split has 15 days and no window of 20 days"):
        windows.build({"A": noisy(100, 8)}, setting)
    assert len(windows.build({"A": noisy(100, 8)}, setting, reach_back=True)["A"].validation.y) == 15


def test_a_gap_that_breaks_a_split_of_enough_days_is_named():
    """Twenty test days in two stretches of ten: no window of twelve days, whatever start_date is widened to."""
    whole = noisy(80, 8)  # 50 + 10 + 20 days, and a gap of ten
    for days, told in ((10, "Set max_gap_days to 10 or more, choose"), (61, "Choose")):
        prices = pd.concat([whole.iloc[:70], whole.iloc[70:].set_axis(whole.index[70:] + pd.Timedelta(days=days))])
        setting = chosen(lookback=12, split=[0.5, 0.25, 0.25])
        gap = f"{whole.index[70]:%Y-%m-%d} to {whole.index[70] + pd.Timedelta(days=days - 1):%Y-%m-%d}"
        with pytest.raises(
            WindowError,
            match=f"^A: the test split has 20 days, but the gap from {gap} breaks them. At most 10 follow on each"
            f" other, and a window of 12 days and a next one need 13. {told} another start_date or end_date, give",
        ):
            windows.build({"A": prices}, setting)
        if days <= 60:
            assert len(windows.build({"A": prices}, setting.changed(max_gap_days=days))["A"].test.y)


def test_the_gap_that_breaks_a_split_is_that_of_the_prices_that_are_read():
    """Another coin's, if its closes are inputs; one before the split, if windows reach back; not the returns' or
    the indicators' longer one.
    """
    whole, hole = noisy(80, 8), noisy(80, 9)
    hole.iloc[64:68] = np.nan
    gap = f"{whole.index[64]:%Y-%m-%d} to {whole.index[67]:%Y-%m-%d}"
    setting = chosen(max_gap_days=3, lookback=12, split=[0.5, 0.25, 0.25])
    for prices, changes, back, told in (
        ({"A": whole, "B": hole}, {"inputs": "all_closes"}, False, ""),
        ({"A": hole}, {"target": "log_return"}, False, ""),
        ({"A": hole}, {"inputs": "ohlcv_indicators"}, False, ", and indicators begin anew after it"),
        ({"A": hole}, {"split": [0.5, 0.4, 0.1]}, True, ""),
    ):
        with pytest.raises(WindowError, match=f"^A: the test split has .* gap from {gap} breaks them{told}. At most"):
            windows.build(prices, setting.changed(**changes), reach_back=back)


def test_a_split_of_which_no_day_is_scored_says_that_filled_days_are_not():
    prices = noisy(80, 8)
    prices.iloc[61::2] = np.nan
    with pytest.raises(WindowError, match="^A: the test split has 20 days, but none with a window is scored: filled"):
        windows.build({"A": prices}, chosen(lookback=4, split=[0.5, 0.25, 0.25]))


# -- too few days, said before anything is trained -----------------------------------------------


def test_splits_with_too_few_scored_days_are_named_with_how_many_would_do():
    data = windows.build({"A": noisy(100, 1), "B": noisy(100, 2)}, chosen(lookback=8, split=[0.7, 0.15, 0.15]))
    windows.check_scored_days(data, 7)
    with pytest.raises(WindowError) as found:
        windows.check_scored_days(data, 10)
    lines = str(found.value).splitlines()
    assert len(lines) == 4 and lines[1].startswith(
        "A: 7 of the 15 days in the test split have a window and a price, but 10 are needed; 18 days in the split would"
    )
    windows.check_scored_days(data, 10, splits=["train"])


def test_what_would_do_does():
    """So many days as the sentence names pass, one fewer does not."""
    for days, passes in ((18, True), (17, False)):
        data = windows.build({"A": noisy(5 * days, 1)}, chosen(lookback=8, split=[0.6, 0.2, 0.2]))
        assert len(data["A"].days["test"]) == days
        if passes:
            windows.check_scored_days(data, 10)
        else:
            with pytest.raises(WindowError, match="18 days in the split would do"):
                windows.check_scored_days(data, 10)


@pytest.mark.parametrize(("days", "enough"), [(99, True), (100, False)])
def test_test_days_that_outnumber_the_training_changes_are_refused_as_their_simulation_fails(days, enough):
    """Of 99 days, 31 test windows are simulated from the 32 changes of 33 training days; of 100, 38 from 19."""
    split = [0.2, 0.4, 0.4] if not enough else [0.34, 0.33, 0.33]
    prices = {"A": noisy(days, 1)}
    data = windows.build(prices, chosen(split=split))
    changes = np.diff(np.log(prices["A"]["Close"].loc[data["A"].days["train"]]))
    simulate = functools.partial(
        significance.simulated_power, len(data["A"].test.y), 0.2, changes=changes, repetitions=2
    )
    windows.check_scored_days(data, 10)
    if enough:
        windows.check_scored_days(data, 10, training_changes={"A": len(changes)})
        simulate()
    else:
        with pytest.raises(WindowError, match="^A: 19 daily changes of training days are too few to simulate 38"):
            windows.check_scored_days(data, 10, training_changes={"A": len(changes)})
        with pytest.raises(significance.SignificanceError, match="too few"):
            simulate()


@pytest.mark.parametrize(("days", "enough"), [(85, False), (88, True)])
def test_too_few_days_in_a_row_are_refused_where_the_check_of_their_alignment_fails(days, enough):
    prices = {"A": noisy(days, 1)}
    data = windows.build(prices, chosen(lookback=2, split=[0.5, 0.25, 0.25]))
    frame = baselines.forecast(baselines.moving_average, data["A"], prices["A"]["Close"])
    frame = frame[frame["part"] != "train"]
    if enough:
        windows.check_scored_days(data, 10, in_a_row=(30, 5))
        assert alignment.responses(frame).attrs["days"] == 30
    else:
        with pytest.raises(WindowError, match="^A: 29 scored validation and test days follow on 5 scored days, but 30"):
            windows.check_scored_days(data, 10, in_a_row=(30, 5))
        with pytest.raises(alignment.AlignmentError, match="^29 days in a row"):
            alignment.responses(frame)
