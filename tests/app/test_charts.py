"""Charts on tiny data: the values drawn, both themes with their contrast, honest empty charts, nothing from outside."""

import colorsys
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image
from scipy import stats

from lib import colours, figures, networks
from lib.app import charts
from lib.app.charts import canvas, picture, price_views, theme
from lib.data import technical
from lib.errors import ProjectError
from lib.evaluation import baselines

NETWORK = "LSTM"
TICKER = "ETH-USD"


@pytest.fixture(scope="module")
def prices():
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, 400)))
    before = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "Open": before,
            "High": np.maximum(close, before) * 1.02,
            "Low": np.minimum(close, before) * 0.98,
            "Close": close,
            "Volume": rng.uniform(1e6, 2e6, 400),
        },
        index=pd.date_range("2023-01-01", periods=400, name="date"),
    )


@pytest.fixture(scope="module")
def predictions(prices):
    close = prices["Close"].to_numpy()
    noise = np.random.default_rng(4).normal(0, 1, 399)
    part = np.repeat(["train", "validation", "test"], [280, 60, 59])
    return pd.DataFrame(
        {
            "date": prices.index[1:],
            "actual_usd": close[1:],
            "predicted_usd": close[1:] + 2 + noise,
            "naive_usd": close[:-1],
            "part": part,
        }
    )


@pytest.fixture(scope="module")
def finished(prices, predictions):
    return charts.Finished(
        TICKER, NETWORK, {"loss": [0.5, 0.2, 0.1, 0.09], "val_loss": [0.6, 0.15, 0.2, 0.3]}, predictions, prices
    )


@pytest.fixture(scope="module")
def days_ahead(prices):
    last = prices["Close"].iloc[-1]
    return pd.DataFrame(
        {
            "date": pd.date_range(prices.index[-1] + pd.Timedelta(days=1), periods=3),
            "path_usd": last + np.arange(3.0),
            "lower_usd": last - 5,
            "upper_usd": last + 9,
            "naive_usd": last,
            "naive_lower_usd": last - 4,
            "naive_upper_usd": last + 6,
            "level": 0.9,
            "actual_usd": [last + 1, np.nan, np.nan],
        }
    )


@pytest.fixture(scope="module")
def every_figure(finished, prices, days_ahead):
    """Name -> a function that draws it anew, for all charts there are."""
    drawn = {key: (lambda view=view: view.draw(finished)) for key, view in charts.VIEWS.items()}

    return {
        **drawn,
        "forecast": lambda: charts.forecast(days_ahead, prices["Close"], TICKER, NETWORK),
        "earned forecast": lambda: charts.forecast(days_ahead, prices["Close"], TICKER, NETWORK, earned=True),
        "forecast without a network": lambda: charts.forecast(days_ahead, prices["Close"], "ADA-USD"),
        "empty": lambda: charts.empty("Nothing", "There is nothing to show."),
    }


def trace(figure, name):
    found = [t for t in figure.data if t.name == name]
    assert len(found) == 1, f"{name} among {[t.name for t in figure.data]}"
    return found[0]


def held_out(predictions):
    return predictions[predictions["part"] != "train"]


def test_the_twelve_views_in_the_thesis_order():
    assert list(charts.VIEWS) == [
        "training_history",
        "predictions",
        "residuals",
        "error_distribution",
        "qq",
        "actual_against_predicted",
        "rolling_metrics",
        "candlestick",
        "bollinger",
        "momentum",
        "volume_profile",
        "drawdown",
    ]


def test_a_view_draws_from_what_it_says_it_needs(finished):
    for key, view in charts.VIEWS.items():
        alone = charts.Finished(TICKER, NETWORK, **{name: getattr(finished, name) for name in view.needs})
        assert view.draw(alone).to_json() == view.draw(finished).to_json(), key
        without = {"history", "predictions", "prices"} - set(view.needs)
        nothing = view.draw(charts.Finished(TICKER, NETWORK, **{name: getattr(finished, name) for name in without}))
        assert not nothing.data and len(nothing.layout.annotations) == 1, key


def test_training_history_has_both_losses_and_the_best_epoch(finished):
    figure = charts.VIEWS["training_history"].draw(finished)
    assert list(trace(figure, "training").y) == [0.5, 0.2, 0.1, 0.09] and list(trace(figure, "training").x) == [
        1,
        2,
        3,
        4,
    ]
    assert list(trace(figure, "validation").y) == [0.6, 0.15, 0.2, 0.3]
    best = trace(figure, "best epoch, 2")
    assert (list(best.x), list(best.y)) == ([2], [0.15])
    assert figure.layout.yaxis.type == "log"


def test_a_diverged_epoch_is_never_the_best():
    history = {"loss": [1, np.nan, 2], "val_loss": [np.nan, np.inf, 3]}
    assert list(
        trace(charts.VIEWS["training_history"].draw(charts.Finished("X", "CNN", history)), "best epoch, 3").y
    ) == [3]
    diverged = charts.VIEWS["training_history"].draw(
        charts.Finished("X", "CNN", {"loss": [np.nan], "val_loss": [np.nan]})
    )
    assert [t.name for t in diverged.data] == ["training", "validation"]


def test_predictions_show_actual_network_and_naive_on_held_out_days(finished, predictions):
    figure, rows = charts.VIEWS["predictions"].draw(finished), held_out(predictions)
    for name, column in (("actual", "actual_usd"), (NETWORK, "predicted_usd"), ("naive", "naive_usd")):
        np.testing.assert_array_equal(trace(figure, name).y, rows[column])
        np.testing.assert_array_equal(pd.DatetimeIndex(trace(figure, name).x), rows["date"])
    assert {a.text: pd.Timestamp(a.x) for a in figure.layout.annotations} == rows.groupby("part")[
        "date"
    ].min().to_dict()


def test_residuals_are_forecast_minus_actual_beside_the_naive_ones(finished, predictions):
    figure, rows = charts.VIEWS["residuals"].draw(finished), held_out(predictions)
    np.testing.assert_allclose(trace(figure, NETWORK).y, rows["predicted_usd"] - rows["actual_usd"])
    np.testing.assert_allclose(trace(figure, "naive").y, rows["naive_usd"] - rows["actual_usd"])
    assert trace(figure, NETWORK).y.mean() == pytest.approx(2, abs=0.4)


def test_error_distribution_counts_every_test_day_in_the_same_bins(finished, predictions):
    figure, test = charts.VIEWS["error_distribution"].draw(finished), predictions[predictions["part"] == "test"]
    for column, start in (("predicted_usd", NETWORK), ("naive_usd", "naive")):
        percent = 100 * (test[column] - test["actual_usd"]) / test["actual_usd"]
        drawn = trace(figure, f"{start}, mean {percent.mean():+.2f} %")
        edges = drawn.x[::2]
        assert drawn.y[1:-1:2].sum() == len(test) == 59 and (drawn.y[0], drawn.y[-1]) == (0, 0)
        for k in (0, 17, 39):
            inside = (percent >= edges[k]) & ((percent < edges[k + 1]) | (k == 39))
            assert drawn.y[1 + 2 * k] == drawn.y[2 + 2 * k] == inside.sum()
    np.testing.assert_array_equal(figure.data[0].x, figure.data[1].x)


def test_qq_puts_normal_errors_on_the_diagonal_and_fat_tails_off_it(predictions):
    test = predictions[predictions["part"] == "test"].copy()
    n = len(test)
    shape = stats.norm.ppf((np.arange(1, n + 1) - 0.5) / n)
    test["predicted_usd"] = test["actual_usd"] * (1 + 0.01 * np.random.default_rng(0).permutation(shape))
    test["naive_usd"] = test["actual_usd"] * (1 + 0.01 * np.random.default_rng(0).permutation(shape**3))
    figure = charts.VIEWS["qq"].draw(charts.Finished(TICKER, NETWORK, {}, test))
    network, naive = trace(figure, NETWORK), trace(figure, "naive")
    np.testing.assert_allclose(network.x, shape)
    np.testing.assert_allclose(network.y, shape / shape.std(ddof=1), atol=1e-9)
    assert naive.y[-1] > 1.4 * naive.x[-1] and naive.y[0] < 1.4 * naive.x[0]


def test_actual_against_predicted_has_actual_along_x(finished, predictions):
    figure, test = charts.VIEWS["actual_against_predicted"].draw(finished), predictions[predictions["part"] == "test"]
    np.testing.assert_array_equal(trace(figure, NETWORK).x, test["actual_usd"])
    np.testing.assert_array_equal(trace(figure, NETWORK).y, test["predicted_usd"])
    np.testing.assert_array_equal(trace(figure, "naive").y, test["naive_usd"])
    np.testing.assert_array_equal(trace(figure, "right").x, trace(figure, "right").y)


def test_rolling_metrics_by_hand(finished, predictions):
    figure, rows = charts.VIEWS["rolling_metrics"].draw(finished), held_out(predictions)
    assert figure.layout.title.subtitle.text.endswith("last 30 forecasts, without an interval")
    error, naive = (rows[c].to_numpy() - rows["actual_usd"].to_numpy() for c in ("predicted_usd", "naive_usd"))
    drawn = {(t.hovertemplate.split()[0], t.name): t.y for t in figure.data}
    assert set(drawn) == {(score, name) for score in ("MAE", "RMSE") for name in (NETWORK, "naive")} | {
        ("skill", NETWORK)
    }
    assert np.isnan(drawn["MAE", NETWORK][28]) and np.isfinite(drawn["MAE", NETWORK][29])
    for day in (29, 70, 118):
        window = slice(day - 29, day + 1)
        assert drawn["MAE", NETWORK][day] == pytest.approx(np.abs(error[window]).mean())
        assert drawn["RMSE", "naive"][day] == pytest.approx(np.sqrt((naive[window] ** 2).mean()))
        assert drawn["skill", NETWORK][day] == pytest.approx(
            1 - (error[window] ** 2).sum() / (naive[window] ** 2).sum()
        )
    assert [t.name for t in figure.data if t.showlegend is not False] == ["naive", NETWORK]


def test_candles_have_the_last_days_and_up_differs_from_down_by_more_than_hue(finished, prices):
    figure = charts.VIEWS["candlestick"].draw(finished)
    candles = trace(figure, TICKER)
    for column in ("Open", "High", "Low", "Close"):
        np.testing.assert_array_equal(candles[column.lower()], prices[column].tail(120))
    np.testing.assert_allclose(trace(figure, "volume").y, prices["Volume"].tail(120) / 1e6)
    for name, page in charts.THEMES.items():
        charts.themed(figure, name)
        assert candles.increasing.fillcolor == page["surface"]  # hollow
        assert charts.contrast(candles.decreasing.fillcolor, page["surface"]) >= 3  # filled


def test_bands_and_momentum_are_the_indicators(finished, prices):
    found = technical.indicators(prices).tail(365)
    bands, motion = (charts.VIEWS[key].draw(finished) for key in ("bollinger", "momentum"))
    for figure, name, column in (
        (bands, "upper band", "BB_upper"),
        (bands, "Bollinger bands", "BB_lower"),
        (bands, "average", "BB_middle"),
        (motion, "RSI", "RSI"),
        (motion, "MACD", "MACD"),
        (motion, "signal", "MACD_signal"),
        (motion, "histogram", "MACD_hist"),
    ):
        np.testing.assert_array_equal(trace(figure, name).y, found[column], err_msg=name)
    assert {s.y0 for s in motion.layout.shapes} == {30, 70}


def test_a_day_gives_each_price_its_share_of_the_volume():
    day = pd.DataFrame(
        {
            "High": [20.0, 12.0, 20.0],
            "Low": [10.0, 12.0, 20.0],
            "Close": [15.0, 12.0, 20.0],
            "Volume": [100.0, 7.0, 3.0],
        }
    )
    edges, volume = price_views.profile(day, 5)
    np.testing.assert_allclose(edges, [10, 12, 14, 16, 18, 20])
    np.testing.assert_allclose(volume, [20, 27, 20, 20, 23])


@pytest.mark.parametrize(("times", "word"), [(1e-6, "units"), (1e-2, "thousand"), (1, "million"), (1e5, "billion")])
def test_volume_is_read_in_a_unit_of_its_size(prices, times, word):
    """150,000 million are 150 billion."""
    drawn = charts.VIEWS["candlestick"].draw(
        charts.Finished(TICKER, NETWORK, {}, prices=prices.assign(Volume=prices["Volume"] * times))
    )
    assert drawn.layout.yaxis2.title.text == f"volume<br>({word})"
    assert 1 <= max(trace(drawn, "volume").y) < 1000


def test_volume_profile_loses_no_volume(finished, prices):
    figure, last = charts.VIEWS["volume_profile"].draw(finished), prices.tail(365)
    bars = [t for t in figure.data if t.type == "bar"]
    assert sum(t.x.sum() for t in bars) == pytest.approx(last["Volume"].sum() / 1e6)
    assert len(bars[1].x) == 1 and bars[1].x[0] >= bars[0].x.max()
    low, high = bars[1].customdata[0]
    assert bars[1].name == f"most, near {(low + high) / 2:,.4g} USD"
    assert high - low == pytest.approx((last["High"].max() - last["Low"].min()) / 40)
    assert list(trace(figure, f"last close, {last['Close'].iloc[-1]:,.5g} USD").y) == [last["Close"].iloc[-1]] * 2


def test_drawdown_by_hand():
    closes = [100.0, 120.0, 90.0, 130.0, 65.0, 78.0]
    prices = pd.DataFrame(
        dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), closes), index=pd.date_range("2024-01-01", periods=6)
    )
    figure = charts.VIEWS["drawdown"].draw(charts.Finished("X", "CNN", {}, prices=prices))
    np.testing.assert_allclose(trace(figure, "drawdown").y, [0, 0, -25, 0, -50, -40])
    assert trace(figure, "deepest, -50.0 % on 2024-01-05").y == (-50,)


@pytest.mark.parametrize(
    "earned, bold, faint, interval, bounds",
    [
        (False, "no model: as today", NETWORK, "90% interval of no model", ("naive_lower_usd", "naive_upper_usd")),
        (True, NETWORK, "no model: as today", f"90% interval of {NETWORK}", ("lower_usd", "upper_usd")),
    ],
)
def test_a_forecast_is_the_bold_line_with_the_interval_only_where_it_earned_it(
    prices, days_ahead, earned, bold, faint, interval, bounds
):
    figure = charts.forecast(days_ahead, prices["Close"], TICKER, NETWORK, earned, known_days=20)
    np.testing.assert_array_equal(trace(figure, "known close").y, prices["Close"].tail(20))
    for name, column in ((NETWORK, "path_usd"), ("no model: as today", "naive_usd")):
        known, *ahead = trace(figure, name).y
        np.testing.assert_array_equal(ahead, days_ahead[column])
        assert known == trace(figure, "known close").y[-1], "a line begins where the known one ends"
    np.testing.assert_array_equal(trace(figure, "actual").y, days_ahead["actual_usd"])
    assert trace(figure, bold).line.width > 2 * trace(figure, faint).line.width
    assert (trace(figure, bold).line.dash, trace(figure, faint).line.dash) == ("solid", "dot")
    upper, lower = (t for t in figure.data if t.name == interval)
    assert "interval" not in "".join(t.name for t in figure.data if t not in (upper, lower))
    np.testing.assert_array_equal(lower.y, days_ahead[bounds[0]])
    np.testing.assert_array_equal(upper.y, days_ahead[bounds[1]])
    assert lower.fill == "tonexty" and figure.data.index(lower) == figure.data.index(upper) + 1
    assert figure.layout.title.subtitle.text == f"{TICKER}, {NETWORK}"


def test_forecast_without_outcomes_or_bounds_says_so(prices, days_ahead):
    open_ended = days_ahead.drop(columns="actual_usd").assign(naive_upper_usd=[np.inf, 120.0, 121.0])
    figure = charts.forecast(open_ended, prices["Close"], TICKER)
    assert "actual" not in [t.name for t in figure.data]
    assert list(figure.data[0].y) == [120, 121]
    assert figure.layout.title.subtitle.text == f"{TICKER}, 1 of 3 days without bounds: too few errors known"
    with pytest.raises(charts.ChartError, match="one level"):
        charts.forecast(pd.concat([days_ahead, days_ahead.assign(level=0.8)]), prices["Close"], TICKER)
    with pytest.raises(charts.ChartError, match="lacks the column naive_upper_usd"):
        charts.forecast(days_ahead.drop(columns="naive_upper_usd"), prices["Close"], TICKER)
    assert not charts.forecast(days_ahead.head(0), prices["Close"], TICKER).data


def test_of_closes_alone_what_cannot_be_drawn_is_said(prices):
    closes = prices.assign(Open=np.nan, High=np.nan, Low=np.nan)
    of = charts.Finished(TICKER, NETWORK, {}, prices=closes)
    for key in ("bollinger", "drawdown"):
        assert len(charts.VIEWS[key].draw(of).data) > 0
    for key, sentence in (
        ("candlestick", "These prices have no Open, High, Low, so there are no candles."),
        ("volume_profile", "These prices have no High, Low, so it is not known what was traded at which price."),
    ):
        drawn = charts.VIEWS[key].draw(of)
        assert not drawn.data and sentence in [a.text.replace("<br>", " ") for a in drawn.layout.annotations]


# Both themes.

HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def colours_of(node, path=""):
    """All colours in a chart's dictionary, with where they stand."""
    if isinstance(node, str) and (HEX.fullmatch(node) or node.startswith("rgba(")):
        yield path, node
    elif isinstance(node, dict):
        for name, below in node.items():
            yield from colours_of(below, f"{path}.{name}")
    elif isinstance(node, list):
        for below in node:
            yield from colours_of(below, path)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_line_and_text_of_every_chart_has_its_contrast(every_figure, name):
    page = charts.THEMES[name]
    for key, draw in every_figure.items():
        content = json.loads(charts.themed(draw(), name).to_json())
        look = content["layout"].pop("template")["layout"]
        assert look["paper_bgcolor"] == look["plot_bgcolor"] == page["surface"]
        checked = 0
        for path, value in colours_of(content):
            hollow = path.endswith(("increasing.fillcolor", "annotations.bgcolor")) and value == page["surface"]
            if value.startswith("rgba(") or hollow:
                # An area: its edge is a line of the same trace and stands in this loop too.
                assert path.endswith(("fillcolor", "bgcolor")), f"{key}{path}"
                continue
            checked += 1
            needed = 4.5 if "font" in path else 3
            for ground in ("surface", "background"):
                assert charts.contrast(value, page[ground]) >= needed, f"{key}{path} {value} on {ground}"
        assert checked or key == "empty"
        for path, value in colours_of(look):
            if "font" in path:
                grounds = (look["xaxis"]["rangeselector"]["bgcolor"], look["hoverlabel"]["bgcolor"], page["surface"])
                assert min(charts.contrast(value, ground) for ground in grounds) >= 4.5, f"{path} {value}"
            elif not path.endswith("bgcolor") and "selector.activecolor" not in path:
                assert charts.contrast(value, page["surface"]) >= 3, f"{path} {value}"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_colour_there_is_has_its_contrast(name):
    page, place = charts.THEMES[name], list(charts.THEMES).index(name)
    for meaning, values in charts.COLOURS.items():
        if meaning != "page surface":
            for ground in ("surface", "background"):
                assert charts.contrast(values[place], page[ground]) >= 3, meaning
    for text in ("text", "muted", "accent", "error", "good", "warning"):
        for ground in ("surface", "background"):
            assert charts.contrast(page[text], page[ground]) >= 4.5, text
    assert charts.contrast(page["accent_text"], page["accent"]) >= 4.5
    for words in ("support", "resistance"):  # levels carry their name in their colour
        assert charts.contrast(charts.COLOURS[words][place], page["surface"]) >= 4.5


def test_contrast_is_that_of_the_standard():
    assert charts.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert (
        charts.contrast("#777777", "#FFFFFF") == charts.contrast("#FFFFFF", "#777777") == pytest.approx(4.48, abs=0.005)
    )
    assert charts.contrast("#FF0000", "#FFFFFF") == pytest.approx(4.00, abs=0.005)


def test_no_colour_means_two_things():
    values = [value.upper() for pair in charts.COLOURS.values() for value in pair]
    assert len(set(values)) == len(values)


@pytest.mark.slow
def test_a_chart_goes_to_the_other_theme_and_back_as_often_as_wanted(every_figure):
    for key, draw in every_figure.items():
        figure = draw()
        light = figure.to_json()
        values = [np.array(t.y) for t in figure.data if t.type == "scatter"]
        assert charts.themed(figure, "dark") is figure
        dark = figure.to_json()
        assert dark != light
        used = {value.upper() for _, value in colours_of(json.loads(dark)["data"])}
        assert not used & {pair[0].upper() for pair in charts.COLOURS.values()}, key
        for old, new in zip(values, (t.y for t in figure.data if t.type == "scatter")):
            np.testing.assert_array_equal(old, new)
        assert charts.themed(figure, "dark").to_json() == dark, key
        assert charts.themed(figure, "light").to_json() == light, key
    with pytest.raises(charts.ThemeError, match="'sepia', allowed are light and dark"):
        charts.themed(figure, "sepia")


def hue(value):
    red, green, blue = (int(value[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return 360 * colorsys.rgb_to_hls(red, green, blue)[0]


def test_hues_are_those_of_the_printed_figures():
    assert colours.NAIVE == baselines.NAIVE and set(colours.NETWORKS) == set(networks.ARCHITECTURES)
    for meaning in (*colours.NETWORKS, *colours.COINS, *colours.OTHER_COINS):
        for ours in charts.COLOURS[meaning]:
            turn = abs((hue(ours) - hue(colours.PRINTED[meaning]) + 180) % 360 - 180)
            assert turn <= 14, f"{meaning}: {turn:.0f} degrees from the printed figures'"
    for ticker in ("ADA-USD", "NEW-USD", "DOGE-USD", "XRP-USD"):
        assert figures.coin_colour(ticker) == colours.PRINTED[colours.coin(ticker)]
        assert theme.coin_colour(ticker) == charts.COLOURS[colours.coin(ticker)][0]


# What a page needs.


def test_charts_fit_their_place_and_name_their_axes(every_figure):
    for key, draw in every_figure.items():
        figure = draw()
        assert figure.layout.width is None and figure.layout.autosize is not False, key
        if key == "empty":
            continue
        assert figure.layout.title.text and len(figure.layout.title.text) <= 26, key  # beside the buttons on a phone
        assert len(figure.layout.title.subtitle.text) <= 60, key
        assert all(axis.title.text for axis in figure.select_yaxes()), key
        look = figure.layout.template.layout
        assert look.legend.orientation == "h" and look.xaxis.automargin and look.yaxis.automargin
        for t in figure.data:
            assert t.hovertemplate or t.hoverinfo == "skip" or t.type == "candlestick", f"{key}: {t.name}"


def test_nothing_names_a_host_or_a_font_to_fetch(every_figure):
    for key, draw in every_figure.items():
        text = draw().to_json()
        assert "//" not in text, key
    assert theme.FONT == "system-ui, sans-serif"


def test_a_few_thousand_days_stay_light():
    days = pd.date_range("2015-01-01", periods=3000)
    close = pd.Series(100 + np.sin(np.arange(3000) / 50), days)
    prices = pd.DataFrame({"Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 1e6})
    rows = pd.DataFrame(
        {
            "date": days,
            "actual_usd": close.values,
            "predicted_usd": close.values + 1,
            "naive_usd": close.values + 2,
            "part": "test",
        }
    )
    long = charts.Finished("X", "CNN", {"loss": [1.0] * 1000, "val_loss": [1.0] * 1000}, rows, prices)
    for key, view in charts.VIEWS.items():
        assert len(view.draw(long).to_json()) < 700_000, key


def test_one_row_or_one_epoch_is_drawn_or_explained(finished, prices, predictions, days_ahead):
    one = charts.Finished(TICKER, NETWORK, {"loss": [0.5], "val_loss": [0.6]}, predictions.tail(1), prices.head(1))
    for key, view in charts.VIEWS.items():
        figure = charts.themed(view.draw(one), "dark")
        assert figure.data or figure.layout.annotations[0].text, key
    assert list(trace(charts.VIEWS["training_history"].draw(one), "best epoch, 1").y) == [0.6]
    assert charts.VIEWS["rolling_metrics"].draw(one).layout.annotations[0].text.endswith("there are 1.")
    assert trace(charts.VIEWS["predictions"].draw(one), NETWORK).mode == "lines+markers"
    assert charts.forecast(days_ahead.head(1), prices["Close"].head(1), TICKER).data


@pytest.mark.parametrize(
    "change,key,words",
    [
        ({"history": {"loss": [1, 2], "val_loss": [1]}}, "training_history", "2 values of loss and 1 of val_loss"),
        ({"history": {"loss": [1]}}, "training_history", "lacks val_loss"),
        ({"predictions": pd.DataFrame({"date": []})}, "qq", "lack the column actual_usd"),
        (
            {
                "predictions": pd.DataFrame(
                    {"date": [0], "actual_usd": 1, "predicted_usd": 1, "naive_usd": 1, "part": "later"}
                )
            },
            "residuals",
            "part 'later'",
        ),
        ({"prices": pd.DataFrame({"Close": [1.0]})}, "candlestick", "lack the column Open, High, Low, Volume"),
    ],
)
def test_unusable_inputs_are_named(finished, change, key, words):
    wrong = charts.Finished(
        **{**{n: getattr(finished, n) for n in ("ticker", "network", "history", "predictions", "prices")}, **change}
    )
    with pytest.raises(charts.ChartError, match=words):
        charts.VIEWS[key].draw(wrong)
    assert issubclass(charts.ChartError, ProjectError)


def test_inputs_are_left_alone(finished, prices, predictions, days_ahead):
    before = prices.copy(), predictions.copy(), days_ahead.copy()
    for view in charts.VIEWS.values():
        view.draw(finished)
    charts.forecast(days_ahead, prices["Close"], TICKER)
    for old, new in zip(before, (prices, predictions, days_ahead)):
        pd.testing.assert_frame_equal(old, new)


def axes_of(figure):
    return [*figure.select_xaxes(), *figure.select_yaxes()]


def test_axes_in_dollars_write_them_out(every_figure):
    """Plotly's own default writes 0.000012 USD as 12 with the sign for micro."""
    axes = [axis for draw in every_figure.values() for axis in axes_of(draw())]
    usd = [axis for axis in axes if re.search(r"\bUSD\)", axis.title.text or "") and "million" not in axis.title.text]
    assert len(usd) > 8
    assert {(axis.exponentformat, axis.separatethousands) for axis in usd} == {("none", True)}


def pixels(content):
    """A PNG as an array of red, green, blue, 0 to 255 each, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int)


def shades(trace):
    """The opaque colours in which a trace must be seen."""
    if trace.type == "candlestick":
        return [trace.increasing.line.color, trace.decreasing.line.color]
    return (
        [trace.line.color if "lines" in (trace.mode or "") else trace.marker.color]
        if trace.type == "scatter"
        else [trace.marker.color]
    )


@pytest.mark.slow
def test_a_picture_shows_every_trace_of_every_chart(every_figure):
    for k, (key, draw) in enumerate(every_figure.items()):
        figure = theme.themed(draw(), ("light", "dark")[k % 2]).update_layout(showlegend=False)
        drawn = pixels(picture.png(figure))
        assert drawn.shape[:2] == (int(figure.layout.height * 110 / 96), 1031), key
        for trace in figure.data:
            if trace.x is None or not len(trace.x):
                continue
            for shade in shades(trace):
                near = np.abs(drawn - [int(shade[k : k + 2], 16) for k in (1, 3, 5)]).sum(axis=2) < 90
                assert near.sum() > 10, (key, trace.name, shade)


def test_a_picture_is_in_the_place_that_the_axes_say():
    """A bar of half the range fills half the height; a level lies at its value."""
    figure = canvas.canvas("Bars").add_bar(x=[0, 1], y=[1, 1], marker={"color": "#FF0000"}, width=[1, 1])
    figure.update_yaxes(range=[0, 2])
    figure.add_shape(
        type="line", x0=0, x1=1, xref="x domain", y0=1.5, y1=1.5, yref="y", line={"color": "#0000FF", "width": 2}
    )
    drawn = pixels(picture.png(theme.themed(figure, "light")))
    red = np.flatnonzero((drawn == [255, 0, 0]).all(axis=2).any(axis=1))
    blue = np.flatnonzero((drawn == [0, 0, 255]).all(axis=2).any(axis=1))
    assert red[0] - blue.mean() == pytest.approx((red[-1] - red[0]) / 2, rel=0.02)


def test_a_picture_has_the_legend_that_the_chart_has(every_figure):
    figure = every_figure["qq"]()
    drawn = {shown: pixels(picture.png(figure.update_layout(showlegend=shown))) for shown in (None, True, False)}
    assert (drawn[None] == drawn[True]).all()
    below = {shown: (drawn[shown][-30:] != 255).any(axis=2).sum() for shown in (True, False)}
    assert below[True] > below[False]


def test_a_picture_writes_numbers_out():
    assert [picture._number(v) for v in (61000, 0.000012, -0.5, 1, 61234.7)] == [
        "61,000", "0.000012", "\N{MINUS SIGN}0.5", "1", "61,234.7"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.add_trace(go.Pie(values=[1])), "type pie"),
        (lambda f: f.add_scatter(x=[1], y=[1], marker_symbol="star"), "marker star"),
        (lambda f: f.add_scatter(x=[1], y=[1], fill="toself"), "fill toself"),
        (lambda f: f.add_shape(type="circle", x0=0, x1=1, y0=0, y1=1), "shape circle"),
        (lambda f: f.add_scatter(x=[1], y=[1], yaxis="y2").update_layout(yaxis2={"overlaying": "y"}), "one y axis"),
    ],
)
def test_what_a_picture_cannot_show_is_named(change, words):
    figure = go.Figure()
    change(figure)
    with pytest.raises(charts.ChartError, match=words):
        picture.png(figure)


def test_pictures_drawn_in_several_threads_are_the_same(every_figure):
    figures = [every_figure[key]() for key in ("training_history", "qq")] * 2
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(picture.png, figures))
    assert drawn == [picture.png(figure) for figure in figures[:2]] * 2
