"""The dashboard under other prices after a day: what it shows of that day and before stays the same."""

import base64
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from lib.app.controller import Controller

from lib.app import charts, requests, unattended
from lib.data import market

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
        controller = Controller(tmp_path / name, data_dir="prices")
        form = requests.defaults("folder", "BTC-USD", date(2024, 1, 1), date(2025, 2, 3))
        network = unattended.train(controller, {**form, "lookback": 10})
        return controller, network

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
    assert before[0].starts()[0] == after[0].starts()[0]
    made = [unattended.predict(controller, date(2025, 1, 6), 5) for controller, _ in (before, after)]
    for name in made[0].days.keys() - {"actual_usd"}:
        np.testing.assert_array_equal(*(m.days[name] for m in made), name)
    assert made[0].sentence == made[1].sentence


def test_the_last_days_without_a_price_are_not_forecast_from(shown):
    controller, network = shown("end", CASES["no price at the end"], pd.Timestamp("2026-01-01"), 1.0)
    assert controller.starts()[1] == date(2025, 2, 1) and network.observed.index[-1] == pd.Timestamp("2025-01-31")
    made = unattended.predict(controller)
    assert made.origin == "2025-01-31" and set(made.days["naive_usd"]) == {network.observed.iloc[-1]}
