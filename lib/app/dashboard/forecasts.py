"""A trained network's forecast as the page shows it, with its verdict against no model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lib.app import charts
from lib.app.charts.canvas import canvas, line
from lib.app.charts.theme import colour, network_colour
from lib.app.collection import Entry, TrainedNetwork
from lib.app.sentences import without_folders
from lib.app.service.answers import metrics, plain
from lib.colours import NAIVE
from lib.evaluation import intervals, scoring, significance
from lib.experiments.forecast import Forecast

_BOUNDS = ("skill_lower", "skill_upper")
_CSV_DIGITS = 6  # significant; prices are known to fewer


def next_day(entry: Entry, network: TrainedNetwork | None = None) -> dict[str, str]:
    """The badge of a trained network: its one-day forecasts of the test days against no model.

    Args:
        entry: its record.
        network: loaded, for the p-value of one that is better.
    """
    found = metrics(entry.record.get("scores", []), "test") or {}
    lower, upper = (math.nan if found.get(n) is None else found[n] for n in ("skill_lower", "skill_upper"))
    p = _p_value(network) if lower > 0 and network is not None else math.nan
    return scoring.verdict(lower, upper, p)


def _p_value(network: TrainedNetwork) -> float:
    """Two-sided, of equal squared errors on the test days; not a number where they are too few."""
    days = network.predictions[network.predictions["part"] == "test"]
    series = (days[name].to_numpy() for name in ("actual_usd", "predicted_usd", "naive_usd"))
    try:
        return significance.diebold_mariano(*series)["p_value"]
    except significance.SignificanceError:
        return math.nan


def evaluated(network: TrainedNetwork) -> dict[str, Any]:
    """Scores and badge of a network, JSON-able."""
    return plain(
        {
            "network": network.identity,
            "ticker": network.ticker,
            "model": network.network,
            "badge": next_day(network, network),
            "verdict": scoring.network_in_words(network.scores, network.network),
            "scores": [
                {**row, "badge": scoring.verdict(*(row[n] if row[n] is not None else math.nan for n in _BOUNDS))}
                for row in scoring.as_records(network.scores)
            ],
            "origin": without_folders(network.record.get("origin", "")),
            "request": network.record["request"],
            "best_epoch": network.result.best_epoch,
            "seconds": network.result.seconds,
        }
    )


def shown(network: TrainedNetwork, made: Forecast, theme: str) -> dict[str, Any]:
    """A forecast for the page, JSON-able: chart, badge, sentence, a row a day.

    Args:
        network: with its prices.
        made: its forecast.
        theme: ``light`` or ``dark``.
    """
    days = _beside_no_model(network, made)
    verdicts = [_verdict(row) for row in days.to_dict("records")]
    first, last = verdicts[0], verdicts[-1]
    # Earned for all days or not at all: a line cannot be bold in part.
    earned = all(one["kind"] == "better" for one in verdicts)
    known = network.observed[: made.origin]
    figure = charts.forecast(days.assign(level=made.level), known, network.ticker, network.network, earned)
    rows = days.assign(date=days["date"].dt.strftime("%Y-%m-%d"))
    return plain(
        {
            "network": network.identity,
            "ticker": network.ticker,
            "model": network.network,
            "origin": made.origin.date().isoformat(),
            "level": made.level,
            "badge": first,
            "last_badge": last,
            "sentence": sentence(network, days, made, verdicts),
            "rows": [{**row, "verdict": one} for row, one in zip(rows.to_dict("records"), verdicts)],
            "figure": figure_json(figure, theme),
            "csv": csv(network, days, verdicts),
            "file": f"{network.ticker}_{network.network}_{rows['date'].iloc[0]}.csv",
        }
    )


def _verdict(day: Mapping[str, Any]) -> dict[str, str]:
    if day["without_price"] > 0:  # no interval is needed to call a path worse that fell to zero
        return scoring.verdict(-math.inf, -math.inf)
    return scoring.verdict(day["skill_lower"], day["skill_upper"], day["p_value"])


def _beside_no_model(network: TrainedNetwork, made: Forecast) -> pd.DataFrame:
    """The forecast's days with the interval of the naive forecast, calibrated in the same way on the same prices."""
    closes = network.observed[: made.origin]
    horizons = made.days["horizon"].tolist()
    bands = intervals.conformal(closes, intervals.naive_path(closes, horizons), horizons, (made.level,))
    mine = bands[bands["origin"] == made.origin].set_index("horizon").reindex(horizons)
    days = made.days.assign(naive_lower_usd=mine["lower_usd"].to_numpy(), naive_upper_usd=mine["upper_usd"].to_numpy())
    if made.origin >= network.training.data.days["test"][-1]:
        # All test days are over, so the next day's row is the evaluation's own score: one number for one thing.
        scored = network.scores[network.scores["part"] == "test"].set_index("model").loc[network.network]
        days.loc[0, ["skill", "skill_lower", "skill_upper"]] = scored[
            ["skill", "skill_lower", "skill_upper"]
        ].to_numpy()
        days.loc[0, "p_value"] = _p_value(network)
    return days


def sentence(network: TrainedNetwork, days: pd.DataFrame, made: Forecast, verdicts: Sequence[Mapping[str, str]]) -> str:
    """What the page says of tomorrow, in words that need no chart."""
    day, usd = days.iloc[0], _in_usd(float(days["naive_usd"].iloc[0]))
    said = [f"If the price stays as it is (no model), it is {usd(day['naive_usd'])} on {day['date']:%Y-%m-%d}"]
    if np.isfinite(day["naive_upper_usd"]):
        low, high = usd(day["naive_lower_usd"]), usd(day["naive_upper_usd"])
        said[0] += f"; {made.level:.0%} of such days end within {low} to {high}"
    change = day["path_usd"] / day["naive_usd"] - 1
    said.append(f"The {network.network} says {usd(day['path_usd'])} ({change:+.1%})")
    said.append(f"On the test days its one-day forecasts were {_worth(day, verdicts[0])}")
    later = days.iloc[-1]
    if len(days) > 1 and pd.isna(later["skill_lower"]):
        said.append(f"{later['horizon']:.0f} days ahead there are too few test days to compare")
    elif len(days) > 1:
        said.append(f"Those of {later['horizon']:.0f} days were {_worth(later, verdicts[-1])}")
    return ". ".join(said) + "."


def _worth(day: pd.Series, verdict: Mapping[str, str]) -> str:
    """A verdict with how many times no model's squared error theirs is: 1 less the skill."""
    if verdict["kind"] == "unknown":
        return "on too few days to be compared with no model"
    if day["without_price"] > 0:
        count, of = f"{day['without_price']:.0f}", f"{day['compared_on']:.0f}"
        return f"{verdict['words']}: {count} of {of} fell to zero or below, which is no price"
    times, least, most = (f"{1 - day[name]:.2f}" for name in ("skill", "skill_upper", "skill_lower"))
    return f"{verdict['words']}: their squared error was {times} times as large (95 % interval {least} to {most})"


def _in_usd(like: float) -> Callable[[float], str]:
    """Prices with as many decimals as one near ``like`` needs, the same for all of them."""
    decimals = 0 if like >= 1000 else 2 if like >= 10 else 4 if like >= 0.1 else 4 - math.floor(math.log10(like))
    return lambda value: f"{value:,.{decimals}f} USD"


def csv(network: TrainedNetwork, days: pd.DataFrame, verdicts: Sequence[Mapping[str, str]]) -> str:
    """The same days as a file: coin and network in each row, six significant digits."""
    numbers = days.select_dtypes("float").columns
    rounded = days.assign(**{name: days[name].map(lambda value: float(f"{value:.{_CSV_DIGITS}g}")) for name in numbers})
    frame = rounded.assign(verdict=[one["words"] for one in verdicts])
    frame.insert(0, "coin", network.ticker)
    frame.insert(1, "network", network.network)
    return frame.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")


def view(network: TrainedNetwork, name: str, theme: str) -> dict[str, Any]:
    """One of the twelve views of section 5.2 as Plotly's JSON."""
    history = {which: losses.tolist() for which, losses in network.result.history.items()}
    finished = charts.Finished(network.ticker, network.network, history, network.predictions, network.prices)
    return figure_json(charts.VIEWS[name].draw(finished), theme)


def curves(networks: Sequence[TrainedNetwork], theme: str) -> dict[str, Any]:
    """Validation losses of several trainings by epoch, each divided by that of no model on the same days.

    So networks of several coins have one scale, and 1 is what no model reaches.
    """
    figure = canvas("Validation loss", "of each training, divided by that of no model (1)", height=360)
    longest = 2
    for place, network in enumerate(networks):
        naive = scoring.naive_scores(network.training.data)["MSE"]
        loss = np.asarray(network.result.val_loss, dtype="float64") / naive
        longest = max(longest, len(loss))
        shade = network_colour(network.network)
        dashes = ("solid", "dash", "dot", "dashdot")
        name = f"{network.ticker}, {network.network}, {network.record['trained'][11:16]}"
        figure.add_trace(
            line(np.arange(1, len(loss) + 1), loss, name, shade, "x no model", ".3~g", dash=dashes[place % 4])
        )
    figure.add_trace(line([1, longest], [1, 1], "no model", colour(NAIVE), "", ".3~g", width=3))
    figure.update_xaxes(title_text="epoch", tickformat="d", hoverformat="d")
    figure.update_yaxes(title_text="validation loss / that of no model", type="log", exponentformat="none")
    return figure_json(figure, theme)


def figure_json(figure: go.Figure, theme: str) -> dict[str, Any]:
    """A chart in one of the page's themes, as Plotly's JSON."""
    return json.loads(charts.themed(figure, theme).to_json())
