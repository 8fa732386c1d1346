"""The market at a glance and the technical analysis of one coin (thesis sections 6.3.1, 6.3.2, Figures 6.2, 6.3)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from dataclasses import replace as changed
from datetime import date
from html import escape
from typing import Any

import ipywidgets as ui
import numpy as np
import pandas as pd

from lib.app import charts
from lib.app.figure_box import Gallery, replace
from lib.app.page_thread import PageThread
from lib.data import market, overview, technical
from lib.data.technical import TechnicalSettings
from lib.errors import ProjectError
from lib.evaluation import chart_signals


class Market:
    """Prices of all tickers from one source, for both panels.

    Args:
        sources: source -> its tickers, first and last day; the first source is shown first.
        data_dir: folder of price files for source ``folder``.
        gallery: makes the charts.
        say: shows a sentence on the page's line, as (text, urgent).
    """

    def __init__(
        self,
        sources: Mapping[str, tuple[Sequence[str], date, date]],
        data_dir: str | None,
        gallery: Gallery,
        say: Callable[[str, bool], None],
    ):
        self._sources, self._data_dir, self._gallery, self._say = sources, data_dir, gallery, say
        self.prices: dict[str, pd.DataFrame] = {}
        self._shown: str | None = None  # the source that self.prices are from
        self.settings = TechnicalSettings()
        self._page = PageThread()
        self._at_a_glance()
        self._analysis()
        self.load(next(iter(sources)))

    def load(self, source: str) -> None:
        """Take prices from a source; what was shown stays if they cannot be had. Yahoo is asked from a thread, so that the page stays alive."""
        self._told.value = ""
        if source == self._shown:
            return
        if source != "yahoo":
            self._load(source)
            return
        self._told.value = f"<p>Asking Yahoo for prices of {escape(', '.join(self._sources[source][0]))} ...</p>"
        threading.Thread(target=self._load, args=(source,), daemon=True).start()

    def _load(self, source: str) -> None:
        tickers, first, last = self._sources[source]
        try:
            prices = market.load(source, tickers, first, last, self._data_dir if source == "folder" else None)
        except ProjectError as error:
            self._page.run(self._failed, source, str(error))
        else:
            self._page.run(self._came, source, prices)

    def _failed(self, source: str, why: str) -> None:
        if self.source.value != source:
            return  # another one was chosen meanwhile
        self.source.value = self._shown or source
        self._say(why, True)
        self._told.value = f'<p class="field-error">{escape(why)}</p>'

    def _came(self, source: str, prices: dict[str, pd.DataFrame]) -> None:
        if self.source.value != source:
            return
        self.prices, self._shown, self._told.value = prices, source, ""
        self._table.value = overview_table(overview.overview(prices)) + origins(prices)
        before = self.ticker.value
        self.ticker.options = list(prices)
        self.ticker.value = before if before in prices else next(iter(prices))
        self.draw()

    # -- the market at a glance --------------------------------------------------------------

    def _at_a_glance(self) -> None:
        self.source = ui.Dropdown(options=list(self._sources), description="Source")
        self.source.observe(lambda change: self.load(change["new"]), "value")
        self._table, self._told = ui.HTML(), ui.HTML()
        self.overview = ui.VBox([self.source, self._told, self._table])

    # -- technical analysis ------------------------------------------------------------------

    def _analysis(self) -> None:
        self.ticker = ui.Dropdown(description="Coin")
        self.ticker.observe(lambda change: change["new"] and self.draw(), "value")
        self.controls = {
            f.name: ui.Text(
                f"{f.default:g}",
                description=f.name.removesuffix("_days")
                .replace("_", " ")
                .replace("macd", "MACD")
                .replace("rsi", "RSI")
                .replace("sma", "SMA")
                .replace("ema", "EMA"),
                tooltip=f"{f.metadata['meaning']}, {f.metadata['low']} to {f.metadata['high']} {f.metadata['unit']}",
                continuous_update=False,
            )
            for f in fields(TechnicalSettings)
        }
        for control in self.controls.values():
            control.observe(lambda _: self._set(), "value")
        self._fault = ui.HTML()
        grid = ui.Box(list(self.controls.values())).add_class("form-grid")
        settings = ui.Accordion([ui.VBox([grid, self._fault])], titles=["Settings of the indicators"])
        self.chart, self._votes = ui.Box().add_class("chart"), ui.HTML()
        self.analysis = ui.VBox([self.ticker, self._votes, self.chart, settings])

    def _set(self) -> None:
        values = {
            f.name: _read(self.controls[f.name].value, whole=f.metadata["unit"] == "days")
            for f in fields(TechnicalSettings)
        }
        try:
            self.settings = changed(self.settings, **values)
        except ProjectError as error:
            told = str(error)
            for name in sorted(self.controls, key=len, reverse=True):
                told = told.replace(name, self.controls[name].description)
            self._fault.value = f'<p class="field-error" role="alert">{escape(told)}</p>'
            return
        self._fault.value = ""
        self.draw()

    def draw(self) -> None:
        """Chart and votes of the chosen coin."""
        ticker = self.ticker.value
        if ticker not in self.prices:
            return
        prices = self.prices[ticker].dropna(subset=["Close"])
        try:
            levels = technical.support_resistance(prices)
            figure = charts.technical(prices, self.settings, levels, ticker)
            votes = technical.votes(prices, self.settings)
            worth = str(chart_signals.performance(prices, self.settings))
        except ProjectError as error:
            self._votes.value = f'<p class="field-error" role="alert">{escape(str(error))}</p>'
            return
        replace(self.chart, self._gallery.widget(figure, charts.config(f"{ticker}_technical", drawing=True)))
        self._votes.value = votes_table(votes, technical.summary(votes), worth)


def _read(text: str, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        return text  # the settings say what is wrong with it


def overview_table(rows: pd.DataFrame) -> str:
    """The market as an HTML table: a row a ticker, with a line of its last closes."""
    heads = [
        "Coin",
        "Close (USD)",
        "1 day",
        "7 days",
        "30 days",
        "Volume (USD)",
        "Volatility a day",
        "Drawdown",
        "Last 30 days",
    ]
    body = "".join(
        f"<tr><th scope='row'>{escape(r.ticker)}</th><td>{charts.readable(r.close_usd)}</td>"
        + "".join(
            f"<td class='{_sign(value)}'>{_percent(value, sign=True)}</td>"
            for value in (r.change_1d_percent, r.change_7d_percent, r.change_30d_percent)
        )
        + f"<td>{_large(r.volume_usd)}</td><td>{_percent(r.volatility_daily_percent)}</td><td>{_percent(r.drawdown_percent)}</td><td>{sparkline(r.sparkline, r.ticker)}</td></tr>"
        for r in rows.itertuples()
    )
    head = "".join(f"<th scope='col'>{h}</th>" for h in heads)
    last = rows["last_day"].max()
    caption = f"Last day {last:%Y-%m-%d}. Volatility: standard deviation of daily log returns over 30 days. Drawdown: against the highest close in these prices."
    return f"<div class='scroll' tabindex='0' role='group' aria-label='Market overview'><table class='numbers'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div><p>{caption}</p>"


def origins(prices: Mapping[str, pd.DataFrame]) -> str:
    """Where the prices come from."""
    return "".join(f"<p class='origin'>{escape(text)}</p>" for text in dict.fromkeys(market.origins(prices).values()))


def sparkline(closes: Sequence[float], ticker: str, width: int = 120, height: int = 28) -> str:
    """The last closes as a line of its own colour, for a table."""
    values = np.asarray(closes, dtype="float64")
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return ""
    low, high = values[known].min(), values[known].max()
    scale = (height - 4) / (high - low) if high > low else 0
    points = " ".join(
        f"{2 + (width - 4) * k / (len(values) - 1):.1f},{height - 2 - (values[k] - low) * scale:.1f}" for k in known
    )
    told = f"{ticker}: {len(known)} closes from {charts.readable(values[known[0]])} to {charts.readable(values[known[-1]])} USD, lowest {charts.readable(low)}, highest {charts.readable(high)}"
    return (
        f"<svg class='sparkline' role='img' aria-label='{escape(told)}' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>"
        f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-width='1.6'/></svg>"
    )


def votes_table(votes: pd.DataFrame, told: technical.Summary, worth: str) -> str:
    """Each indicator's vote with its rule, the summary, and what such summaries were worth."""
    body = "".join(
        f"<tr><th scope='row'>{escape(r.indicator)}</th><td>{charts.readable(r.value)} {escape(r.unit)}</td><td class='vote-{r.vote}'>{r.vote}</td><td>{escape(r.rule)}</td></tr>"
        for r in votes.itertuples()
    )
    return (
        f"<p class='summary'>Summary: <strong class='vote-{told.overall}'>{told.overall}</strong> ({told.buy} buy, {told.neutral} neutral, {told.sell} sell)</p>"
        f"<p>{escape(worth)}</p><p>{escape(told.caution)}</p>"
        f"<details><summary>The vote of each indicator</summary><div class='scroll' tabindex='0' role='group' aria-label='Votes'><table><thead><tr><th scope='col'>Indicator</th><th scope='col'>Value</th>"
        f"<th scope='col'>Vote</th><th scope='col'>Rule</th></tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _large(value: float) -> str:
    if pd.isna(value):
        return ""
    for size, name in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:,.3g} {name}"
    return f"{value:,.3g}"


def _percent(value: float, sign: bool = False) -> str:
    return "" if pd.isna(value) else f"{value:+.1f} %" if sign else f"{value:.1f} %"


def _sign(value: float) -> str:
    return "" if pd.isna(value) or math.isclose(value, 0) else "up" if value > 0 else "down"
