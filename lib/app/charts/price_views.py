"""Prices: candles, bands, momentum, volume by price, drawdown, and the whole technical chart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lib.app.charts.canvas import (
    CANDLE_DAYS,
    DOLLARS,
    PERCENT,
    PRICE,
    SHOWN_DAYS,
    canvas,
    dated,
    empty,
    level,
    line,
    readable,
)
from lib.app.charts.inputs import Finished, absent, days
from lib.app.charts.theme import coin_colour, colour, themed, tint
from lib.data import technical as analysis

_NONE = "No prices are given."


def candlestick(finished: Finished, last: int = CANDLE_DAYS) -> go.Figure:
    """Open, high, low and close of the last days in USD, and the volume below in the source's unit.

    Days that closed higher are hollow and blue, days that closed lower are filled and orange.
    """
    shown, title = days(finished.prices, last), "Candles"
    if shown.empty:
        return empty(title, _NONE, finished.ticker)
    if why := absent(shown, ("Open", "High", "Low")):
        return empty(title, f"{why}, so there are no candles.", finished.ticker)
    figure = canvas(title, f"{finished.ticker}, last {len(shown)} days", rows=2, height=500, row_heights=[0.75, 0.25])
    figure.add_trace(_candles(shown, finished.ticker), 1, 1)
    size, word = _size(shown["Volume"])
    figure.add_trace(_volume(shown, size, word), 2, 1)
    return _priced(figure, shown, {2: f"volume<br>({word})"})


def bollinger(
    finished: Finished, settings: analysis.TechnicalSettings = analysis.TechnicalSettings(), last: int = SHOWN_DAYS
) -> go.Figure:
    """Close of the last days with its Bollinger bands, in USD."""
    whole, title = days(finished.prices), "Bollinger bands"
    if whole.empty:
        return empty(title, _NONE, finished.ticker)
    shown, found = whole.tail(last), analysis.indicators(whole, settings).tail(last)
    figure = canvas(
        title,
        f"{finished.ticker}, {settings.bollinger_days} days, {settings.bollinger_width:g} standard deviations",
        height=420,
    )
    _bands(figure, found)
    figure.add_trace(line(shown.index, shown["Close"], "close", coin_colour(finished.ticker), width=1.8))
    return _priced(figure, shown)


def momentum(
    finished: Finished, settings: analysis.TechnicalSettings = analysis.TechnicalSettings(), last: int = SHOWN_DAYS
) -> go.Figure:
    """RSI (0 to 100) with its limits, and MACD with signal and histogram (USD), of the last days."""
    whole, title = days(finished.prices), "Momentum"
    if whole.empty:
        return empty(title, _NONE, finished.ticker)
    found = analysis.indicators(whole, settings).tail(last)
    figure = canvas(title, f"{finished.ticker}, {_momentum_words(settings)}", rows=2, height=480)
    _rsi(figure, found, settings, 1)
    _macd(figure, found, 2)
    dated(figure, found.index)
    return themed(figure, "light")


def volume_profile(finished: Finished, last: int = SHOWN_DAYS, bins: int = 40) -> go.Figure:
    """How much was traded at which price in the last days, in the source's unit, which is USD for Yahoo.

    A day's volume is spread evenly over its range from low to high, since no finer prices are known; so the profile
    is an estimate. The price with the most volume and the last close are marked.
    """
    shown, title = days(finished.prices, last), "Volume by price"
    if shown.empty:
        return empty(title, _NONE, finished.ticker)
    if why := absent(shown, ("High", "Low", "Volume")):
        return empty(title, f"{why}, so it is not known what was traded at which price.", finished.ticker)
    shown = shown.dropna(subset=["Volume"])
    edges, traded = profile(shown, bins)
    size, word = _size(traded)
    middle = (edges[1:] + edges[:-1]) / 2
    fullest = int(np.argmax(traded))
    figure = canvas(title, f"{finished.ticker}, last {len(shown)} days, estimated", height=480)
    for name, which, meaning in (
        ("volume", middle != middle[fullest], "volume"),
        (f"most, near {readable(middle[fullest], 4)} USD", middle == middle[fullest], "mark"),
    ):
        figure.add_bar(
            y=middle[which],
            x=traded[which] / size,
            width=np.diff(edges)[which] * 0.85,
            orientation="h",
            name=name,
            marker={"color": colour(meaning), "line": {"width": 0}},
            customdata=np.column_stack([edges[:-1], edges[1:]])[which],
            hovertemplate=(
                f"%{{customdata[0]:{PRICE}}} to %{{customdata[1]:{PRICE}}} USD: %{{x:{PRICE}}} {word}<extra></extra>"
            ),
        )
    close = float(shown["Close"].iloc[-1])
    # A line in the legend: a name on the line would cover bars.
    figure.add_scatter(
        x=[0, traded.max() / size],
        y=[close, close],
        mode="lines",
        name=f"last close, {readable(close)} USD",
        line={"color": colour("page text"), "width": 2},
        hoverinfo="skip",
    )
    figure.update_layout(hovermode="closest", barmode="overlay", bargap=0)
    figure.update_xaxes(title_text=f"volume ({word})", rangemode="tozero")
    figure.update_yaxes(title_text="price (USD)", **DOLLARS)
    return themed(figure, "light")


def profile(prices: pd.DataFrame, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Volume by price.

    Args:
        prices: daily High, Low, Close, Volume.
        bins: of equal width, from the lowest low to the highest high.

    Returns:
        Edges in USD, shape (bins + 1,), and volume in USD, shape (bins,); its sum is that of the days.
    """
    low, high, volume = (prices[name].to_numpy(dtype="float64") for name in ("Low", "High", "Volume"))
    bottom, top = low.min(), high.max()
    if bottom == top:
        return np.array([bottom * 0.99, top * 1.01]), np.array([volume.sum()])
    edges = np.linspace(bottom, top, bins + 1)
    width = np.maximum(high - low, 1e-9 * (top - bottom))
    # Share of each day's range below each edge, shape (days, bins + 1); a day without range falls whole into one bin.
    below = np.clip((edges[None, :] - low[:, None]) / width[:, None], 0, 1)
    below[:, -1] = 1
    return edges, volume @ np.diff(below, axis=1)


def drawdown(finished: Finished) -> go.Figure:
    """Close below its highest so far, in percent, day by day; the deepest is marked."""
    whole, title = days(finished.prices), "Drawdown"
    if whole.empty:
        return empty(title, _NONE, finished.ticker)
    close = whole["Close"].astype("float64")
    fall = 100 * (close / close.cummax() - 1)
    deepest = fall.idxmin()
    figure = canvas(title, f"{finished.ticker}, close below its highest so far")
    shade = coin_colour(finished.ticker)
    figure.add_trace(
        line(
            fall.index, fall, "drawdown", shade, "%", PERCENT, fill="tozeroy", fillcolor=_faint(shade), showlegend=False
        )
    )
    figure.add_scatter(
        x=[deepest],
        y=[fall[deepest]],
        mode="markers",
        name=f"deepest, {fall[deepest]:.1f} % on {deepest:%Y-%m-%d}",
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 11, "color": colour("mark"), "line": {"width": 2}},
        showlegend=True,
    )
    depth = max(-fall[deepest], 1.0)
    # Room above 0, where its label would meet the buttons.
    figure.update_yaxes(title_text="% below the highest close", range=[-1.06 * depth, 0.08 * depth])
    dated(figure, whole.index)
    return themed(figure, "light")


def _candles(shown: pd.DataFrame, name: str) -> go.Candlestick:
    return go.Candlestick(
        x=shown.index,
        open=shown["Open"],
        high=shown["High"],
        low=shown["Low"],
        close=shown["Close"],
        name=name,
        showlegend=False,
        increasing={"line": {"color": colour("up"), "width": 1}, "fillcolor": colour("page surface")},
        decreasing={"line": {"color": colour("down"), "width": 1}, "fillcolor": colour("down")},
    )


def _size(values: Any) -> tuple[float, str]:
    """The unit in which large numbers are read: 150,000 million are 150 billion."""
    largest = np.nanmax(np.abs(np.asarray(values, dtype="float64")), initial=0.0)
    sizes = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
    return next(((size, word) for size, word in sizes if largest >= size), (1.0, "units"))


def _volume(shown: pd.DataFrame, size: float, word: str) -> go.Bar:
    return go.Bar(
        x=shown.index,
        y=shown["Volume"] / size,
        name="volume",
        showlegend=False,
        hovertemplate=f"%{{y:{PRICE}}} {word}",
        marker={"color": colour("volume"), "line": {"width": 0}},
    )


def _bands(figure: go.Figure, found: pd.DataFrame) -> None:
    shade = colour("band")
    figure.add_trace(line(found.index, found["BB_upper"], "upper band", shade, width=1, showlegend=False), 1, 1)
    figure.add_trace(
        line(
            found.index,
            found["BB_lower"],
            "Bollinger bands",
            shade,
            width=1,
            fill="tonexty",
            fillcolor=tint("band", 0.14),
        ),
        1,
        1,
    )
    figure.data[-1].update(hovertemplate=f"lower %{{y:{PRICE}}} USD")
    figure.add_trace(line(found.index, found["BB_middle"], "average", shade, width=1.2, dash="dash"), 1, 1)


def _rsi(figure: go.Figure, found: pd.DataFrame, settings: analysis.TechnicalSettings, row: int) -> None:
    figure.add_trace(line(found.index, found["RSI"], "RSI", colour("rsi"), unit="", digits=".1f"), row, 1)
    for limit in (settings.rsi_low, settings.rsi_high):
        level(figure, limit, row=row)
    figure.update_yaxes(
        title_text="RSI", range=[0, 100], tickvals=[settings.rsi_low, settings.rsi_high], row=row, col=1
    )


def _macd(figure: go.Figure, found: pd.DataFrame, row: int) -> None:
    figure.add_trace(
        go.Bar(
            x=found.index,
            y=found["MACD_hist"],
            name="histogram",
            hovertemplate=f"%{{y:{PRICE}}} USD",
            marker={"color": colour("histogram"), "line": {"width": 0}},
        ),
        row,
        1,
    )
    figure.add_trace(line(found.index, found["MACD"], "MACD", colour("macd")), row, 1)
    figure.add_trace(
        line(found.index, found["MACD_signal"], "signal", colour("signal"), dash="dash", width=1.4), row, 1
    )
    figure.update_yaxes(title_text="MACD (USD)", **DOLLARS, row=row, col=1)


def _momentum_words(settings: analysis.TechnicalSettings) -> str:
    s = settings
    return f"RSI {s.rsi_days}, MACD {s.macd_fast_days}, {s.macd_slow_days}, {s.macd_signal_days} days"


def _priced(figure: go.Figure, shown: pd.DataFrame, labels: dict[int, str] | None = None) -> go.Figure:
    """Price axis in the first row, other rows' labels, dates along x. The range slider of candles
    would fill a phone.
    """
    figure.update_yaxes(title_text="price (USD)", hoverformat=PRICE, **DOLLARS, row=1, col=1)
    for row, label in (labels or {}).items():
        figure.update_yaxes(title_text=label, row=row, col=1)
    dated(figure, shown.index)
    figure.update_xaxes(rangeslider_visible=False)
    return themed(figure, "light")


def _faint(shade: str) -> str:
    red, green, blue = (int(shade[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
