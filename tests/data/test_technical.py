"""Technical analysis against plain recursions and hand-made prices; blind to the future."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest

from lib.data import technical
from lib.data.technical import TechnicalError, TechnicalSettings

SHORT = TechnicalSettings(
    sma_days=7,
    ema_days=5,
    bollinger_days=6,
    bollinger_width=1.5,
    rsi_days=4,
    macd_fast_days=3,
    macd_slow_days=8,
    macd_signal_days=4,
)


@pytest.fixture
def prices(random_walk):
    return random_walk("X")["X"]


def average(values, weight, start):
    """A plain mean of the first ``start`` known values, then each day a share of the way to the new one."""
    known = [v for v in values if not math.isnan(v)]
    out = [statistics.fmean(known[:start])]
    for value in known[start:]:
        out.append((1 - weight) * out[-1] + weight * value)
    return [math.nan] * (len(values) - len(out)) + out


def ema(values, days):
    return average(values, 2 / (days + 1), days)


def rsi(close, days):
    moves = [b - a for a, b in zip(close, close[1:])]
    gains, losses = (average([max(side * m, 0) for m in moves], 1 / days, days) for side in (1, -1))
    return [math.nan] + [100 * g / (g + d) for g, d in zip(gains, losses)]


def macd(close, fast, slow, signal):
    """The fast average starts late, on the last days of the slow one's start, as TA-Lib has it."""
    late = [math.nan] * (slow - fast) + close[slow - fast :]
    line = [a - b for a, b in zip(ema(late, fast), ema(close, slow))]
    smooth = ema(line, signal)
    line = [a if not math.isnan(b) else math.nan for a, b in zip(line, smooth)]
    return line, smooth, [a - b for a, b in zip(line, smooth)]


def made(closes, high=None, low=None):
    index = pd.date_range("2024-01-01", periods=len(closes))
    close = np.asarray(closes, dtype="float64")
    return pd.DataFrame(
        {"High": close if high is None else high, "Low": close if low is None else low, "Close": close}, index=index
    )


@pytest.mark.parametrize("s", [TechnicalSettings(), SHORT])
def test_indicators_follow_plain_recursions(prices, s):
    close = prices["Close"].tolist()
    found = technical.indicators(prices, s)
    line, signal, hist = macd(close, s.macd_fast_days, s.macd_slow_days, s.macd_signal_days)
    expected = {
        "RSI": rsi(close, s.rsi_days),
        "MACD": line,
        "MACD_signal": signal,
        "MACD_hist": hist,
        "EMA": ema(close, s.ema_days),
    }
    sma, low, middle, high = ([math.nan] * len(close) for _ in range(4))
    for t in range(len(close)):
        if t >= s.sma_days - 1:
            sma[t] = statistics.fmean(close[t - s.sma_days + 1 : t + 1])
        if t >= s.bollinger_days - 1:
            window = close[t - s.bollinger_days + 1 : t + 1]
            middle[t], spread = statistics.fmean(window), s.bollinger_width * statistics.pstdev(window)
            low[t], high[t] = middle[t] - spread, middle[t] + spread
    expected |= {"SMA": sma, "BB_lower": low, "BB_middle": middle, "BB_upper": high}
    assert set(found.columns) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-9, err_msg=name)


def test_a_coin_worth_cents_of_a_cent_has_the_same_indicators(prices):
    tiny = prices * 1e-9
    big, small = technical.indicators(prices), technical.indicators(tiny)
    np.testing.assert_allclose(small.drop(columns="RSI") * 1e9, big.drop(columns="RSI"), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(small["RSI"], big["RSI"], rtol=1e-9)
    assert technical.votes(tiny)["vote"].tolist() == technical.votes(prices)["vote"].tolist()


@pytest.mark.parametrize("cut", [60, 120, 239])
def test_nothing_of_a_day_changes_when_later_prices_do(prices, cut):
    later = prices.copy()
    later.iloc[cut:] *= np.linspace(0.2, 5, len(later) - cut)[:, None]
    for made_of in (technical.indicators, technical.vote_history, technical.signal_history):
        before, after = made_of(prices).iloc[:cut], made_of(later).iloc[:cut]
        assert before.equals(after), made_of.__name__
    # What is said on a day is the same whether or not later days are there.
    history, last = technical.vote_history(prices).iloc[cut - 1], technical.votes(prices.head(cut))
    assert last["vote"].tolist() == [technical._VOTE[int(v)] for v in history]
    assert technical._VOTE[int(technical.signal_history(prices).iloc[cut - 1])] == technical.summary(last).overall


def zigzag():
    """Turns at 110, 90, 111, 90.5, 109.5, 90.2 and an end at 100: two levels with three touches each."""
    turns = [100, 110, 90, 111, 90.5, 109.5, 90.2, 100]
    steps = [np.linspace(a, b, 11)[:-1] for a, b in zip(turns, turns[1:])]
    return made(np.concatenate([*steps, [100.0]]))


def test_levels_are_the_medians_of_the_turning_points():
    found = technical.support_resistance(zigzag())
    assert found["price_usd"].tolist() == [110, 90.2]
    assert found["kind"].tolist() == ["resistance", "support"]
    assert found["touches"].tolist() == [3, 3]
    assert found["first_touch"].tolist() == [pd.Timestamp("2024-01-11"), pd.Timestamp("2024-01-21")]
    assert found["last_touch"].tolist() == [pd.Timestamp("2024-02-20"), pd.Timestamp("2024-03-01")]
    np.testing.assert_allclose(found["distance_percent"], [10, -9.8])


def test_a_narrower_tolerance_takes_a_level_apart_and_more_touches_are_asked_for():
    assert technical.support_resistance(zigzag(), tolerance_percent=0.3).shape[0] == 1  # 90.2 with 90
    assert technical.support_resistance(zigzag(), tolerance_percent=0.3, min_touches=1)["touches"].tolist() == [
        1,
        1,
        1,
        1,
        2,
    ]
    assert technical.support_resistance(zigzag(), min_touches=4).empty


def test_the_nearest_levels_of_each_side_are_given_whatever_their_touches():
    """A coin that fell far through its old levels has more of them above than below."""
    tops = [100, *(x for low in range(95, 30, -10) for x in (low, low + 8)), 33, 38]
    falling = made(np.concatenate([np.linspace(a, b, 9)[:-1] for a, b in zip(tops, tops[1:])]))
    now = falling["Close"].iloc[-1]
    every = technical.support_resistance(falling, min_touches=1, tolerance_percent=0.1, each_side=50)
    assert (every["kind"] == "resistance").sum() > 3
    for each_side in (1, 2, 3):
        found = technical.support_resistance(falling, min_touches=1, tolerance_percent=0.1, each_side=each_side)
        for kind, side in every.groupby("kind")["price_usd"]:
            nearest = sorted(side, key=lambda price: abs(price - now))[:each_side]
            assert found.loc[found["kind"] == kind, "price_usd"].tolist() == sorted(nearest, reverse=True)
        assert found["price_usd"].is_monotonic_decreasing


def test_days_are_calendar_days_and_beside_an_absent_one_nothing_is_known_to_turn():
    peak = made([*range(100, 121), *range(119, 99, -1)])  # top on day 20
    assert len(technical.support_resistance(peak, min_touches=1)) == 1
    for absent, known in ((15, 0), (25, 0), (14, 1), (26, 1)):
        assert len(technical.support_resistance(peak.drop(peak.index[absent]), min_touches=1)) == known, absent


def test_a_turning_point_is_known_span_days_later_and_not_before():
    up_and_down = made([*range(100, 121), *range(119, 109, -1)])  # top on row 20
    for rows, known in ((20 + 1 + 4, 0), (20 + 1 + 5, 1)):
        assert len(technical.support_resistance(up_and_down.head(rows), min_touches=1)) == known


def test_a_plateau_counts_once_and_old_turns_do_not_count():
    plateau = made([1, 2, 3, 4, 5, 6, 6, 6, 5, 4, 3, 2, 1.5])
    assert technical.support_resistance(plateau, min_touches=1)["touches"].tolist() == [1]
    for last_days, touches in ((30, 2), (31, 3)):
        assert technical.support_resistance(zigzag(), last_days=last_days, min_touches=1)["touches"].sum() == touches


def test_levels_use_highs_for_tops_and_lows_for_bottoms():
    z = zigzag()
    z["High"], z["Low"] = z["Close"] * 1.05, z["Close"] * 0.95
    np.testing.assert_allclose(technical.support_resistance(z)["price_usd"], [110 * 1.05, 90.2 * 0.95])


def test_votes_by_hand():
    rising = made(100 * 1.01 ** np.arange(80))
    cast = technical.votes(rising).set_index("indicator")
    assert cast.loc[["SMA", "EMA"], "vote"].tolist() == ["buy", "buy"]
    assert (cast.loc["RSI", "value"], cast.loc["RSI", "vote"]) == (100, "sell")
    crash = made([*(100 + np.sin(np.arange(79))), 60])
    cast = technical.votes(crash).set_index("indicator")
    assert cast["vote"].to_dict() == {
        "SMA": "sell",
        "EMA": "sell",
        "Bollinger bands": "buy",
        "RSI": "buy",
        "MACD": "sell",
    }
    assert cast.loc["Bollinger bands", "value"] < 0
    assert str(technical.summary(technical.votes(crash))) == "neutral: 2 buy, 0 neutral, 3 sell"


def test_an_indicator_without_a_value_says_how_many_days_it_needs(prices):
    cast = technical.votes(prices.head(34)).set_index("indicator")
    assert cast.loc["SMA", "rule"] == "no value yet: needs 50 days, has 34" and np.isnan(cast.loc["SMA", "value"])
    assert cast.loc["SMA", "vote"] == "neutral" and np.isfinite(cast.loc["MACD", "value"])
    for name, rule in technical.votes(prices.head(1)).set_index("indicator")["rule"].items():
        days = int(rule.split("needs ")[1].split()[0])
        assert technical.vote_history(prices)[name].first_valid_index() == prices.index[days - 1], name


def test_nothing_crosses_absent_days(prices):
    """Indicators and votes after them are those of the days since, even if the close has not moved since."""
    broken = prices.drop(prices.index[100:150]).copy()
    broken.iloc[100:] *= 20
    broken.iloc[100:120] = 1000.0
    for made_of in (technical.indicators, technical.vote_history, technical.signal_history):
        found = made_of(broken, SHORT)
        for part in (slice(0, 100), slice(100, None)):
            assert found.iloc[part].equals(made_of(broken.iloc[part], SHORT)), made_of.__name__
    assert technical.indicators(broken, SHORT)["RSI"].iloc[110] == 50


def test_a_vote_that_needs_more_days_since_absent_ones_says_so(prices):
    rules = technical.votes(prices.drop(prices.index[-25:-19])).set_index("indicator")["rule"]
    assert rules["SMA"] == "no value yet: needs 50 days, has 19 since the last gap of more than 5 days"
    assert rules["RSI"].startswith("below 30")
    assert technical.votes(prices.drop(prices.index[-56:-50]))["value"].notna().all()


def test_a_short_gap_counts_as_days_at_the_close_before_and_empties_nothing(prices):
    few = prices.drop(prices.index[-25:-20])
    same = prices.copy()
    same.iloc[-25:-20] = same.iloc[-26].to_numpy()
    found, filled = technical.indicators(few), technical.indicators(same)
    pd.testing.assert_frame_equal(found, filled.loc[few.index])
    assert list(found.index) == list(few.index) and found.iloc[-1].notna().all()


@pytest.mark.parametrize(
    "cast,overall",
    [
        (["buy", "buy", "neutral", "neutral", "neutral"], "buy"),
        (["buy", "buy", "buy", "sell", "neutral"], "buy"),
        (["buy", "buy", "buy", "sell", "sell"], "neutral"),
        (["sell", "sell", "sell", "buy", "neutral"], "sell"),
        (["neutral"] * 5, "neutral"),
    ],
)
def test_summary_needs_a_lead_of_two(cast, overall):
    found = technical.summary(pd.DataFrame({"vote": cast}))
    assert found.overall == overall
    assert (found.buy, found.neutral, found.sell) == tuple(cast.count(v) for v in ("buy", "neutral", "sell"))
    assert "no proven value" in found.caution


@pytest.mark.parametrize(
    "wrong,words",
    [
        ({"rsi_days": 1}, r"rsi_days is 1, allowed is a whole number from 2 to 250 days"),
        ({"sma_days": 20.0}, r"sma_days is 20.0, allowed is a whole number"),
        (
            {"bollinger_width": math.nan},
            r"bollinger_width is nan, allowed is a number from 0.5 to 5 standard deviations",
        ),
        ({"ema_days": True}, r"ema_days is True"),
        ({"rsi_low": 50}, r"rsi_low is 50"),
        ({"macd_fast_days": 26}, r"the fast period must be the shorter one"),
        ({"rsi_days": 0, "ema_days": 999}, r"ema_days is 999.*; rsi_days is 0"),
    ],
)
def test_settings_out_of_range_are_named(wrong, words):
    with pytest.raises(TechnicalError, match=words):
        TechnicalSettings(**wrong)


def test_unusable_prices_are_named(prices):
    hole = prices.copy()
    hole.iloc[5, hole.columns.get_loc("Close")] = np.nan
    for wrong, words in (
        (prices.head(0), "no prices"),
        (prices[::-1], "time order"),
        (prices[["Open"]], "lack the column Close"),
        (hole, "Close of 2024-01-06 is nan"),
    ):
        with pytest.raises(TechnicalError, match=words):
            technical.votes(wrong)
    with pytest.raises(TechnicalError, match="span_days is 0, allowed is 1 to 60"):
        technical.support_resistance(prices, span_days=0)


def test_one_day_is_enough_to_say_that_nothing_is_known(prices):
    one = prices.head(1)
    assert technical.votes(one)["value"].isna().all() and technical.support_resistance(one).empty
    assert technical.summary(technical.votes(one)).overall == "neutral"


def test_closes_take_the_place_of_highs_and_lows_that_a_source_lacks(prices):
    closes = prices.assign(Open=math.nan, High=math.nan, Low=math.nan)
    alike = prices.assign(High=prices["Close"], Low=prices["Close"])
    found = technical.support_resistance(closes)
    pd.testing.assert_frame_equal(found, technical.support_resistance(alike))
    assert len(found)
    with pytest.raises(TechnicalError, match="High of 2024-01-01 is nan"):
        technical.support_resistance(prices.assign(High=math.nan))
