"""Technical analysis against plain recursions and hand-made prices; blind to the future."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest

from lib.data import technical, voters
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


@pytest.mark.parametrize("cut", [30, 60, 220, 299])
def test_nothing_of_a_day_changes_when_later_prices_do(random_walk, cut):
    prices = random_walk("X", days=300)["X"]
    later = prices.copy()
    later.iloc[cut:] *= np.linspace(0.2, 5, len(later) - cut)[:, None]
    for made_of in (technical.indicators, technical.vote_history, technical.score_history, technical.signal_history):
        before, after = made_of(prices).iloc[:cut], made_of(later).iloc[:cut]
        assert before.equals(after), made_of.__name__
    # What is said on a day is the same whether or not later days are there.
    history, last = technical.vote_history(prices).iloc[cut - 1], technical.votes(prices.head(cut))
    assert last["indicator"].tolist() == history.index.tolist()
    assert last["vote"].tolist() == [technical._VOTE[int(v)] if v == v else "neutral" for v in history]
    rating, score = technical.summary(last), technical.score_history(prices).iloc[cut - 1]
    if cut < technical.needed_days():
        assert math.isnan(score)
    else:
        assert rating.score == pytest.approx(score, abs=1e-15)
        side = technical._VOTE[int(technical.signal_history(prices).iloc[cut - 1])]
        assert rating.overall.split()[-1] == side


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
    wide = {"min_touches": 1, "tolerance_percent": 0.1, "within_percent": 1000}
    every = technical.support_resistance(falling, each_side=50, **wide)
    assert (every["kind"] == "resistance").sum() > 3
    for each_side in (1, 2, 3):
        found = technical.support_resistance(falling, each_side=each_side, **wide)
        for kind, side in every.groupby("kind")["price_usd"]:
            nearest = sorted(side, key=lambda price: abs(price - now))[:each_side]
            assert found.loc[found["kind"] == kind, "price_usd"].tolist() == sorted(nearest, reverse=True)
        assert found["price_usd"].is_monotonic_decreasing
    near = technical.support_resistance(falling, each_side=50, **{**wide, "within_percent": 30})
    far = near[near["distance_percent"].abs() > 30]
    assert len(near) < len(every) and far["kind"].is_unique, (
        "a far level is shown only where its side has no nearer one"
    )


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


AVERAGES = [f"{kind} {days}" for kind in ("SMA", "EMA") for days in (10, 20, 30, 50, 100, 200)]


def test_who_votes_and_where_the_settings_count():
    def names(**changed):
        return [v.indicator for v in voters.voters(TechnicalSettings(**changed)) if v.group == "moving averages"]

    assert names() == [*AVERAGES, "Hull 9", "Ichimoku base line"]
    assert len(voters.voters(TechnicalSettings())) == 14 + 11
    assert names(sma_days=7, ema_days=60)[:12] == [
        *("SMA 7", "SMA 10", "SMA 20", "SMA 30", "SMA 100", "SMA 200"),
        *("EMA 10", "EMA 30", "EMA 50", "EMA 60", "EMA 100", "EMA 200"),
    ]
    assert [n for n in names(sma_days=100) if n.startswith("SMA")] == [f"SMA {n}" for n in (10, 20, 30, 100, 200)]


def test_values_follow_their_definitions(random_walk):
    """Plain pandas over windows; where a smoothing has no window its start has died away after 500 days."""
    prices = random_walk("X", days=1500)["X"]
    high, low, close = prices["High"], prices["Low"], prices["Close"]

    def place(days):
        lowest = low.rolling(days).min()
        return (close - lowest) / (high.rolling(days).max() - lowest)

    def wma(values, days):
        weights = np.arange(1, days + 1) / (days * (days + 1) / 2)
        return values.rolling(days).apply(lambda window: window @ weights, raw=True)

    def wilder(values):
        return values.ewm(alpha=1 / 14, adjust=False).mean()

    typical, middle, before = (high + low + close) / 3, (high + low) / 2, close.shift()
    off = typical.rolling(20).apply(lambda window: np.abs(window - window.mean()).mean(), raw=True)
    span = np.maximum(high, before) - np.minimum(low, before)
    bought = close - np.minimum(low, before)
    ultimate = sum(w * bought.rolling(n).sum() / span.rolling(n).sum() for w, n in ((4, 7), (2, 14), (1, 28))) / 7
    up, down = high.diff(), -low.diff()
    plus, minus = (wilder(a.where((a > b) & (a > 0), 0.0)) for a, b in ((up, down), (down, up)))
    own = pd.Series(rsi(close.tolist(), 14), close.index)
    strength = own.rolling(14).apply(lambda w: (w[-1] - w.min()) / (w.max() - w.min()), raw=True)
    k, k_of_rsi = 100 * place(14).rolling(3).mean(), 100 * strength.rolling(3).mean()
    expected = {
        "SMA 200": close.rolling(200).mean(),
        "EMA 100": pd.Series(ema(close.tolist(), 100), close.index),
        "Hull 9": wma(2 * wma(close, 4) - wma(close, 9), 3),
        "Ichimoku base line": (high.rolling(26).max() + low.rolling(26).min()) / 2,
        "RSI": own,
        "Stochastic %K": k,
        "CCI": (typical - typical.rolling(20).mean()) / (0.015 * off),
        "ADX": wilder(100 * (plus - minus).abs() / (plus + minus)),
        "Awesome oscillator": middle.rolling(5).mean() - middle.rolling(34).mean(),
        "Momentum": close.diff(10),
        "Stochastic RSI": k_of_rsi,
        "Williams %R": 100 * place(14) - 100,
        "Ultimate oscillator": 100 * ultimate,
    }
    found = technical._cast(prices, TechnicalSettings())
    for name, values in expected.items():
        value, values = found["value", name].tail(1000), values.tail(1000)
        np.testing.assert_allclose(value, values, rtol=1e-6, atol=1e-6, err_msg=name)

    # The rules, from those values. Each vote is cast on some day, or its rule would not be tested.
    def side(gap):
        return np.sign(gap.round(7))

    turn = {name: side(values.diff()) for name, values in expected.items()}

    def leaving(values, line_side, lowest, highest):
        return (values < lowest) * line_side.clip(lower=0) + (values > highest) * line_side.clip(upper=0)

    table = technical.indicators(prices)
    cast = {
        **{name: side(close - expected[name]) for name in ("SMA 200", "EMA 100", "Hull 9", "Ichimoku base line")},
        "RSI": leaving(own, turn["RSI"], 30, 70),
        "Stochastic %K": leaving(k, side(k - k.rolling(3).mean()), 20, 80),
        "CCI": leaving(expected["CCI"], turn["CCI"], -100, 100),
        "ADX": (expected["ADX"] > 20) * side(plus - minus),
        "Awesome oscillator": side(side(expected["Awesome oscillator"]) + turn["Awesome oscillator"])
        * (side(expected["Awesome oscillator"]) == turn["Awesome oscillator"]),
        "Momentum": turn["Momentum"],
        "MACD": side(table["MACD_hist"]),
        "Stochastic RSI": leaving(k_of_rsi, side(k_of_rsi - k_of_rsi.rolling(3).mean()), 20, 80),
        "Williams %R": leaving(expected["Williams %R"], turn["Williams %R"], -80, -20),
        "Bollinger bands": 1.0 * (close < table["BB_lower"]) - (close > table["BB_upper"]),
        "Ultimate oscillator": 1.0 * (expected["Ultimate oscillator"] > 70) - (expected["Ultimate oscillator"] < 30),
    }
    assert set(cast) >= {v.indicator for v in voters.voters(TechnicalSettings()) if v.group == "oscillators"}
    for name, by_rule in cast.items():
        last = found["vote", name].tail(1000)  # smoothings without a window have died away
        np.testing.assert_array_equal(last, by_rule.tail(1000), err_msg=name)
        assert {-1.0, 1.0} <= set(last), name


def test_a_trend_and_its_end_by_hand():
    rising = made(100 * 1.01 ** np.arange(260))
    cast = technical.votes(rising).set_index("indicator")
    assert set(cast.loc[cast["group"] == "moving averages", "vote"]) == {"buy"}
    assert (cast.loc["RSI", "value"], cast.loc["RSI", "vote"]) == (100, "neutral")  # overbought, not yet falling
    rating = technical.summary(technical.votes(rising))
    assert rating.groups["moving averages"].overall == "strong buy" and rating.overall in ("buy", "strong buy")
    crash = made([*(100 + np.sin(np.arange(259))), 60])
    cast = technical.votes(crash).set_index("indicator")
    assert set(cast.loc[cast["group"] == "moving averages", "vote"]) == {"sell"}
    assert cast.loc["Bollinger bands", "vote"] == "buy" and cast.loc["Bollinger bands", "value"] < 0
    assert cast.loc["MACD", "vote"] == "sell"


@pytest.mark.parametrize("price", [100.0, 0.1, 1.1e-7, 33333.3])
def test_a_price_that_stands_still_moves_nobody(price):
    still = made([price] * 260)
    assert set(technical.votes(still)["vote"]) == {"neutral"}
    assert not technical.vote_history(still).tail(50).any(axis=None)
    # Nor does it, long after a move, by what rounding left of sums. EMA and ADX never forget a move.
    moved = technical.vote_history(made([*(price * (1 + np.arange(50))), *[price] * 2000]))
    left = moved.iloc[-1]
    assert (left[[n for n in left.index if not n.startswith(("EMA", "ADX"))]] == 0).all(), left[left != 0]


@pytest.mark.parametrize("s", [TechnicalSettings(), SHORT])
def test_an_indicator_without_a_value_says_how_many_days_it_needs(random_walk, s):
    prices = random_walk("X", days=240)["X"]
    cast, history = technical.votes(prices.head(34), s).set_index("indicator"), technical.vote_history(prices, s)
    assert cast.loc["SMA 100", "rule"] == "No value yet: needs 100 days, has 34."
    assert np.isnan(cast.loc["SMA 100", "value"]) and cast.loc["SMA 100", "vote"] == "neutral"
    assert np.isfinite(cast.loc["MACD", "value"])
    for name, rule in technical.votes(prices.head(1), s).set_index("indicator")["rule"].items():
        days = int(rule.split("needs ")[1].split()[0])
        assert history[name].first_valid_index() == prices.index[days - 1], name
        assert history[name].iloc[days - 1 :].notna().all(), name
    # Three quarters of the 25, or of as many as have periods of their own.
    known, score = history.notna().sum(axis=1), technical.score_history(prices, s)
    assert score.first_valid_index() == prices.index[technical.needed_days(s) - 1] == known[known >= 19].index[0]


def test_nothing_crosses_absent_days(random_walk):
    """Indicators and votes after them are those of the days since, even if the close has not moved since."""
    prices = random_walk("X", days=520)["X"]
    broken = prices.drop(prices.index[250:300]).copy()
    broken.iloc[250:] *= 20
    broken.iloc[250:270] = 1000.0
    for made_of in (technical.indicators, technical.vote_history, technical.signal_history):
        found = made_of(broken, SHORT)
        for part in (slice(0, 250), slice(250, None)):
            alone = made_of(broken.iloc[part], SHORT)
            assert found.iloc[part].equals(alone) and alone.notna().any(axis=None), made_of.__name__
    assert technical.indicators(broken, SHORT)["RSI"].iloc[260] == 50


def test_a_vote_that_needs_more_days_since_absent_ones_says_so(prices):
    rules = technical.votes(prices.drop(prices.index[-25:-19])).set_index("indicator")["rule"]
    assert rules["SMA 50"] == "No value yet: needs 50 days, has 19 since the last gap of more than 5 days."
    assert rules["RSI"].startswith("Buy while below 30")
    assert technical.votes(prices.drop(prices.index[-206:-200]))["value"].notna().all()


def test_a_short_gap_counts_as_days_at_the_close_before_and_empties_nothing(prices):
    few = prices.drop(prices.index[-25:-20])
    same = prices.copy()
    same.iloc[-25:-20] = same.iloc[-26].to_numpy()
    same.loc[same.index[-25:-20], ["High", "Low"]] = same["Close"].iloc[-26]  # there was no range to know
    for made_of in (technical.indicators, technical.vote_history):
        found, filled = made_of(few), made_of(same)
        pd.testing.assert_frame_equal(found, filled.loc[few.index])
        assert list(found.index) == list(few.index) and found.iloc[-1].notna().all()


@pytest.mark.parametrize(
    ("averages", "oscillators", "score", "words"),
    [
        ([1] * 10, [1] + [0] * 9, 0.55, ("strong buy", "strong buy", "neutral")),
        ([1] * 10, [0] * 10, 0.5, ("buy", "strong buy", "neutral")),
        ([1, 1] + [0] * 8, [0] * 10, 0.1, ("neutral", "buy", "neutral")),
        ([1, 1, 1] + [0] * 7, [0] * 10, 0.15, ("buy", "buy", "neutral")),
        ([-1] * 4, [1, -1] * 2, -0.5, ("sell", "strong sell", "neutral")),
        ([-1] * 4, [-1, 0], -0.75, ("strong sell", "strong sell", "sell")),
        ([1] * 6, [-1] * 2, 0.0, ("neutral", "strong buy", "strong sell")),
    ],
)
def test_the_rating_is_the_mean_of_both_groups(averages, oscillators, score, words):
    """Whatever their numbers of voters."""
    groups = ("moving averages", "oscillators")
    rows = [(g, technical._VOTE[v]) for g, cast in zip(groups, (averages, oscillators)) for v in cast]
    found = technical.summary(pd.DataFrame(rows, columns=["group", "vote"]))
    assert found.score == pytest.approx(score)
    assert (found.overall, *(found.groups[g].overall for g in groups)) == words
    for counted, cast in zip((found, *found.groups.values()), (averages + oscillators, averages, oscillators)):
        assert (counted.buy, counted.neutral, counted.sell) == tuple(cast.count(v) for v in (1, 0, -1))
    assert str(found).startswith(f"{words[0]}: ") and "no proven value" in found.caution


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
    pd.testing.assert_frame_equal(technical.votes(closes), technical.votes(alike))
    pd.testing.assert_frame_equal(technical.votes(closes[["Close"]]), technical.votes(alike))
    assert technical.votes(closes)["value"].notna().all()
    with pytest.raises(TechnicalError, match="High of 2024-01-01 is nan"):
        technical.support_resistance(prices.assign(High=math.nan))
