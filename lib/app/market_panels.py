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
from lib.app.html_table import table
from lib.app.page_thread import PageThread
from lib.app.sentences import for_page, without_folders
from lib.data import market, overview, technical
from lib.data.market.moves import MAX_DAILY_FACTOR
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
        max_daily_factor: the largest move of a price from one day to the next that is believed; default 3.
    """

    def __init__(
        self,
        sources: Mapping[str, tuple[Sequence[str], date, date]],
        data_dir: str | None,
        gallery: Gallery,
        say: Callable[[str, bool], None],
        max_daily_factor: float = MAX_DAILY_FACTOR,
    ):
        self._sources, self._data_dir, self._gallery, self._say = sources, data_dir, gallery, say
        self._max_daily_factor = max_daily_factor
        self.prices: dict[str, pd.DataFrame] = {}
        self._shown: str | None = None  # the source that self.prices are from
        self.settings = TechnicalSettings()
        self._page = PageThread()
        self._at_a_glance()
        self._analysis()
        self.load(next(iter(sources)))

    def load(self, source: str) -> None:
        """Take prices from a source; what was shown stays if they cannot be had. Yahoo is asked from a thread, so that
        the page stays responsive."""
        self._status.value = ""
        if source == self._shown:
            return
        if source != "yahoo":
            self._load(source)
            return
        self._status.value = f"<p>Asking Yahoo for prices of {escape(', '.join(self._sources[source][0]))} ...</p>"
        threading.Thread(target=self._load, args=(source,), daemon=True).start()

    def _load(self, source: str) -> None:
        tickers, first, last = self._sources[source]
        try:
            data_dir = self._data_dir if source == "folder" else None
            prices = market.load(
                source,
                tickers,
                first,
                last,
                data_dir,
                max_daily_factor=self._max_daily_factor,
                say=lambda text: self._page.run(self._waits, source, text),
            )
        except ProjectError as error:
            self._page.run(self._failed, source, for_page(error))
        else:
            self._page.run(self._came, source, prices)

    def _waits(self, source: str, text: str) -> None:
        if self.source.value == source:
            self._status.value = f"<p>{escape(text)}</p>"

    def _failed(self, source: str, why: str) -> None:
        if self.source.value != source:
            return  # another one was chosen meanwhile
        self.source.value = self._shown or source
        self._say(why, True)
        self._status.value = f'<p class="field-error">{escape(why)}</p>'

    def _came(self, source: str, prices: dict[str, pd.DataFrame]) -> None:
        if self.source.value != source:
            return
        self.prices, self._shown, self._status.value = prices, source, ""
        self._table.value = overview_table(overview.overview(prices)) + origins(prices)
        before = self.ticker.value
        self.ticker.options = list(prices)
        self.ticker.value = before if before in prices else next(iter(prices))
        self.draw()

    # -- the market at a glance --------------------------------------------------------------

    def _at_a_glance(self) -> None:
        self.source = ui.Dropdown(options=list(self._sources), description="Source")
        self.source.observe(lambda change: self.load(change["new"]), "value")
        self._table, self._status = ui.HTML(), ui.HTML()
        self.overview = ui.VBox([self.source, self._status, self._table])

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
            sentence = str(error)
            for name in sorted(self.controls, key=len, reverse=True):
                sentence = sentence.replace(name, self.controls[name].description)
            self._fault.value = f'<p class="field-error" role="alert">{escape(sentence)}</p>'
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
            skill = str(chart_signals.performance(prices, self.settings))
        except ProjectError as error:
            self._votes.value = f'<p class="field-error" role="alert">{escape(str(error))}</p>'
            return
        replace(self.chart, self._gallery.widget(figure, charts.config(f"{ticker}_technical", drawing=True)))
        self._votes.value = votes_table(votes, technical.summary(votes), skill)


def _read(text: str, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        return text  # the settings say what is wrong with it


def overview_table(rows: pd.DataFrame) -> str:
    """The market as an HTML table: a row a ticker, with a line of its last closes.

    A close that is older than the newest of the table has its day beside it.
    """
    last = rows["last_day"].max()
    heads = [
        "Coin",
        "Close (USD)",
        "1 day",
        "7 days",
        "30 days",
        "Volume",
        "Volatility a day",
        "Drawdown",
        "Last 30 days",
    ]
    rows_html = [
        [
            escape(r.ticker),
            charts.readable(r.close_usd) + (f" ({r.last_day:%Y-%m-%d})" if r.last_day < last else ""),
            *map(_change, (r.change_1d_percent, r.change_7d_percent, r.change_30d_percent)),
            _large(r.volume_usd),
            _percent(r.volatility_daily_percent),
            _percent(r.drawdown_percent),
            sparkline(r.sparkline, r.ticker),
        ]
        for r in rows.itertuples()
    ]
    caption = (
        f"{_last_days(rows)} Volume: of the last day, in the unit of the source, which is USD for Yahoo."
        " Volatility: standard deviation of daily log returns over 30 days. Drawdown: against"
        " the highest close in these prices."
    )
    return f"{table('Market overview', heads, rows_html)}<p>{caption}</p>"


def _last_days(rows: pd.DataFrame) -> str:
    """The newest day with a close, and the coins whose last close is older or missing."""
    last = rows["last_day"].max()
    if pd.isna(last):
        return "No coin has a close."
    older = [f"{r.ticker} {r.last_day:%Y-%m-%d}" for r in rows.itertuples() if r.last_day < last]
    older += [f"{r.ticker} without any close" for r in rows.itertuples() if pd.isna(r.last_day)]
    more = f"; all values of these are of their own last day: {', '.join(older)}" if older else ""
    return f"Last day {last:%Y-%m-%d}{more}."


def origins(prices: Mapping[str, pd.DataFrame]) -> str:
    """Where the prices come from."""
    return "".join(
        f"<p class='origin'>{escape(without_folders(text))}</p>"
        for text in dict.fromkeys(market.origins(prices).values())
    )


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
    first, last = (charts.readable(values[known[at]]) for at in (0, -1))
    label = (
        f"{ticker}: {len(known)} closes from {first} to {last} USD,"
        f" lowest {charts.readable(low)}, highest {charts.readable(high)}"
    )
    return (
        f"<svg class='sparkline' role='img' aria-label='{escape(label)}' viewBox='0 0 {width} {height}'"
        f" width='{width}' height='{height}'>"
        f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-width='1.6'/></svg>"
    )


def votes_table(votes: pd.DataFrame, summary: technical.Summary, skill: str) -> str:
    """Each indicator's vote with its rule, the summary, and the skill of such summaries in the past."""
    rows = [
        [
            escape(r.indicator),
            f"{charts.readable(r.value)} {escape(r.unit)}",
            f"<td class='vote-{r.vote}'>{r.vote}</td>",
            escape(r.rule),
        ]
        for r in votes.itertuples()
    ]
    return (
        f"<p class='summary'>Summary: <strong class='vote-{summary.overall.split()[-1]}'>{summary.overall}</strong>"
        f" ({summary.buy} buy, {summary.neutral} neutral, {summary.sell} sell)</p>"
        f"<p>{escape(skill)}</p><p>{escape(summary.caution)}</p>"
        "<details><summary>The vote of each indicator</summary>"
        f"{table('Votes', ['Indicator', 'Value', 'Vote', 'Rule'], rows, kind='votes')}</details>"
    )


def _large(value: float) -> str:
    if pd.isna(value):
        return ""
    for size, name in ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:,.3g} {name}"
    return f"{value:,.3g}"


def _percent(value: float, sign: bool = False) -> str:
    return "" if pd.isna(value) else f"{value:+.1f} %" if sign else f"{value:.1f} %"


def _change(value: float) -> str:
    return f"<td class='{_sign(value)}'>{_percent(value, sign=True)}</td>"


def _sign(value: float) -> str:
    return "" if pd.isna(value) or math.isclose(value, 0) else "up" if value > 0 else "down"
