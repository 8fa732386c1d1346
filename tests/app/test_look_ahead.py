"""The dashboard under other prices after a day: what it shows of that day and before stays the same."""

import base64
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib.app import charts, requests, unattended
from lib.app.dashboard import forecasts
from lib.app.dashboard.web import Pages
from lib.app.service.environment import ServiceSettings
from lib.data import market
from lib.experiments import forecast
from lib.settings import sample

CASES = {"own": None, "a hole": slice(330, 333), "a long gap": slice(200, 240), "no price at the end": slice(397, 400)}


@pytest.fixture
def shown(tmp_path, fake_pool, monkeypatch, random_walk):
    """shown(name, hole, day): scores, chart points and forecast of a network on prices that differ after ``day``."""

    def of(name, hole, day, factor):
        prices = random_walk(days=400, seed=3)["BTC-USD"]
        if hole is not None:
            prices.iloc[hole] = np.nan
        prices.loc[prices.index > day] *= factor
        prices.attrs = {"source": "folder", "origin": "prices of this test", "taken": None}
        monkeypatch.setattr(market, "prices_of", lambda chosen, *_: {"BTC-USD": prices})
        pages = Pages(sample().changed(source="folder", data_dir="prices", output_dir=str(tmp_path / name)), access)
        form = requests.defaults("folder", "BTC-USD", date(2024, 1, 1), date(2025, 2, 3))
        network = unattended.train(pages.runs(), {**form, "lookback": 10})
        return pages.runs(), network

    access = ServiceSettings(_env_file=None, service_token="")
    return of


def points(network, day):
    """Every point of every chart that stands on a day up to ``day``: (view, trace, axis) -> values."""
    finished = charts.Finished(
        network.ticker, network.network, network.result.history, network.predictions, network.prices
    )
    found = {}
    for key, view in charts.VIEWS.items():
        for number, trace in enumerate(json.loads(view.draw(finished).to_json())["data"]):
            x = _values(trace.get("x"))
            days = pd.to_datetime(pd.Series(x), errors="coerce") if len(x) and isinstance(x[0], str) else pd.Series()
            for axis in ("y", "open", "high", "low", "close"):
                y = _values(trace.get(axis))
                if len(days) and days.notna().all() and len(y) == len(days):
                    found[key, number, axis] = [v for d, v in zip(days, y) if d <= day]
    return found


def _values(given):
    if isinstance(given, dict):  # Plotly sends long series as bytes
        return np.frombuffer(base64.b64decode(given["bdata"]), dtype=given["dtype"]).tolist()
    return list(given) if given is not None else []


@pytest.mark.parametrize("case", ["a hole", *(pytest.param(c, marks=pytest.mark.slow) for c in CASES if c != "a hole")])
def test_what_was_shown_of_past_days_stays(shown, case):
    day = pd.Timestamp("2025-01-05")
    before, after = (shown(f"{case} {factor}", CASES[case], day, factor) for factor in (1.0, 1.7))
    ours, theirs = (n.predictions[n.predictions["date"] <= day] for _, n in (before, after))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    drawn, again = points(before[1], day), points(after[1], day)
    assert drawn.keys() == again.keys() and sum(map(len, drawn.values())) > 1000
    for place, values in drawn.items():
        np.testing.assert_array_equal(np.array(values, float), np.array(again[place], float), str(place))
    first = [forecast.allowed_starts(network.training.data, network.observed)[0] for _, network in (before, after)]
    assert first[0] == first[1]
    made = [
        forecasts.shown(network, unattended.predict(runs, network, date(2025, 1, 6), 5), "light")
        for runs, network in (before, after)
    ]
    for rows in zip(*(one["rows"] for one in made)):
        ours, theirs = ({k: v for k, v in row.items() if k != "actual_usd"} for row in rows)
        assert ours == theirs
    assert made[0]["sentence"] == made[1]["sentence"] and made[0]["badge"] == made[1]["badge"]


def test_the_last_days_without_a_price_are_not_forecast_from(shown):
    runs, network = shown("end", CASES["no price at the end"], pd.Timestamp("2026-01-01"), 1.0)
    assert forecast.allowed_starts(network.training.data, network.observed)[1] == date(2025, 2, 1)
    assert network.observed.index[-1] == pd.Timestamp("2025-01-31")
    made = unattended.predict(runs, network)
    assert made.origin == pd.Timestamp("2025-01-31") and set(made.days["naive_usd"]) == {network.observed.iloc[-1]}
