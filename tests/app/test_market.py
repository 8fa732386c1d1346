"""The market panels: where prices come from, and what is shown when they cannot be had."""

import threading
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lib.app.figure_box import Gallery

from lib.app import market_panels
from lib.data import overview
from lib.errors import ProjectError

DAYS = date(2024, 1, 1), date(2024, 8, 27)


@pytest.fixture
def panels(monkeypatch, random_walk):
    """panels(): both panels of a sample and Yahoo; ``answers`` says what Yahoo does, ``said`` what the page's line
    shows.
    """
    answers, said = [], []

    def load(source, tickers, first, last, data_dir, max_daily_factor, say):
        answer = answers.pop(0) if source == "yahoo" else tickers
        if isinstance(answer, threading.Event):
            answer.wait(30)
            answer = tickers
        if isinstance(answer, ProjectError):
            raise answer
        return random_walk(*answer)

    monkeypatch.setattr(market_panels.market, "load", load)
    monkeypatch.setattr(market_panels.market, "origins", lambda prices: dict.fromkeys(prices, "made up"))
    # Browser tests leave a loop behind in the thread of the tests, which nobody runs here.
    monkeypatch.setattr(market_panels, "PageThread", lambda: SimpleNamespace(run=lambda what, *values: what(*values)))
    made = market_panels.Market(
        {"sample": (["BTC-USD"], *DAYS), "yahoo": (["ADA-USD", "ETH-USD"], *DAYS)},
        None,
        Gallery(),
        lambda text, urgent: said.append(text),
    )
    return made, answers, said


def until_loaded():
    for thread in threading.enumerate():
        if "_load" in thread.name:
            thread.join(60)


def test_another_source_shows_its_coins_and_the_page_is_not_held_up(panels):
    made, answers, _ = panels
    answers.append(threading.Event())
    waiting = answers[0]
    made.source.value = "yahoo"  # returns while Yahoo is still asked
    assert "Asking Yahoo for prices of ADA-USD, ETH-USD" in made._status.value and "BTC-USD" in made._table.value
    waiting.set()
    until_loaded()
    assert made.ticker.options == ("ADA-USD", "ETH-USD") and made._status.value == ""
    assert "ADA-USD" in made._table.value and "BTC-USD" not in made._table.value and "ETH-USD" in made._table.value


def test_without_a_network_what_was_shown_stays_and_the_next_try_works(panels):
    made, answers, said = panels
    answers += [ProjectError("Yahoo cannot be reached. Look at the network."), ["ADA-USD", "ETH-USD"]]
    made.source.value = "yahoo"
    until_loaded()
    assert said == ["Yahoo cannot be reached. Look at the network."] and said[0] in made._status.value
    assert made.source.value == "sample" and "BTC-USD" in made._table.value and list(made.prices) == ["BTC-USD"]
    made.source.value = "yahoo"
    until_loaded()
    assert list(made.prices) == ["ADA-USD", "ETH-USD"] and made._status.value == ""


def test_an_answer_that_comes_after_another_choice_is_let_go(panels):
    made, answers, _ = panels
    waiting = threading.Event()
    answers.append(waiting)
    made.source.value = "yahoo"
    made.source.value = "sample"
    assert made._status.value == ""
    waiting.set()
    until_loaded()
    assert list(made.prices) == ["BTC-USD"] and made.source.value == "sample"


def test_a_wrong_setting_is_told_and_the_chart_stays(panels):
    made, _, _ = panels
    chart = made.chart.children
    made.controls["rsi_days"].value = "1000"
    assert "field-error" in made._fault.value and made.chart.children == chart
    made.controls["rsi_days"].value = "10"
    assert made._fault.value == "" and made.settings.rsi_days == 10 and made.chart.children != chart


def test_an_old_close_is_not_shown_under_the_newest_day(random_walk):
    """Red before: one day for all coins stood below the table."""
    prices = random_walk("ADA-USD", "BTC-USD", "ETH-USD")
    last = prices["BTC-USD"].index[-1]
    prices["ADA-USD"].loc[last - pd.Timedelta(days=6) :, "Close"] = np.nan
    prices["ETH-USD"]["Close"] = np.nan
    old = f"{last - pd.Timedelta(days=7):%Y-%m-%d}"
    shown = market_panels.overview_table(overview.overview(prices))
    ada, btc, eth = shown.split("</tr>")[1:4]
    assert f" ({old})</td>" in ada and "(20" not in btc + eth
    own = "all values of these are of their own last day"
    assert f"Last day {last:%Y-%m-%d}; {own}: ADA-USD {old}, ETH-USD without any close." in shown
    same = market_panels.overview_table(overview.overview({"BTC-USD": prices["BTC-USD"]}))
    assert f"Last day {last:%Y-%m-%d}. Volume" in same
    none = market_panels.overview_table(overview.overview({"ETH-USD": prices["ETH-USD"]}))
    assert "No coin has a close. Volume" in none
