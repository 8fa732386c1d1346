"""Figures from finished results. Each function returns a matplotlib Figure; none shows or saves it.

Colours come from palettes that colour-blind readers can tell apart, and mean one thing everywhere:
a coin, a network, the naive forecast, a part of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lib import thesis
from lib.data.windows import Dataset
from lib.evaluation import baselines

NETWORK_COLOURS = {
    "CNN": "#E69F00",
    "LSTM": "#0072B2",
    "CNN-LSTM": "#009E73",
    "LSTM-CNN": "#CC79A7",
    baselines.NAIVE: "#6E6E6E",
}
COIN_COLOURS = {"ADA-USD": "#2A6FDB", "ETH-USD": "#D55E00", "SOL-USD": "#5D3A9B", "BTC-USD": "#8A6D00"}
PART_COLOURS = {"train": "#FFFFFF", "validation": "#E9E9E4", "test": "#CFE3F5"}
ACTUAL_COLOUR = "#111111"
OTHER_COINS = ("#117733", "#882255", "#44AA99", "#999933")
_STYLE = {
    **sns.axes_style("whitegrid"),
    "figure.dpi": 100,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#666666",
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "figure.constrained_layout.use": True,
}


def coin_colour(ticker: str) -> str:
    """A coin's colour: fixed for the thesis's coins and BTC, by name for any other."""
    return COIN_COLOURS.get(ticker) or OTHER_COINS[sum(ticker.encode()) % len(OTHER_COINS)]


@contextmanager
def style() -> Iterator[None]:
    """What all figures have in common: grid, fonts, sizes."""
    with mpl.rc_context(_STYLE):
        yield


def canvas(
    rows: int, columns: int = 1, width: float = 9.0, row_height: float = 2.6, **axes: object
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, shape (rows, columns); sizes in inches."""
    figure = Figure(figsize=(width, row_height * rows))
    return figure, figure.subplots(rows, columns, squeeze=False, **axes)


def dates(ax: Axes) -> None:
    """Dates along x, as short as they can be told."""
    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def legend_above(ax: Axes, ncols: int) -> None:
    """Beside the title, where it hides no data; lines first, then shaded areas, each once."""
    named = dict(zip(*reversed(ax.get_legend_handles_labels())))
    ordered = sorted(named, key=lambda name: isinstance(named[name], Patch))
    ax.legend(
        [named[n] for n in ordered],
        ordered,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0.2,
        ncols=ncols,
        fontsize=8,
    )


def log_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis as plain numbers, neither crowded nor absent; call it after plotting."""
    low, high = axis.get_view_interval()
    few = MaxNLocator(4) if high < 4 * low else LogLocator(subs=(1,) if high > 30 * low else (1, 2, 5))
    axis.set_major_locator(few)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def price_trends(closes_usd: Mapping[str, pd.Series]) -> Figure:
    """Figure 4.1: daily closes of each ticker."""
    with style():
        figure, axes = canvas(len(closes_usd), sharex=True)
        for ax, (ticker, close) in zip(axes.flat, closes_usd.items()):
            ax.plot(close.index, close, color=coin_colour(ticker), lw=1.1)
            ax.set(title=f"{ticker}, daily close", ylabel="close (USD)")
            dates(ax)
        return figure


def levels_and_returns(closes_usd: Mapping[str, pd.Series], returns: Mapping[str, pd.Series]) -> Figure:
    """Closes beside their daily log returns: what the unit-root tests look at."""
    with style():
        figure, axes = canvas(len(closes_usd), 2, row_height=2.2)
        for row, ticker in zip(axes, closes_usd):
            row[0].plot(closes_usd[ticker], color=coin_colour(ticker), lw=1)
            row[0].set(title=f"{ticker}, level", ylabel="close (USD)")
            row[1].plot(returns[ticker], color=coin_colour(ticker), lw=0.6)
            row[1].set(title=f"{ticker}, log returns", ylabel="log return per day")
            for ax in row:
                dates(ax)
        return figure


def cleaning_before_after(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Closes before and after a cleaning step; days that the step changed or added are marked."""
    with style():
        figure, axes = canvas(len(before))
        for ax, ticker in zip(axes.flat, before):
            old, new = before[ticker]["Close"], after[ticker]["Close"]
            touched = new.index[(old.reindex(new.index) != new).to_numpy()]
            ax.plot(old, color="#999999", lw=2.2, label="before")
            ax.plot(new, color=coin_colour(ticker), lw=0.9, label="after")
            ax.plot(new.loc[touched], "o", color="#C00000", ms=3, mfc="none", label=f"{len(touched)} days changed")
            ax.set(title=f"{ticker}: {label}", ylabel="close (USD)")
            legend_above(ax, 3)
            dates(ax)
        return figure


def outlier_fences(closes_usd: Mapping[str, pd.Series], fences: Mapping[str, pd.DataFrame]) -> Figure:
    """Box plots of closes with their IQR fences: what an outlier rule would touch."""
    with style():
        figure, axes = canvas(1, len(closes_usd), row_height=3.2)
        for ax, (ticker, close) in zip(axes.flat, closes_usd.items()):
            sns.boxplot(
                y=close,
                ax=ax,
                color=coin_colour(ticker),
                whis=(0, 100),
                width=0.4,
                saturation=1,
                boxprops={"alpha": 0.5},
            )
            outside = 0
            for side in ("lower", "upper"):
                fence = fences[ticker].loc["Close", side]
                ax.axhline(fence, color="#C00000", ls="--", lw=1)
                outside += int((close < fence).sum() if side == "lower" else (close > fence).sum())
            ax.set(title=f"{ticker}: {outside} closes outside", ylabel="close (USD), fences dashed")
        return figure


def indicators(prices: pd.DataFrame, ticker: str, last_days: int = 250) -> Figure:
    """Close with EMA, RSI and MACD of the last days."""
    shown = prices.tail(last_days)
    with style():
        figure, axes = canvas(3, row_height=2.1, sharex=True)
        price, rsi, macd = axes.flat
        price.plot(shown["Close"], color=coin_colour(ticker), lw=1.1, label="close")
        price.plot(shown["EMA"], color="#333333", lw=1, ls="--", label="EMA")
        price.set(title=f"{ticker}, last {len(shown)} days", ylabel="USD")
        rsi.plot(shown["RSI"], color="#333333", lw=1)
        for level in (30, 70):
            rsi.axhline(level, color="#C00000", lw=0.8, ls="--")
        rsi.set(ylabel="RSI (0 to 100)", ylim=(0, 100))
        macd.bar(shown.index, shown["MACD_hist"], color="#AAAAAA", width=1.0, label="histogram")
        macd.plot(shown["MACD"], color="#0072B2", lw=1, label="MACD")
        macd.plot(shown["MACD_signal"], color="#D55E00", lw=1, label="signal")
        macd.set(ylabel="MACD (USD)")
        for ax in (price, macd):
            legend_above(ax, 3)
        dates(macd)
        return figure


def splits(data: Mapping[str, Dataset], closes_usd: Mapping[str, pd.Series]) -> Figure:
    """Figure 4.2: train, validation and test days; a dashed and a dotted line where they meet."""
    with style():
        figure, axes = canvas(len(data))
        for ax, (ticker, windows) in zip(axes.flat, data.items()):
            days = windows.days
            ax.plot(closes_usd[ticker], color=coin_colour(ticker), lw=1.1)
            for part in ("validation", "test"):
                ax.axvspan(
                    days[part][0],
                    days[part][-1],
                    color=PART_COLOURS[part],
                    label=f"{part}, {len(days[part])} days",
                    lw=0,
                )
            ax.axvline(days["validation"][0], color="#333333", ls="--", lw=1.2)
            ax.axvline(days["test"][0], color="#333333", ls=":", lw=1.6)
            ax.set(title=f"{ticker}: train {len(days['train'])} days", ylabel="close (USD)")
            legend_above(ax, 2)
            dates(ax)
        return figure


def scaled_window(data: Dataset) -> Figure:
    """The first training window after scaling, each feature a line, and the value to forecast."""
    with style():
        figure, axes = canvas(1, row_height=3.0)
        ax, days = axes[0, 0], data.input_shape[0]
        others = iter(sns.color_palette("colorblind"))
        for k, feature in enumerate(data.features):
            own = feature == "Close"
            ax.plot(
                range(1, days + 1),
                data.train.X[0, :, k],
                lw=1.8 if own else 1,
                ls="-" if own else "--",
                color=coin_colour(data.ticker) if own else _input_colour(feature, others),
                label=feature,
            )
        ax.plot(days + 1, data.train.y[0], "D", color=ACTUAL_COLOUR, label="next close (target)")
        ax.set(
            title=f"{data.ticker}: the first window of {days} days",
            xlabel="day in the window",
            ylabel="scaled value (0 to 1)",
        )
        figure.legend(loc="outside right upper", fontsize=8)
        return figure


def _input_colour(feature: str, others: Iterator[tuple[float, ...]]) -> str | tuple[float, ...]:
    return COIN_COLOURS.get(feature) or next(others, "#555555")


def learning_curves(fits: Mapping[str, object], network: str) -> Figure:
    """Training and validation loss by epoch for each ticker; the best epoch is marked."""
    with style():
        figure, axes = canvas(1, len(fits), row_height=3.1)
        for ax, (ticker, fit) in zip(axes.flat, fits.items()):
            epochs = range(1, fit.epochs + 1)
            ax.plot(epochs, fit.history["loss"], color="#333333", ls="--", label="train")
            ax.plot(epochs, fit.history["val_loss"], color=NETWORK_COLOURS[network], label="validation")
            ax.plot(
                fit.best_epoch,
                fit.history["val_loss"][fit.best_epoch - 1],
                "o",
                color="#C00000",
                mfc="none",
                label="best epoch",
            )
            ax.set(title=f"{network}, {ticker}", xlabel="epoch", ylabel="scaled MSE", yscale="log")
            log_ticks(ax.yaxis)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.legend(fontsize=8)
        return figure


def predicted_and_actual(predictions: Mapping[str, pd.DataFrame], network: str) -> Figure:
    """Predicted, actual and naive prices in dollars on the validation and test days of each ticker."""
    with style():
        figure, axes = canvas(len(predictions), row_height=3.0)
        for ax, (ticker, frame) in zip(axes.flat, predictions.items()):
            shown = frame[frame["part"] != "train"]
            for part, days in shown.groupby("part", sort=False):
                ax.axvspan(days["date"].iloc[0], days["date"].iloc[-1], color=PART_COLOURS[part], lw=0, label=part)
                ax.plot(days["date"], days["actual_usd"], color=ACTUAL_COLOUR, lw=1.2, label="actual")
                ax.plot(
                    days["date"],
                    days["naive_usd"],
                    color=NETWORK_COLOURS[baselines.NAIVE],
                    lw=0.9,
                    ls=":",
                    label="naive",
                )
                ax.plot(days["date"], days["predicted_usd"], color=NETWORK_COLOURS[network], lw=1.2, label=network)
            ax.set(title=f"{ticker}: next-day close", ylabel="USD")
            legend_above(ax, 5)
            dates(ax)
        return figure


LEARNING_RATES = (8e-5, 1.25e-2)  # a little more than the search covers
_HISTOGRAMS = (
    ("batch_size", "batch size (windows)"),
    ("dropout_rate", "dropout rate"),
    ("learning_rate", "learning rate"),
    ("parameters", "parameters of the network"),
)


def hyperparameter_distributions(trials: pd.DataFrame) -> Figure:
    """Figure 4.3: how often the search tried which batch size, dropout, learning rate and network size."""
    with style():
        figure, axes = canvas(2, 2, row_height=2.9)
        order = [n for n in NETWORK_COLOURS if n in set(trials["network"])]
        for ax, (name, label) in zip(axes.flat, _HISTOGRAMS):
            shown = trials.dropna(subset=[name])
            if name == "batch_size":
                counts = (
                    shown.groupby(["batch_size", "network"])
                    .size()
                    .unstack(fill_value=0)
                    .reindex(columns=order, fill_value=0)
                )
                bottom = np.zeros(len(counts))
                for network in order:
                    ax.bar(
                        counts.index.astype(int).astype(str),
                        counts[network],
                        bottom=bottom,
                        color=NETWORK_COLOURS[network],
                        label=network,
                    )
                    bottom += counts[network].to_numpy()
            else:
                sns.histplot(
                    shown,
                    x=name,
                    hue="network",
                    hue_order=order,
                    palette=NETWORK_COLOURS,
                    multiple="stack",
                    bins=10,
                    log_scale=name in ("learning_rate", "parameters"),
                    ax=ax,
                    legend=False,
                    alpha=1,
                    edgecolor="white",
                )
            if name == "learning_rate":
                ax.set_xlim(LEARNING_RATES)
            if name in ("learning_rate", "parameters"):
                log_ticks(ax.xaxis)
            ax.set(xlabel=label, ylabel="trials")
            ax.yaxis.get_major_locator().set_params(integer=True)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(order))
        return figure


_IMPACT = (
    ("batch_size", "batch size (windows)"),
    ("dropout_rate", "dropout rate"),
    ("learning_rate", "learning rate"),
    ("epochs", "epochs allowed"),
    ("parameters", "parameters of the network"),
    ("pool_size", "pool size (days)"),
)


def hyperparameter_impact(trials: pd.DataFrame) -> Figure:
    """Figure 4.4: validation R2 of each trial against its hyperparameters; those below -1 are triangles at -1."""
    with style():
        figure, axes = canvas(2, 3, row_height=2.9, sharey=True)
        order = [n for n in NETWORK_COLOURS if n in set(trials["network"])]
        for ax, (name, label) in zip(axes.flat, _IMPACT):
            for k, network in enumerate(order):
                rows = trials[trials["network"] == network]
                if name in rows and rows[name].notna().any():
                    x = _beside(rows[name].astype("float64"), name, k - (len(order) - 1) / 2)
                    _r2_points(ax, x, rows["r2"], NETWORK_COLOURS[network], label=network)
            _scale_of(ax, name, trials)
            ax.set_xlabel(label)
        for row in axes:
            row[0].set_ylabel("validation R2 (triangle: below -1)")
        named = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels())}
        figure.legend(
            [named[n] for n in order if n in named],
            [n for n in order if n in named],
            loc="outside upper center",
            ncols=4,
        )
        return figure


def _r2_points(ax: Axes, x: pd.Series, r2: pd.Series, colour: str, label: str | None = None) -> None:
    """R2 as points; what lies below -1 stands at -1 as a triangle that points down."""
    below = r2 < -1
    ax.plot(x[~below], r2[~below], "o", color=colour, ms=4, alpha=0.8, label=label)
    ax.plot(x[below], r2[below].clip(lower=-1), "v", color=colour, ms=5, alpha=0.8)


def _beside(values: pd.Series, name: str, place: float) -> pd.Series:
    """Networks side by side where a hyperparameter has few values; ``place`` is 0 in the middle."""
    if name == "batch_size":
        return values * 2 ** (0.13 * place)
    return values + 0.13 * place if name == "pool_size" else values


def _scale_of(ax: Axes, name: str, trials: pd.DataFrame) -> None:
    if name in ("batch_size", "learning_rate", "parameters"):
        ax.set_xscale("log", base=2 if name == "batch_size" else 10)
    if name == "learning_rate":
        ax.set_xlim(LEARNING_RATES)
    if name in ("learning_rate", "parameters"):
        log_ticks(ax.xaxis)
    if name in ("batch_size", "pool_size") and name in trials:
        values = sorted(trials[name].dropna().astype(int).unique())
        ax.set_xticks(values, [str(v) for v in values])


def search_over_time(trials: pd.DataFrame, naive: Mapping[str, Mapping[str, float]]) -> Figure:
    """Figure 4.6: R2 and MSE trial after trial, best so far as a line, the naive forecast beside.

    Args:
        trials: of all studies, numbered from 1.
        naive: ticker -> scaled validation scores of the naive forecast.
    """
    tickers = list(dict.fromkeys(trials["ticker"]))
    with style():
        figure, axes = canvas(len(tickers), 2, row_height=2.9, sharex=True)
        for row, ticker in zip(axes, tickers):
            for ax, score, best in ((row[0], "r2", "cummax"), (row[1], "mse", "cummin")):
                for network, t in trials[trials["ticker"] == ticker].groupby("network", sort=False):
                    values = t[score].clip(lower=-1) if score == "r2" else t[score]
                    if score == "r2":
                        _r2_points(ax, t["trial"], t[score], NETWORK_COLOURS[network])
                    else:
                        ax.plot(t["trial"], values, "o", ms=3, color=NETWORK_COLOURS[network], alpha=0.6)
                    ax.plot(
                        t["trial"],
                        getattr(values, best)().ffill(),
                        drawstyle="steps-post",
                        color=NETWORK_COLOURS[network],
                        label=network,
                    )
                ax.axhline(
                    naive[ticker][score.upper()], color=NETWORK_COLOURS[baselines.NAIVE], ls="--", lw=1.2, label="naive"
                )
                ax.set(
                    title=ticker,
                    ylabel="validation R2 (triangle: below -1)" if score == "r2" else "validation MSE (scaled)",
                )
                ax.xaxis.get_major_locator().set_params(integer=True)
            row[1].set_yscale("log")
            log_ticks(row[1].yaxis)
        for ax in axes[-1]:
            ax.set_xlabel("trial")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
        return figure


def best_r2(rows: pd.DataFrame, part: str) -> Figure:
    """Figure 4.5: R2 of each network by ticker, the naive forecast as a line, the thesis's best as a mark.

    Args:
        rows: ``ticker``, ``model`` (networks and ``naive``), ``R2``; bars end at -1, the score stands below.
        part: which part was scored; the thesis's marks belong to the validation part.
    """
    tickers = list(dict.fromkeys(rows["ticker"]))
    names = [n for n in NETWORK_COLOURS if n in set(rows["model"]) and n != baselines.NAIVE]
    printed = thesis.trials().groupby(["ticker", "network"])["r2"].max()
    with style():
        figure, axes = canvas(1, len(tickers), row_height=3.4, sharey=True)
        for ax, ticker in zip(axes.flat, tickers):
            r2 = rows[rows["ticker"] == ticker].set_index("model")["R2"]
            ours = r2.reindex(names)
            ax.bar(names, ours.clip(lower=-1), color=[NETWORK_COLOURS[n] for n in names])
            if part == "validation":
                for place, n in enumerate(names):
                    # ADA's printed CNN trials are a rerun that was scored on other days.
                    mark, told = (
                        ("x", "thesis, printed best, on other days")
                        if (ticker, n) == ("ADA-USD", "CNN")
                        else ("_", "thesis, printed best")
                    )
                    if (ticker, n) in printed:
                        ax.plot(
                            place,
                            printed[(ticker, n)],
                            mark,
                            color=ACTUAL_COLOUR,
                            ms=22 if mark == "_" else 8,
                            mew=2,
                            label=told,
                        )
            ax.axhline(
                r2[baselines.NAIVE], color=NETWORK_COLOURS[baselines.NAIVE], ls="--", lw=1.4, label="naive forecast"
            )
            ax.axhline(0, color="#333333", lw=0.8)
            ax.set_title(f"{ticker}: naive {r2[baselines.NAIVE]:.3f}")
            # The score stands under the name: above its bar it would meet the naive forecast's line.
            told = [f"{n}\n{v:.3f}" if pd.notna(v) else n for n, v in ours.items()]
            ax.set_xticks(range(len(names)), told, fontsize=8, rotation=0 if len(tickers) <= 3 else 60)
            ax.set_ylim(top=1.05)
        axes[0, 0].set_ylabel(f"R2 on {part} days")
        named = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels())}
        figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=3)
        return figure


def replay(rows: pd.DataFrame, agreement: pd.DataFrame) -> Figure:
    """Printed validation MSE over ours, against ours, a panel for each choice of inputs and weights; bars span our seeds.

    Args:
        rows, agreement: as ``lib.experiments.replay.table`` and ``lib.experiments.replay.agreement`` give them.
    """
    readings = agreement[agreement["network"] == "all"]
    inputs, weights = (list(dict.fromkeys(readings[c])) for c in ("inputs", "weights"))
    with style():
        figure, axes = canvas(len(inputs), len(weights), row_height=3.8, sharex=True, sharey=True)
        for reading in readings.itertuples():
            ax = axes[inputs.index(reading.inputs), weights.index(reading.weights)]
            for (ticker, network), part in rows.groupby(["ticker", "network"], sort=False):
                low, middle, high = (
                    part[f"mse_{n}, {reading.inputs}, {reading.weights}"] for n in ("low", "median", "high")
                )
                ratio = part["printed_mse"] / middle
                bars = (ratio - part["printed_mse"] / high, part["printed_mse"] / low - ratio)
                ax.errorbar(
                    middle,
                    ratio,
                    yerr=bars,
                    fmt="o" if network == "CNN-LSTM" else "s",
                    ms=4,
                    mfc="none",
                    lw=0.8,
                    color=coin_colour(ticker),
                    label=f"{ticker}, {network}",
                )
                ax.axvline(
                    part["naive_mse"].iloc[0],
                    color=coin_colour(ticker),
                    ls=":",
                    lw=1.2,
                    label=f"{ticker}, naive",
                    zorder=0,
                )
            by_chance = f", {reading.expected_inside:.0%} by chance" if reading.expected_inside else ""
            ax.set(
                xscale="log",
                yscale="log",
                title=f"{reading.inputs}, {reading.weights} epoch\n{reading.inside:.0%} inside our seeds{by_chance}",
            )
            ax.axhline(1, color="#666666", ls="--", lw=1, label="printed as ours")
            ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        for ax in axes[-1]:
            ax.set_xlabel("our MSE, scaled prices (median)")
        for ax in axes[:, 0]:
            ax.set_ylabel(f"printed MSE / ours\n(bar: our {int(readings['seeds'].iloc[0])} seeds)")
        handles = dict(zip(*reversed(axes[0, 0].get_legend_handles_labels())))
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8)
        return figure


def residuals(predictions: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Spread of relative errors on the test days, each network and the naive forecast."""
    rows = []
    for ticker, by_network in predictions.items():
        for network, frame in by_network.items():
            test = frame[frame["part"] == "test"]
            rows.append(
                pd.DataFrame(
                    {
                        "ticker": ticker,
                        "model": network,
                        "error": 100 * (test["predicted_usd"] / test["actual_usd"] - 1),
                    }
                )
            )
        rows.append(
            pd.DataFrame(
                {
                    "ticker": ticker,
                    "model": baselines.NAIVE,
                    "error": 100 * (test["naive_usd"] / test["actual_usd"] - 1),
                }
            )
        )
    errors = pd.concat(rows, ignore_index=True)
    order = list(dict.fromkeys(errors["model"].where(errors["model"] != baselines.NAIVE).dropna())) + [baselines.NAIVE]
    with style():
        figure, axes = canvas(1, len(predictions), row_height=3.4, sharey=True)
        for ax, ticker in zip(axes.flat, predictions):
            sns.boxplot(
                errors[errors["ticker"] == ticker],
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
            ax.axhline(0, color="#333333", lw=0.8)
            ax.set(title=f"{ticker}, test", xlabel="", ylabel="predicted - actual (% of actual)")
            ax.tick_params(axis="x", rotation=30)
        return figure
