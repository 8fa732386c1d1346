"""Figures 4.1 to 4.6 of the thesis, and those around them, from finished results.

Each function returns a matplotlib Figure; none shows or saves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib import colours, thesis
from lib.colours import NAIVE, PRINTED
from lib.data.windows import Dataset
from lib.figures.style import (
    NETWORK_COLOURS,
    canvas,
    coin_colour,
    dates,
    legend_above,
    legend_outside,
    log_ticks,
    styled,
)
from lib.settings import NETWORKS

ACTUAL, MARK, LINE = PRINTED["actual"], PRINTED["mark"], PRINTED["line"]
LEARNING_RATES = (8e-5, 1.25e-2)  # a little more than the search covers
LABELS = {
    "batch_size": "batch size (windows)",
    "dropout_rate": "dropout rate",
    "learning_rate": "learning rate",
    "epochs": "epochs allowed",
    "parameters": "parameters of the network",
    "pool_size": "pool size (days)",
}
NETWORK_SHAPES = dict(zip(NETWORKS, "osD^"))
LOGARITHMIC = ("learning_rate", "parameters")
R2_LABEL = "validation R2 (triangle: below -1)"


@styled
def figure_4_1(closes_usd: Mapping[str, pd.Series]) -> Figure:
    """Figure 4.1: daily closes of each ticker."""
    figure, axes = canvas(len(closes_usd), sharex=True)
    for ax, (ticker, close) in zip(axes.flat, closes_usd.items()):
        ax.plot(close.index, close, color=coin_colour(ticker), lw=1.1)
        ax.set(title=f"{ticker}, daily close", ylabel="close (USD)")
        dates(ax)
    return figure


@styled
def figure_4_2(data: Mapping[str, Dataset], closes_usd: Mapping[str, pd.Series]) -> Figure:
    """Figure 4.2: train, validation and test days; a dashed and a dotted line where they meet."""
    figure, axes = canvas(len(data))
    for ax, (ticker, windows) in zip(axes.flat, data.items()):
        days = windows.days
        ax.plot(closes_usd[ticker], color=coin_colour(ticker), lw=1.1)
        for split in ("validation", "test"):
            label = f"{split}, {len(days[split])} days"
            ax.axvspan(days[split][0], days[split][-1], color=PRINTED[split], label=label, lw=0)
        ax.axvline(days["validation"][0], color=LINE, ls="--", lw=1.2)
        ax.axvline(days["test"][0], color=LINE, ls=":", lw=1.6)
        ax.set(title=f"{ticker}: train {len(days['train'])} days", ylabel="close (USD)")
        legend_above(ax, 2)
        dates(ax)
    return figure


@styled
def figure_4_3(trials: pd.DataFrame) -> Figure:
    """Figure 4.3: how often the search tried which batch size, dropout, learning rate and network size."""
    figure, axes = canvas(2, 2, row_height=2.9)
    order = [n for n in NETWORKS if n in set(trials["network"])]
    for ax, name in zip(axes.flat, ("batch_size", "dropout_rate", "learning_rate", "parameters")):
        shown = trials.dropna(subset=[name])
        if name == "batch_size":
            _stacked_bars(ax, pd.crosstab(shown[name], shown["network"]).reindex(columns=order, fill_value=0))
        else:
            sns.histplot(
                shown,
                x=name,
                hue="network",
                hue_order=order,
                palette=NETWORK_COLOURS,
                multiple="stack",
                bins=10,
                log_scale=name in LOGARITHMIC,
                ax=ax,
                legend=False,
                alpha=1,
                edgecolor="white",
            )
        _limits(ax, name)
        ax.set(xlabel=LABELS[name], ylabel="trials")
        ax.yaxis.get_major_locator().set_params(integer=True)
    legend_outside(figure, "upper", len(order), order)
    return figure


def _stacked_bars(ax: Axes, counts: pd.DataFrame) -> None:
    bottom = np.zeros(len(counts))
    for network in counts:
        x = counts.index.astype(int).astype(str)
        ax.bar(x, counts[network], bottom=bottom, color=NETWORK_COLOURS[network], label=network)
        bottom += counts[network].to_numpy()


@styled
def figure_4_4(trials: pd.DataFrame) -> Figure:
    """Figure 4.4: validation R2 of each trial against its hyperparameters; those below -1 are triangles at -1."""
    figure, axes = canvas(2, 3, row_height=2.9, sharey=True)
    order = [n for n in NETWORKS if n in set(trials["network"])]
    for ax, (name, label) in zip(axes.flat, LABELS.items()):
        for k, network in enumerate(order):
            rows = trials[trials["network"] == network]
            if name in rows and rows[name].notna().any():
                x = _side_by_side(rows[name].astype("float64"), name, k - (len(order) - 1) / 2)
                _r2_points(ax, x, rows["r2"], NETWORK_COLOURS[network], label=network)
        if name in ("batch_size", *LOGARITHMIC):
            ax.set_xscale("log", base=2 if name == "batch_size" else 10)
        _limits(ax, name)
        if name in ("batch_size", "pool_size") and name in trials:
            values = sorted(trials[name].dropna().astype(int).unique())
            ax.set_xticks(values, [str(v) for v in values])
        ax.set_xlabel(label)
    for row in axes:
        row[0].set_ylabel(R2_LABEL)
    legend_outside(figure, "upper", 4, order)
    return figure


def _limits(ax: Axes, name: str) -> None:
    if name == "learning_rate":
        ax.set_xlim(LEARNING_RATES)
    if name in LOGARITHMIC:
        log_ticks(ax.xaxis)


def _r2_points(ax: Axes, x: pd.Series, r2: pd.Series, colour: str, label: str | None = None) -> None:
    """R2 as points; what lies below -1 stands at -1 as a triangle that points down."""
    below = r2 < -1
    ax.plot(x[~below], r2[~below], "o", color=colour, ms=4, alpha=0.8, label=label)
    ax.plot(x[below], r2[below].clip(lower=-1), "v", color=colour, ms=5, alpha=0.8)


def _side_by_side(values: pd.Series, name: str, place: float) -> pd.Series:
    """Networks side by side where a hyperparameter has few values; ``place`` is 0 in the centre."""
    if name == "batch_size":
        return values * 2 ** (0.13 * place)
    return values + 0.13 * place if name == "pool_size" else values


@styled
def figure_4_5(rows: pd.DataFrame, split: str) -> Figure:
    """Figure 4.5: R2 of each network by ticker, the naive forecast as a line, the thesis's best as a mark.

    Points, each ticker on its own axis: in bars from zero the differences, a hundredth of R2, cannot be seen.

    Args:
        rows: ``ticker``, ``model`` (networks and ``naive``), ``R2``; points end at -1, the score stands below.
        split: which split was scored; the thesis's marks belong to the validation split.
    """
    tickers = list(dict.fromkeys(rows["ticker"]))
    names = [n for n in NETWORKS if n in set(rows["model"])]
    figure, axes = canvas(1, len(tickers), row_height=3.4)
    for ax, ticker in zip(axes.flat, tickers):
        r2 = rows[rows["ticker"] == ticker].set_index("model")["R2"]
        ours = r2.reindex(names)
        for place, (name, score) in enumerate(ours.items()):
            marker = "v" if score < -1 else "o"
            ax.plot(place, max(score, -1), marker, ms=9, color=NETWORK_COLOURS[name], zorder=3)
        if split == "validation":
            _printed_best(ax, ticker, names)
        ax.axhline(r2[NAIVE], color=NETWORK_COLOURS[NAIVE], ls="--", lw=1.4, label="naive forecast")
        ax.set_title(f"{ticker}: naive {r2[NAIVE]:.3f}")
        # The score stands below the axis: beside its point it would meet the naive forecast's line. Names of two
        # words have two lines, as neighbours would touch.
        scores = [f"{score:.3f}\n" if pd.notna(score) else "" for score in ours]
        labels = [score + name.replace("-", "-\n") for score, name in zip(scores, names)]
        ax.set_xticks(range(len(names)), labels, fontsize=8, rotation=0 if len(tickers) <= 3 else 60)
        ax.set_xlim(-0.5, len(names) - 0.5)
        ax.yaxis.set_major_locator(MaxNLocator(5))
    axes[0, 0].set_ylabel(f"R2 on {split} days")
    legend_outside(figure, "upper", 3)
    return figure


def _printed_best(ax: Axes, ticker: str, names: list[str]) -> None:
    printed = thesis.trials().groupby(["ticker", "network"])["r2"].max()
    for place, name in enumerate(names):
        if (ticker, name) not in printed:
            continue
        # ADA's printed CNN trials are a rerun that was scored on other days.
        look: dict[str, Any]
        if (ticker, name) == ("ADA-USD", "CNN"):
            look = {"marker": "x", "ms": 13, "label": "thesis, printed best, on other days"}
        else:
            look = {"marker": "_", "ms": 22, "label": "thesis, printed best (line: its rounding)"}
        best = printed[(ticker, name)]
        ax.plot(place, best, color=ACTUAL, mew=2, ls="", **look)
        ax.vlines(place, best - 0.005, best + 0.005, color=ACTUAL, lw=1)  # the appendices print two digits


@styled
def figure_4_6(trials: pd.DataFrame, naive: Mapping[str, Mapping[str, float]]) -> Figure:
    """Figure 4.6: R2 and MSE trial after trial, best so far as a line, the naive forecast beside.

    Args:
        trials: of all studies, numbered from 1.
        naive: ticker -> scaled validation scores of the naive forecast.
    """
    tickers = list(dict.fromkeys(trials["ticker"]))
    figure, axes = canvas(len(tickers), 2, row_height=2.9, sharex=True)
    for (left, right), ticker in zip(axes, tickers):
        for network, t in trials[trials["ticker"] == ticker].groupby("network", sort=False):
            look = {"color": NETWORK_COLOURS[network], "drawstyle": "steps-post", "label": network}
            _r2_points(left, t["trial"], t["r2"], NETWORK_COLOURS[network])
            left.plot(t["trial"], t["r2"].clip(lower=-1).cummax().ffill(), **look)
            right.plot(t["trial"], t["mse"], "o", ms=3, color=NETWORK_COLOURS[network], alpha=0.6)
            right.plot(t["trial"], t["mse"].cummin().ffill(), **look)
        for ax, score, label in ((left, "R2", R2_LABEL), (right, "MSE", "validation MSE (scaled)")):
            ax.axhline(naive[ticker][score], color=NETWORK_COLOURS[NAIVE], ls="--", lw=1.2, label="naive")
            ax.set(title=ticker, ylabel=label)
            ax.xaxis.get_major_locator().set_params(integer=True)
        right.set_yscale("log")
        log_ticks(right.yaxis)
    for ax in axes[-1]:
        ax.set_xlabel("trial")
    legend_outside(figure, "upper", 5)
    return figure


@styled
def levels_and_returns(closes_usd: Mapping[str, pd.Series], returns: Mapping[str, pd.Series]) -> Figure:
    """Closes beside their daily log returns: what the unit-root tests look at."""
    figure, axes = canvas(len(closes_usd), 2, row_height=2.2)
    for (left, right), ticker in zip(axes, closes_usd):
        left.plot(closes_usd[ticker], color=coin_colour(ticker), lw=1)
        left.set(title=f"{ticker}, level", ylabel="close (USD)")
        right.plot(returns[ticker], color=coin_colour(ticker), lw=0.6)
        right.set(title=f"{ticker}, log returns", ylabel="log return per day")
        dates(left)
        dates(right)
    return figure


@styled
def cleaning_before_after(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Closes before and after a cleaning step; days that the step changed or added are marked."""
    figure, axes = canvas(len(before))
    for ax, ticker in zip(axes.flat, before):
        old, new = before[ticker]["Close"], after[ticker]["Close"]
        touched = new.index[(old.reindex(new.index) != new).to_numpy()]
        ax.plot(old, color=PRINTED["before"], lw=2.2, label="before")
        ax.plot(new, color=coin_colour(ticker), lw=0.9, label="after")
        ax.plot(new.loc[touched], "o", color=MARK, ms=3, mfc="none", label=f"{len(touched)} days changed")
        ax.set(title=f"{ticker}: {label}", ylabel="close (USD)")
        legend_above(ax, 3)
        dates(ax)
    return figure


@styled
def outlier_fences(closes_usd: Mapping[str, pd.Series], fences: Mapping[str, pd.DataFrame]) -> Figure:
    """Box plots of closes with their IQR fences: what an outlier rule would touch."""
    figure, axes = canvas(1, len(closes_usd), row_height=3.2)
    for ax, (ticker, close) in zip(axes.flat, closes_usd.items()):
        look = {"color": coin_colour(ticker), "saturation": 1, "boxprops": {"alpha": 0.5}}
        sns.boxplot(y=close, ax=ax, whis=(0, 100), width=0.4, **look)
        lower, upper = fences[ticker].loc["Close", ["lower", "upper"]]
        for fence in (lower, upper):
            ax.axhline(fence, color=MARK, ls="--", lw=1)
        outside = int(((close < lower) | (close > upper)).sum())
        ax.set(title=f"{ticker}: {outside} closes outside", ylabel="close (USD), fences dashed")
    return figure


@styled
def indicators(prices: pd.DataFrame, ticker: str, last_days: int = 250) -> Figure:
    """Close with EMA, RSI and MACD of the last days."""
    shown = prices.tail(last_days)
    figure, axes = canvas(3, row_height=2.1, sharex=True)
    price, rsi, macd = axes.flat
    price.plot(shown["Close"], color=coin_colour(ticker), lw=1.1, label="close")
    price.plot(shown["EMA"], color=LINE, lw=1, ls="--", label="EMA")
    price.set(title=f"{ticker}, last {len(shown)} days", ylabel="USD")
    rsi.plot(shown["RSI"], color=LINE, lw=1)
    for level in (30, 70):
        rsi.axhline(level, color=MARK, lw=0.8, ls="--")
    rsi.set(ylabel="RSI (0 to 100)", ylim=(0, 100))
    macd.bar(shown.index, shown["MACD_hist"], color=PRINTED["bars"], width=1.0, label="histogram")
    macd.plot(shown["MACD"], color=PRINTED["blue"], lw=1, label="MACD")
    macd.plot(shown["MACD_signal"], color=PRINTED["orange"], lw=1, label="signal")
    macd.set(ylabel="MACD (USD)")
    for ax in (price, macd):
        legend_above(ax, 3)
    dates(macd)
    return figure


@styled
def scaled_window(data: Dataset) -> Figure:
    """The first training window after scaling, each feature a line, and the value to forecast."""
    figure, axes = canvas(1, row_height=3.0)
    ax, days = axes[0, 0], data.input_shape[0]
    others = iter(sns.color_palette("colorblind"))
    for k, feature in enumerate(data.features):
        look = {"lw": 1, "ls": "--", "color": _input_colour(feature, others)}
        if feature == "Close":
            look = {"lw": 1.8, "ls": "-", "color": coin_colour(data.ticker)}
        ax.plot(range(1, days + 1), data.train.X[0, :, k], label=feature, **look)
    ax.plot(days + 1, data.train.y[0], "D", color=ACTUAL, label="next close (target)")
    title = f"{data.ticker}: the first window of {days} days"
    ax.set(title=title, xlabel="day in the window", ylabel="scaled value (0 to 1)")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def _input_colour(feature: str, others: Iterator[tuple[float, ...]]) -> str | tuple[float, ...] | None:
    if feature == "Close":
        return None
    return PRINTED[feature] if feature in colours.COINS else next(others, "#555555")


@styled
def learning_curves(fits: Mapping[str, Any], network: str) -> Figure:
    """Training and validation loss by epoch for each ticker; the best epoch is marked."""
    figure, axes = canvas(1, len(fits), row_height=3.1)
    for ax, (ticker, fit) in zip(axes.flat, fits.items()):
        epochs, best = range(1, fit.epochs + 1), fit.history["val_loss"][fit.best_epoch - 1]
        ax.plot(epochs, fit.history["loss"], color=LINE, ls="--", label="train")
        ax.plot(epochs, fit.history["val_loss"], color=NETWORK_COLOURS[network], label="validation")
        ax.plot(fit.best_epoch, best, "o", color=MARK, mfc="none", label="best epoch")
        ax.set(title=f"{network}, {ticker}", xlabel="epoch", ylabel="scaled MSE", yscale="log")
        log_ticks(ax.yaxis)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(fontsize=8)
    return figure


@styled
def predicted_and_actual(predictions: Mapping[str, pd.DataFrame], network: str) -> Figure:
    """Predicted, actual and naive prices in dollars on the validation and test days of each ticker."""
    figure, axes = canvas(len(predictions), row_height=3.0)
    for ax, (ticker, frame) in zip(axes.flat, predictions.items()):
        for split, days in frame[frame["part"] != "train"].groupby("part", sort=False):
            date = days["date"]
            ax.axvspan(date.iloc[0], date.iloc[-1], color=PRINTED[split], lw=0, label=split)
            ax.plot(date, days["actual_usd"], color=ACTUAL, lw=1.2, label="actual")
            ax.plot(date, days["naive_usd"], color=NETWORK_COLOURS[NAIVE], lw=0.9, ls=":", label="naive")
            ax.plot(date, days["predicted_usd"], color=NETWORK_COLOURS[network], lw=1.2, label=network)
        ax.set(title=f"{ticker}: next-day close", ylabel="USD")
        legend_above(ax, 5)
        dates(ax)
    return figure


@styled
def residuals(predictions: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Spread of relative errors on the test days, each network and the naive forecast."""
    figure, axes = canvas(1, len(predictions), row_height=3.4, sharey=True)
    order = [*dict.fromkeys(network for by_network in predictions.values() for network in by_network), NAIVE]
    for ax, (ticker, by_network) in zip(axes.flat, predictions.items()):
        frame = next(iter(by_network.values()))
        forecasts = {**by_network, NAIVE: frame.assign(predicted_usd=frame["naive_usd"])}
        errors = pd.concat([_percent_errors(f).assign(model=model) for model, f in forecasts.items()])
        sns.boxplot(
            errors,
            x="model",
            y="error",
            hue="model",
            order=order,
            hue_order=order,
            palette=NETWORK_COLOURS,
            ax=ax,
            legend=False,
            fliersize=2,
            saturation=1,
        )
        ax.axhline(0, color=LINE, lw=0.8)
        ax.set(title=f"{ticker}, test", xlabel="", ylabel="predicted - actual (% of actual)")
        ax.tick_params(axis="x", rotation=30)
    return figure


def _percent_errors(frame: pd.DataFrame) -> pd.DataFrame:
    test = frame[frame["part"] == "test"].replace([np.inf, -np.inf], np.nan)
    return pd.DataFrame({"error": 100 * (test["predicted_usd"] / test["actual_usd"] - 1)}).reset_index(drop=True)


@styled
def replay(rows: pd.DataFrame) -> Figure:
    """Published validation MSE against ours, a point a trial and a panel a coin; bars: one more training of ours.

    Args:
        rows: as ``lib.experiments.replay.table`` gives them.
    """
    done = rows[rows["trainings"] > 0]
    tickers = list(dict.fromkeys(rows["ticker"]))
    figure, axes = canvas(1, max(1, len(tickers)), row_height=4.2)
    for ax, (ticker, its) in zip(axes[0], done.groupby("ticker", sort=False)):
        for network, mine in its.groupby("network", sort=False):
            bars = None
            if mine["mse_low"].notna().any():
                bars = (mine["our_mse"] - mine["mse_low"], mine["mse_high"] - mine["our_mse"])
            look = {"fmt": NETWORK_SHAPES[network], "ms": 4.5, "mfc": "none", "elinewidth": 0.5, "alpha": 0.75}
            ax.errorbar(mine["mse"], mine["our_mse"], yerr=bars, color=NETWORK_COLOURS[network], label=network, **look)
        ends = (its[["mse", "our_mse"]].min(axis=None) * 0.8, its[["mse", "our_mse"]].max(axis=None) * 1.25)
        ax.plot(ends, ends, color=PRINTED["frame"], ls="--", lw=1, label="published as ours")
        for naive, of in its.groupby("naive_mse"):
            most = len(of) > len(its) / 2
            name = "naive" if most else f"naive, other days ({ticker} {', '.join(of['network'].unique())})"
            for line in (ax.axhline, ax.axvline):
                line(naive, color=NETWORK_COLOURS[NAIVE], ls=":" if most else "-.", lw=1.3, label=name)
        judged = int(its["mse_low"].notna().sum())
        title = f"{ticker}: {int(its['mse_inside'].sum())} of {judged} inside" if judged else ticker
        ax.set(xscale="log", yscale="log", title=title, xlabel="published MSE (scaled prices)")
        log_ticks(ax.xaxis)
        log_ticks(ax.yaxis)
    axes[0][0].set_ylabel("our MSE (scaled prices)\nbar: one more training, 95 %")
    legend_outside(figure, "lower", 4, fontsize=8)
    return figure
