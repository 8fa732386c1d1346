"""Figures on tiny data: what is drawn, labels with units, colours that mean one thing, nothing left open."""

import types

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure

from lib import colours, figures, settings, thesis
from lib.data import cleaning, indicators, windows
from lib.evaluation import stationarity

TICKERS = ("ADA-USD", "NEW-USD")
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")
CHOSEN = settings.sample().changed(lookback=8, split=[0.6, 0.2, 0.2])


@pytest.fixture(autouse=True)
def no_figure_left_open():
    yield
    assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def prices():
    index = pd.date_range("2021-01-01", periods=120)
    made = {}
    for k, ticker in enumerate(TICKERS):
        close = 100 * np.exp(np.cumsum(np.random.default_rng(k).normal(0, 0.05, 120)))
        made[ticker] = pd.DataFrame(
            {"Open": close, "High": close * 1.1, "Low": close * 0.9, "Close": close, "Volume": 1e6 + close}, index=index
        )
    return made


@pytest.fixture(scope="module")
def closes(prices):
    return {t: p["Close"] for t, p in prices.items()}


@pytest.fixture(scope="module")
def data(prices):
    return windows.build(prices, CHOSEN)


@pytest.fixture(scope="module")
def predictions(data):
    def frame(d):
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "date": p.dates,
                        "actual_usd": p.actual_usd,
                        "predicted_usd": p.actual_usd * 1.1,
                        "naive_usd": p.last_close_usd,
                        "part": p.name,
                    }
                )
                for p in d.parts
            ],
            ignore_index=True,
        )

    return {t: {n: frame(d) for n in ("CNN", "LSTM")} for t, d in data.items()}


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        [
            {
                "ticker": "ADA-USD",
                "network": n,
                "trial": k,
                "state": "complete",
                "batch_size": [16, 32, 64, 128][k - 1],
                "dropout_rate": 0.1 * k,
                "learning_rate": 1e-3 * k,
                "epochs": 100 + 10 * k,
                "parameters": int(rng.integers(1e3, 1e5)),
                "pool_size": np.nan if n == "LSTM" else k % 3 + 1,
                "mse": 0.01 / k,
                "r2": [-7.0, 0.5, 0.9, 0.8][k - 1],
            }
            for n in NETWORKS
            for k in (1, 2, 3, 4)
        ]
    )


NAIVE = {"ADA-USD": {"MSE": 0.001, "MAE": 0.01, "R2": 0.97}}


def labels(figure):
    return [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]


def legend_of(figure):
    return [
        t.get_text()
        for legend in [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
        for t in legend.get_texts()
    ]


def line(ax, label):
    return next(x for x in ax.lines if x.get_label() == label)


def drawn(figure):
    """The figure is a bare one, and can be drawn."""
    assert isinstance(figure, Figure) and figure.canvas.manager is None
    figure.draw_without_rendering()
    return figure


def test_colours_mean_one_thing():
    assert set(figures.NETWORK_COLOURS) == {*NETWORKS, "naive"}
    coins = [figures.coin_colour(ticker) for ticker in colours.COINS]
    everything = [*figures.NETWORK_COLOURS.values(), *coins, colours.PRINTED["actual"]]
    assert len(set(everything)) == len(everything)
    others = [colours.PRINTED[name] for name in colours.OTHER_COINS]
    assert figures.coin_colour("NEW-USD") == figures.coin_colour("NEW-USD") in others


def test_network_colours_differ_in_a_colour_blind_eye():
    """Deuteranopia as Machado, Oliveira and Fernandes (2009) simulate it at full severity, in linear light."""
    blind = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])

    def seen(colour):
        c = np.array(to_rgb(colour))
        return blind @ np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)

    colours = [seen(c) for c in figures.NETWORK_COLOURS.values()]
    apart = [np.linalg.norm(a - b) for k, a in enumerate(colours) for b in colours[:k]]
    assert min(apart) > 0.1


def test_figure_4_1(closes):
    figure = drawn(figures.figure_4_1(closes))
    assert [y for _, y in labels(figure)] == ["close (USD)"] * 2
    for ax, ticker in zip(figure.axes, TICKERS):
        assert ax.get_title(loc="left") == f"{ticker}, daily close"
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), closes[ticker])
        assert same_color(ax.lines[0].get_color(), figures.coin_colour(ticker))


def test_levels_and_returns(closes):
    figure = drawn(figures.levels_and_returns(closes, {t: stationarity.log_returns(c) for t, c in closes.items()}))
    assert [y for _, y in labels(figure)] == ["close (USD)", "log return per day"] * 2


def test_cleaning_before_after_marks_what_changed(prices):
    before = {"ADA-USD": prices["ADA-USD"].copy()}
    before["ADA-USD"].iloc[[5, 6], :] = np.nan
    before["ADA-USD"].iloc[50, :] = 1e6
    after = {"ADA-USD": cleaning.treat_outliers(cleaning.fill_gaps(before["ADA-USD"], 5), "median")}
    changed = [5, 6, 50]
    outside = np.flatnonzero(cleaning.fill_gaps(before["ADA-USD"], 5)["Close"] != after["ADA-USD"]["Close"])
    figure = drawn(figures.cleaning_before_after(before, after, "all"))
    marks = figure.axes[0].lines[2]
    expected = sorted({*changed, *outside.tolist()})
    assert [d.day for d in pd.DatetimeIndex(marks.get_xdata())] == [before["ADA-USD"].index[k].day for k in expected]
    assert f"{len(expected)} days changed" in legend_of(figure)


def test_outlier_fences_count_closes_outside():
    close = pd.Series([1.0, 2, 3, 4, 5, 6, 7, 100, -50], index=pd.date_range("2021-01-01", periods=9))
    figure = drawn(figures.outlier_fences({"ADA-USD": close}, {"ADA-USD": cleaning.fences(close.to_frame("Close"))}))
    assert figure.axes[0].get_title(loc="left") == "ADA-USD: 2 closes outside" and "USD" in figure.axes[0].get_ylabel()
    dashed = [x.get_ydata()[0] for x in figure.axes[0].lines if x.get_linestyle() == "--"]
    assert dashed == [-4, 12]


def test_indicators(prices):
    figure = drawn(figures.indicators(indicators.add_indicators(prices["ADA-USD"]), "ADA-USD", last_days=30))
    assert [y for _, y in labels(figure)] == ["USD", "RSI (0 to 100)", "MACD (USD)"]
    assert len(line(figure.axes[0], "close").get_ydata()) == 30 and figure.axes[1].get_ylim() == (0, 100)
    assert {"close", "EMA", "MACD", "signal", "histogram"} <= set(legend_of(figure))


def test_splits_shade_the_parts_where_they_are(data, closes):
    figure = drawn(figures.figure_4_2(data, closes))
    ax, days = figure.axes[0], data["ADA-USD"].days
    vertical = [x for x in ax.lines if len(set(map(str, x.get_xdata()))) == 1]
    assert [(pd.Timestamp(x.get_xdata()[0]), x.get_linestyle()) for x in vertical] == [
        (days["validation"][0], "--"),
        (days["test"][0], ":"),
    ]
    assert (
        legend_of(figure)[:2] == ["validation, 24 days", "test, 24 days"]
        and ax.get_title(loc="left") == "ADA-USD: train 72 days"
    )


def test_scaled_window_ends_with_the_target(prices):
    data = windows.build(prices, CHOSEN.changed(inputs="ohlcv_indicators", lookback=5))["ADA-USD"]
    figure = drawn(figures.scaled_window(data))
    ax = figure.axes[0]
    target = line(ax, "next close (target)")
    assert (target.get_xdata()[0], target.get_ydata()[0]) == (6, data.train.y[0])
    assert line(ax, "Close").get_xdata()[-1] == 5 and legend_of(figure) == [*data.features, "next close (target)"]
    assert labels(figure) == [("day in the window", "scaled value (0 to 1)")]


def test_learning_curves_are_logarithmic_and_mark_the_best_epoch():
    fit = types.SimpleNamespace(
        epochs=3, best_epoch=2, history={"loss": [0.1, 0.01, 0.001], "val_loss": [0.2, 0.02, 0.03]}
    )
    figure = drawn(figures.learning_curves({"ADA-USD": fit}, "LSTM"))
    ax = figure.axes[0]
    assert ax.get_yscale() == "log" and labels(figure) == [("epoch", "scaled MSE")]
    assert line(ax, "best epoch").get_xydata().tolist() == [[2, 0.02]]
    assert same_color(line(ax, "validation").get_color(), figures.NETWORK_COLOURS["LSTM"])


def test_predicted_and_actual_leave_out_training_days(predictions):
    figure = drawn(figures.predicted_and_actual({t: p["CNN"] for t, p in predictions.items()}, "CNN"))
    ax, frame = figure.axes[0], predictions["ADA-USD"]["CNN"]
    shown = np.concatenate([x.get_ydata() for x in ax.lines if x.get_label() == "CNN"])
    np.testing.assert_array_equal(shown, frame.loc[frame["part"] != "train", "predicted_usd"])
    assert legend_of(figure)[:5] == ["actual", "naive", "CNN", "validation", "test"] and ax.get_ylabel() == "USD"


def test_hyperparameter_distributions_count_every_trial(trials):
    figure = drawn(figures.figure_4_3(trials))
    for ax in figure.axes:
        assert sum(patch.get_height() for patch in ax.patches) == len(trials)
    assert [x for x, _ in labels(figure)] == [
        "batch size (windows)",
        "dropout rate",
        "learning rate",
        "parameters of the network",
    ]
    assert [ax.get_xscale() for ax in figure.axes] == ["linear", "linear", "log", "log"] and legend_of(figure) == list(
        NETWORKS
    )


def test_hyperparameter_impact_has_the_tried_values_as_ticks(trials):
    figure = drawn(figures.figure_4_4(trials))
    by_label = {ax.get_xlabel(): ax for ax in figure.axes}
    assert [t.get_text() for t in by_label["batch size (windows)"].get_xticklabels()] == ["16", "32", "64", "128"]
    assert [t.get_text() for t in by_label["pool size (days)"].get_xticklabels()] == ["1", "2", "3"]
    seen, below = by_label["dropout rate"].lines[:2]
    assert (
        seen.get_ydata().tolist() == [0.5, 0.9, 0.8]
        and below.get_ydata().tolist() == [-1.0]
        and below.get_marker() == "v"
    )
    assert "LSTM" not in [x.get_label() for x in by_label["pool size (days)"].lines] and legend_of(figure) == list(
        NETWORKS
    )
    assert figure.axes[0].get_ylabel() == "validation R2 (triangle: below -1)"


def test_search_over_time_shows_the_best_so_far_and_the_naive_forecast(trials):
    pruned = trials.astype({"mse": float}).copy()
    pruned.loc[pruned["trial"] == 3, ["mse", "r2"]] = np.nan
    figure = drawn(figures.figure_4_6(pruned, NAIVE))
    left, right = figure.axes
    assert line(left, "CNN").get_ydata().tolist() == [-1.0, 0.5, 0.5, 0.8]
    assert line(right, "CNN").get_ydata().tolist() == [0.01, 0.005, 0.005, 0.0025]
    assert set(line(left, "naive").get_ydata()) == {0.97} and set(line(right, "naive").get_ydata()) == {0.001}
    assert right.get_yscale() == "log" and labels(figure) == [
        ("trial", "validation R2 (triangle: below -1)"),
        ("trial", "validation MSE (scaled)"),
    ]


def test_best_r2_draws_failures_at_minus_one_and_prints_their_value():
    rows = pd.DataFrame({"ticker": "ADA-USD", "model": ["LSTM", "CNN", "naive"], "R2": [0.9, -2.5, 0.97]})
    figure = drawn(figures.figure_4_5(rows, "validation"))
    ax = figure.axes[0]
    points = [p for p in ax.lines if p.get_marker() in "ov"]
    assert [(p.get_marker(), p.get_ydata()[0]) for p in points] == [("v", -1), ("o", 0.9)]  # CNN first, in every figure
    assert [t.get_text() for t in ax.get_xticklabels()] == ["-2.500\nCNN", "0.900\nLSTM"]
    printed = thesis.trials().query("ticker == 'ADA-USD'").groupby("network")["r2"].max()
    assert line(ax, "thesis, printed best (line: its rounding)").get_ydata().tolist() == [printed["LSTM"]]
    assert line(ax, "thesis, printed best, on other days").get_ydata().tolist() == [printed["CNN"]]
    assert set(line(ax, "naive forecast").get_ydata()) == {0.97}
    assert all(same_color(p.get_color(), figures.NETWORK_COLOURS[n]) for p, n in zip(points, ("CNN", "LSTM")))
    assert legend_of(drawn(figures.figure_4_5(rows, "test"))) == ["naive forecast"]


def test_a_hundredth_of_r2_can_be_seen_whatever_another_coin_has():
    """Red with bars from zero: the four best networks of a coin ended at the same height."""
    scores = {"ADA-USD": (0.2, 0.4, 0.3), "SOL-USD": (0.955, 0.959, 0.961)}
    names = ("CNN", "LSTM", "naive")
    rows = [(ticker, name, r2) for ticker, three in scores.items() for name, r2 in zip(names, three)]
    figure = drawn(figures.figure_4_5(pd.DataFrame(rows, columns=["ticker", "model", "R2"]), "test"))
    low, high = figure.axes[1].get_ylim()
    assert (0.959 - 0.955) / (high - low) > 0.3


def test_names_and_scores_of_four_networks_on_three_coins_do_not_touch():
    """Red before: two names of nine letters were 3 pixels apart."""
    names = (*NETWORKS, "naive")
    rows = [(ticker, name, 0.95) for ticker in ("ADA-USD", "ETH-USD", "SOL-USD") for name in names]
    figure = drawn(figures.figure_4_5(pd.DataFrame(rows, columns=["ticker", "model", "R2"]), "validation"))
    for ax in figure.axes:
        boxes = [text.get_window_extent() for text in ax.get_xticklabels()]
        assert all(left.x1 + 8 < right.x0 for left, right in zip(boxes, boxes[1:]))


def test_residuals_are_percent_of_actual_with_the_naive_forecast_last(predictions):
    figure = drawn(figures.residuals(predictions))
    ax = figure.axes[0]
    assert ax.get_ylabel() == "predicted - actual (% of actual)"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["CNN", "LSTM", "naive"]
    boxes = [p.get_facecolor() for p in ax.patches]
    assert [same_color(b, figures.NETWORK_COLOURS[n]) for b, n in zip(boxes, ("CNN", "LSTM", "naive"))] == [True] * 3
    medians = [x.get_ydata()[0] for x in ax.lines if len(x.get_ydata()) == 2 and len(set(x.get_ydata())) == 1]
    assert min(abs(m - 10) for m in medians) < 1e-9


@pytest.mark.parametrize(("low", "high"), [(1.1e-3, 1.8e-3), (1e-3, 2e-2), (1e-5, 1e3)])
def test_a_logarithmic_axis_has_some_ticks_and_not_many(low, high):
    figure = Figure()
    ax = figure.subplots()
    ax.plot([1, 2], [low, high])
    ax.set_yscale("log")
    figures.log_ticks(ax.yaxis)
    figure.draw_without_rendering()
    bottom, top = ax.get_ylim()
    assert 2 <= sum(bottom <= t <= top for t in ax.get_yticks()) <= 9


def test_a_network_that_is_not_of_the_thesis_is_drawn_too(trials, monkeypatch):
    """Figures took their networks from a list of their own once: a fifth one was left out without a word."""
    monkeypatch.setitem(settings.NETWORKS, "GRU", settings.NETWORKS["LSTM"])
    monkeypatch.setitem(figures.NETWORK_COLOURS, "GRU", "#56B4E9")
    fifth = trials.assign(network=trials["network"].replace("LSTM", "GRU"))
    for draw in (figures.figure_4_3, figures.figure_4_4):
        figure = draw(fifth)
        legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
        assert "GRU" in {text.get_text() for legend in legends for text in legend.get_texts()}, draw.__name__
