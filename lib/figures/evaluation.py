"""Figures of the evaluation, from the tables of ``lib.tables``. A network has its own colour, baselines are grey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from lib.colours import NAIVE, PRINTED
from lib.evaluation import significance
from lib.figures.style import canvas, coin_colour, dates, legend_above, legend_outside, model_colour, styled
from lib.settings import NETWORKS

ZERO: dict[str, Any] = {"color": PRINTED["actual"], "lw": 1, "ls": "--"}
LEVEL_COLOURS = (PRINTED["blue"], PRINTED["green"], PRINTED["orange"])
_MARKERS = ("o", "s", "^", "D", "v", "P")
_SKILL_TICKS = (-500, -100, -50, -20, -10, -5, -2, -1, -0.5, 0, 0.5)


def _skill_axis(ax: Axes, skills: pd.DataFrame) -> None:
    """Evenly spaced from -2 up, by powers of ten below, where a few bad networks would hide all others.

    A diverged network, whose skill is minus infinity, has no point.
    """
    ax.set_yscale("symlog", linthresh=2)
    lowest = min(skills.where(np.isfinite(skills)).min(axis=None), -0.5)
    ax.yaxis.set_major_locator(FixedLocator([tick for tick in _SKILL_TICKS if tick >= lowest]))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.autoscale_view()


@styled
def skill_intervals(scores: pd.DataFrame, split: str) -> Figure:
    """Mean skill of each model with its 95 % interval, a panel for each coin and target; 0 is the naive forecast.

    Each panel has its own straight axis, or the coin with the worst networks would hide what the others show.

    Args:
        scores: as ``tables.mean_scores`` gives them.
    """
    rows = scores[(scores["part"] == split) & (scores["model"] != NAIVE)]
    tickers, readings = list(dict.fromkeys(rows["ticker"])), list(dict.fromkeys(rows["reading"]))
    models = list(dict.fromkeys(rows["model"]))[::-1]
    height = 1.1 + 0.24 * len(models)
    figure, axes = canvas(len(tickers), len(readings), row_height=height, sharey=True)
    for (ticker, reading), mine in rows.groupby(["ticker", "reading"], sort=False):
        ax, floor = axes[tickers.index(ticker), readings.index(reading)], _shown_from(mine)
        for row in mine.itertuples():
            _skill_line(ax, row, models.index(row.model), floor)
        _end_at(ax, mine, floor)
        ax.set_title(f"{ticker}, {reading.replace('_', ' ')}")
        ax.set_yticks(range(len(models)), models, fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel(f"skill, 1 - MSE / MSE of naive, {split} days")
    return figure


@styled
def answer(found: pd.DataFrame, r2: pd.DataFrame, days: str) -> Figure:
    """R2 of the networks beside no model's, which looks good by itself, and their skill against it.

    Args:
        found: rows of ``tables.answers`` of one part and reading.
        r2: rows of ``tables.r2_beside_naive`` of the same.
        days: which days these are, for the titles, such as "test days".
    """
    rows = found.merge(r2, on=["part", "reading", "ticker", "model"]).reset_index(drop=True)
    tickers = list(dict.fromkeys(rows["ticker"]))
    places = np.arange(len(rows)) + rows["ticker"].map(tickers.index).to_numpy()  # one free line between coins
    figure, axes = canvas(1, 2, 10.0, 0.9 + 0.24 * (places[-1] + 1), sharey=True, width_ratios=[1, 1.6])
    left, right = axes[0]
    floor = _shown_from(rows)
    for place, row in zip(places, rows.itertuples()):
        shade = model_colour(row.model)
        left.plot([row.r2_naive, row.r2_naive], [place - 0.5, place + 0.5], color=PRINTED["line"], lw=1.5, ls="--")
        left.plot(row.r2, place, "o", color=shade, ms=6)
        _skill_line(right, row, place, floor)
    for ticker in tickers:
        mine = places[(rows["ticker"] == ticker).to_numpy()]
        left.text(0.02, mine.mean(), ticker.removesuffix("-USD"), transform=left.get_yaxis_transform(), weight="bold")
    left.set_yticks(places, rows["model"], fontsize=9)
    left.set_ylim(places[-1] + 0.8, -0.8)
    left.set(title="R\u00b2 beside that of no model", xlabel=f"R\u00b2 on {days} (dashes: no model)")
    _end_at(right, rows, floor)
    right.set_title(f"Skill on {days}: {_counts_in_words(rows)}")
    right.set_xlabel(f"skill = 1 \u2212 MSE / MSE of no model on {days}, 95 % interval")
    return figure


def _skill_line(ax: Axes, row: Any, place: float, floor: float) -> None:
    """A skill and its interval; what lies below the floor is an arrow with its numbers in words."""
    shade = model_colour(row.model)
    ax.plot([max(row.skill_lower, floor), max(row.skill_upper, floor)], [place, place], color=shade, lw=2.5)
    if row.skill > floor:
        ax.plot(row.skill, place, "o", color=shade, ms=6)
    if row.skill_lower < floor:
        ax.plot(floor, place, "<", color=shade, ms=7)
        text = f"{row.skill:+.3g} [{row.skill_lower:+.3g}, {row.skill_upper:+.3g}]"
        ax.annotate(text, (floor, place), xytext=(8, 5), textcoords="offset points", fontsize=7)


def _end_at(ax: Axes, rows: pd.DataFrame, floor: float) -> None:
    """The line of no model, and an axis from the floor to a little beyond the best interval."""
    ax.axvline(0, **ZERO)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlim(1.04 * floor, max(-0.1 * floor, 1.1 * rows["skill_upper"].max()))


def _shown_from(rows: pd.DataFrame) -> float:
    """Where the axis of skills ends on the left: a few very bad networks must not press the others together."""
    lower = rows["skill_lower"].replace(-np.inf, np.nan)
    return float(np.nanmin([-0.05, 1.1 * max(lower.min(), 4 * lower.median())]))


def _counts_in_words(rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    if counts.get("worse", 0) == len(rows):
        return f"all {len(rows)} networks are worse than no model"
    return ", ".join(f"{counts[name]} {name}" for name in ("worse", "indistinguishable", "better") if name in counts)


@styled
def skill_by_block(folds: pd.DataFrame) -> Figure:
    """Skill of each network in each block of the walk-forward, a panel for each coin and scheme; ridge beside them."""
    blocks = [c for c in folds if c.startswith("block ")]
    tickers, schemes = list(dict.fromkeys(folds["ticker"])), list(dict.fromkeys(folds["scheme"]))
    figure, axes = canvas(len(tickers), len(schemes), row_height=2.6, sharex=True, sharey=True)
    for (ticker, scheme), mine in folds.groupby(["ticker", "scheme"], sort=False):
        ax = axes[tickers.index(ticker), schemes.index(scheme)]
        shown = mine[mine["model"].isin([*NETWORKS, "ridge"])].set_index("model")[blocks]
        for place, (model, skills) in enumerate(shown.iterrows()):
            x = np.arange(1, len(blocks) + 1) + 0.08 * (place - (len(shown) - 1) / 2)
            marker = _MARKERS[place % len(_MARKERS)]
            ax.plot(x, skills.tolist(), marker, ms=5, color=model_colour(model), label=model)
        ax.axhline(0, **ZERO)
        ax.set(title=f"{ticker}, {scheme}", xticks=range(1, len(blocks) + 1))
    for ax in axes[-1]:
        ax.set_xlabel("block of test days, in time order;\nskills of one block have no interval")
    for ax in axes[:, 0]:
        _skill_axis(ax, folds[blocks])
        ax.set_ylabel("skill against naive")
    legend_outside(figure, "lower", 5, fontsize=8)
    return figure


@styled
def leak_effects(scores: pd.DataFrame) -> Figure:
    """Skill on the same test days as leaks are added to each other, a panel for each coin; bars: range of the seeds."""
    leaks, tickers = list(dict.fromkeys(scores["reading"])), list(dict.fromkeys(scores["ticker"]))
    models = list(dict.fromkeys(scores["model"]))
    figure, axes = canvas(len(tickers), row_height=2.6, sharex=True)
    for ax, ticker in zip(axes.flat, tickers):
        its = scores[scores["ticker"] == ticker]
        for at, model in enumerate(models):
            mine = its[its["model"] == model].set_index("reading").reindex(leaks)
            mean, low, high = (mine[c].where(np.isfinite(mine[c])) for c in ("skill", "skill_worst", "skill_best"))
            x, colour = np.arange(len(leaks)) + 0.16 * (at - (len(models) - 1) / 2), model_colour(model)
            ax.errorbar(x, mean, yerr=(mean - low, high - mean), fmt="o", ms=5, color=colour, label=model)
        ax.axhline(0, **ZERO)
        _skill_axis(ax, its[["skill_worst"]])
        ax.set(title=ticker, ylabel="skill, test days", xticks=range(len(leaks)))
        ax.set_xticklabels([leak.replace(" ", "\n", 1) for leak in leaks])
        legend_above(ax, len(models))
    return figure


@styled
def wealth(paths: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Wealth of 1 dollar under each rule, after costs, a panel for each coin.

    Args:
        paths: ticker -> rule -> frame with ``date`` and ``wealth``.
    """
    figure, axes = canvas(len(paths))
    for ax, (ticker, rules) in zip(axes.flat, paths.items()):
        for name, days in rules.items():
            look = {"color": model_colour(name), "lw": 1.2}
            if name == "buy and hold":
                look = {"color": coin_colour(ticker), "lw": 2, "ls": "--"}
            ax.plot(days["date"], days["wealth"], label=name, **look)
        ax.axhline(1, color=PRINTED["actual"], lw=0.8)
        ax.set(title=ticker, ylabel="wealth of 1 USD")
        dates(ax)
        legend_above(ax, 3)
    return figure


@styled
def coverage_by_horizon(evaluated: pd.DataFrame) -> Figure:
    """Share of closes inside the interval by horizon, a panel for each coin; thin lines are the nominal levels.

    Args:
        evaluated: ``ticker``, ``method`` and the columns of ``intervals.evaluate`` by level and horizon.
    """
    looks = {"conformal, adapting": "-", "conformal, fixed": "--", "service": ":"}
    colours = dict(zip(sorted(evaluated["level"].unique()), LEVEL_COLOURS))
    tickers = list(dict.fromkeys(evaluated["ticker"]))
    figure, axes = canvas(len(tickers), row_height=2.7, sharex=True, sharey=True)
    for ax, ticker in zip(axes.flat, tickers):
        mine = evaluated[evaluated["ticker"] == ticker]
        for (method, level), rows in mine.groupby(["method", "level"], sort=False):
            look = {"color": colours[level], "lw": 1.4, "label": f"{method}, {level:.0%}"}
            ax.plot(rows["horizon"], rows["coverage"], looks.get(method, "-."), **look)
        for level, colour in colours.items():
            ax.axhline(level, color=colour, lw=0.6)
        ax.set(title=ticker, ylabel="share inside", ylim=(0, 1.03))
    axes[-1, 0].set_xlabel("horizon (days)")
    legend_outside(figure, "lower", 3, fontsize=8)
    return figure


@styled
def interval_example(
    bands: Mapping[str, pd.DataFrame], closes_usd: pd.Series, ticker: str, last_days: int = 60
) -> Figure:
    """The intervals from one origin around the naive path, and the closes that followed.

    Args:
        bands: method -> rows of one origin and level; with ``naive_usd`` or ``path_usd`` these are drawn as well.
        closes_usd: all closes.
    """
    figure, axes = canvas(1, len(bands), row_height=3.2, sharey=True)
    for ax, (method, rows) in zip(axes.flat, bands.items()):
        known = closes_usd.loc[: rows["origin"].iloc[0]].tail(last_days)
        ax.plot(known.index, known, color=coin_colour(ticker), lw=1.2, label="close")
        band = {"color": PRINTED["blue"], "alpha": 0.25, "lw": 0, "label": f"{rows['level'].iloc[0]:.0%} interval"}
        ax.fill_between(rows["date"], rows["lower_usd"], rows["upper_usd"], **band)
        lines = (("actual", "actual_usd", "-"), ("naive", "naive_usd", ":"), ("forecast", "path_usd", "--"))
        for name, column, look in lines:
            if column in rows and rows[column].notna().any():
                ax.plot(rows["date"], rows[column], look, color=PRINTED["actual"], lw=1.2, label=name)
        ax.set_title(f"{ticker}: {method}")
        dates(ax)
    axes[0, 0].set_ylabel("USD")
    legend_outside(figure, "lower", 3, fontsize=8)
    return figure


@styled
def alarms(rates: pd.DataFrame, level: float, wanted: bool = False) -> Figure:
    """Share of simulated series on which a test called a model better, with the bounds that chance explains.

    Args:
        rates: as ``controls.alarm_rates`` gives them.
        level: of the tests.
        wanted: whether there was something to find: then more than chance is good, and not drawn in red.
    """
    more = PRINTED["green" if wanted else "mark"]
    tests = list(dict.fromkeys(rates["test"]))
    figure, axes = canvas(1, len(tests), row_height=3.2, sharey=True)
    for ax, test in zip(axes.flat, tests):
        rows = rates[rates["test"] == test]
        bars = [more if many else PRINTED["baseline"] for many in rows["too_many"]]
        ax.barh(rows["model"], rows["rate"], color=bars)
        fewest, most = (rows[c].iloc[0] / rows["runs"].iloc[0] for c in ("fewest", "most"))
        ax.axvspan(fewest, most, color=PRINTED["blue"], alpha=0.15, lw=0, label="explained by chance")
        ax.axvline(level, color=PRINTED["blue"], ls="--", lw=1, label=f"level of the test, {level:.0%}")
        ax.set(title=significance.name_of(test), xlabel="share of series with an alarm")
    legend_outside(figure, "lower", 2, fontsize=8)
    return figure


@styled
def response_by_day(responses: Mapping[tuple[str, str], pd.Series]) -> Figure:
    """How far forecasts move with each day of their window.

    Args:
        responses: (network, what was asked) -> change of the forecast over the change of an input, by day.
    """
    figure, axes = canvas(len(responses), row_height=2.3)
    for ax, ((network, what), by_day) in zip(axes.flat, responses.items()):
        ax.bar(by_day.index, by_day, color=model_colour(network))
        ax.set(title=f"{network}, {what}", xlabel="day of the window", ylabel="change of forecast\n/ of input")
    return figure
