"""Figures of what forecasts are worth, from the tables of ``lib.tables.skill`` and ``lib.evaluation.intervals``.

Colours as in ``lib.figures``: a network has its own, baselines are grey.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from lib.evaluation import baselines
from lib.figures import NETWORK_COLOURS, canvas, coin_colour, dates, legend_above, style

_BASELINE_COLOUR = "#8A8A8A"
_MARKERS = ("o", "s", "^", "D", "v", "P")
_SKILL = "skill, 1 - MSE / MSE of naive"
_SKILL_MARKS = (-500, -100, -50, -20, -10, -5, -2, -1, -0.5, 0, 0.5)


def _spread(axis: Axis, lowest: float) -> None:
    """A skill axis: evenly spaced from -2 up, by powers of ten below, where a few bad networks would hide all others."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("symlog", linthresh=2)
    axis.set_major_locator(FixedLocator([m for m in _SKILL_MARKS if m >= min(lowest, -0.5)]))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())
    axis.axes.autoscale_view()


def _colour(model: str) -> str:
    return NETWORK_COLOURS.get(model, _BASELINE_COLOUR)


def _legend_below(figure: Figure, axes: np.ndarray, columns: int) -> None:
    """One legend for all panels, as the first one has it."""
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize=8)


def skill_intervals(scores: pd.DataFrame, part: str) -> Figure:
    """Mean skill of each model with its 95 % interval, a panel a coin and reading; 0 is the naive forecast.

    Args:
        scores: as ``skill.score_table`` gives them.
    """
    rows = scores[(scores["part"] == part) & (scores["model"] != baselines.NAIVE)]
    tickers, readings = list(dict.fromkeys(rows["ticker"])), list(dict.fromkeys(rows["reading"]))
    models = list(dict.fromkeys(rows["model"]))[::-1]
    with style():
        figure, axes = canvas(
            len(tickers), len(readings), row_height=0.9 + 0.24 * len(models), sharex=True, sharey=True
        )
        for (ticker, reading), mine in rows.groupby(["ticker", "reading"], sort=False):
            ax = axes[tickers.index(ticker), readings.index(reading)]
            for row in mine.itertuples():
                y = models.index(row.model)
                ax.plot([row.skill_lower, row.skill_upper], [y, y], color=_colour(row.model), lw=2, alpha=0.6)
                ax.plot(row.skill, y, "o", color=_colour(row.model), ms=5)
            ax.axvline(0, color="#111111", lw=1, ls="--")
            ax.set_title(f"{ticker}, {reading.replace('_', ' ')}")
            ax.set_yticks(range(len(models)), models, fontsize=8)
        for ax in axes[-1]:
            _spread(ax.xaxis, rows[["skill", "skill_lower"]].min(axis=None))
            ax.set_xlabel(f"{_SKILL}, {part} days")
        return figure


def skill_by_block(folds: pd.DataFrame) -> Figure:
    """Skill of each network in each block of the walk-forward, a panel a coin and scheme; ridge beside them."""
    blocks = [c for c in folds if c.startswith("block ")]
    tickers, schemes = list(dict.fromkeys(folds["ticker"])), list(dict.fromkeys(folds["scheme"]))
    with style():
        figure, axes = canvas(len(tickers), len(schemes), row_height=2.6, sharex=True, sharey=True)
        for (ticker, scheme), mine in folds.groupby(["ticker", "scheme"], sort=False):
            ax = axes[tickers.index(ticker), schemes.index(scheme)]
            shown = mine[mine["model"].isin([*NETWORK_COLOURS, "ridge"]) & (mine["model"] != baselines.NAIVE)]
            for place, row in enumerate(shown.to_dict("records")):
                values = [row[b] for b in blocks]
                x = np.arange(1, len(blocks) + 1) + 0.08 * (place - len(shown) / 2)
                ax.plot(
                    x, values, _MARKERS[place % len(_MARKERS)], ms=5, color=_colour(row["model"]), label=row["model"]
                )
            ax.axhline(0, color="#111111", lw=1, ls="--")
            ax.set(title=f"{ticker}, {scheme}", xticks=range(1, len(blocks) + 1))
        for ax in axes[-1]:
            ax.set_xlabel("block of test days, in time order")
        for ax in axes[:, 0]:
            _spread(ax.yaxis, folds[blocks].min(axis=None))
            ax.set_ylabel("skill against naive")
        _legend_below(figure, axes, 5)
        return figure


def leak_effects(scores: pd.DataFrame) -> Figure:
    """Skill on the same test days with one leak at a time, a panel a coin; bars are the range of the seeds."""
    leaks = list(dict.fromkeys(scores["reading"]))
    tickers = list(dict.fromkeys(scores["ticker"]))
    with style():
        figure, axes = canvas(len(tickers), row_height=2.6, sharex=True)
        for ax, ticker in zip(axes.flat, tickers):
            models = list(dict.fromkeys(scores["model"]))
            for at, model in enumerate(models):
                mine = scores[(scores["ticker"] == ticker) & (scores["model"] == model)].set_index("reading").loc[leaks]
                x = np.arange(len(leaks)) + 0.16 * (at - (len(models) - 1) / 2)
                middle, low, high = (mine[c] for c in ("skill", "skill_worst", "skill_best"))
                ax.errorbar(
                    x, middle, yerr=(middle - low, high - middle), fmt="o", ms=5, color=_colour(model), label=model
                )
            ax.axhline(0, color="#111111", lw=1, ls="--")
            _spread(ax.yaxis, scores.loc[scores["ticker"] == ticker, "skill_worst"].min())
            ax.set(title=ticker, ylabel="skill, test days", xticks=range(len(leaks)))
            ax.set_xticklabels([leak.replace(" ", "\n", 1) for leak in leaks])
            legend_above(ax, len(models))
        return figure


def wealth(paths: dict[str, dict[str, pd.DataFrame]]) -> Figure:
    """Wealth of 1 dollar under each rule, after costs, a panel a coin.

    Args:
        paths: ticker -> rule -> frame with ``date`` and ``wealth``.
    """
    with style():
        figure, axes = canvas(len(paths))
        for ax, (ticker, rules) in zip(axes.flat, paths.items()):
            for name, days in rules.items():
                held = name == "buy and hold"
                colour = coin_colour(ticker) if held else _colour(name)
                ax.plot(
                    days["date"],
                    days["wealth"],
                    color=colour,
                    lw=2 if held else 1.2,
                    ls="--" if held else "-",
                    label=name,
                )
            ax.axhline(1, color="#111111", lw=0.8)
            ax.set(title=ticker, ylabel="wealth of 1 USD")
            dates(ax)
            legend_above(ax, 3)
        return figure


def coverage_by_horizon(evaluated: pd.DataFrame) -> Figure:
    """Share of closes inside the interval against the horizon, a panel a coin; the dotted lines are the promise.

    Args:
        evaluated: ``ticker``, ``method`` and the columns of ``intervals.evaluate`` by level and horizon.
    """
    looks = {"conformal, adapting": "-", "conformal, fixed": "--", "service": ":"}
    levels = sorted(evaluated["level"].unique())
    colours = dict(zip(levels, ("#0072B2", "#009E73", "#D55E00")))
    tickers = list(dict.fromkeys(evaluated["ticker"]))
    with style():
        figure, axes = canvas(len(tickers), row_height=2.7, sharex=True, sharey=True)
        for ax, ticker in zip(axes.flat, tickers):
            for (method, level), rows in evaluated[evaluated["ticker"] == ticker].groupby(
                ["method", "level"], sort=False
            ):
                ax.plot(
                    rows["horizon"],
                    rows["coverage"],
                    looks.get(method, "-."),
                    color=colours[level],
                    lw=1.4,
                    label=f"{method}, {level:.0%}",
                )
            for level in levels:
                ax.axhline(level, color=colours[level], lw=0.6)
            ax.set(title=ticker, ylabel="share inside", ylim=(0, 1.03))
        axes[-1, 0].set_xlabel("horizon (days)")
        _legend_below(figure, axes, 3)
        return figure


def interval_example(bands: dict[str, pd.DataFrame], closes_usd: pd.Series, ticker: str, last_days: int = 60) -> Figure:
    """The intervals from one origin around the naive path, and the closes that came.

    Args:
        bands: method -> rows of one origin and level; closes_usd: all closes.
    """
    with style():
        figure, axes = canvas(1, len(bands), row_height=3.2, sharey=True)
        for ax, (method, rows) in zip(axes.flat, bands.items()):
            origin = rows["origin"].iloc[0]
            known = closes_usd.loc[:origin].tail(last_days)
            ax.plot(known.index, known, color=coin_colour(ticker), lw=1.2, label="close")
            ax.fill_between(
                rows["date"],
                rows["lower_usd"],
                rows["upper_usd"],
                color="#0072B2",
                alpha=0.25,
                lw=0,
                label=f"{rows['level'].iloc[0]:.0%} interval",
            )
            ax.plot(rows["date"], rows["actual_usd"], color="#111111", lw=1.2, label="what came")
            ax.set_title(f"{ticker}: {method}")
            dates(ax)
        axes[0, 0].set_ylabel("USD")
        _legend_below(figure, axes, 3)
        return figure


def alarms(rates: pd.DataFrame, level: float, wanted: bool = False) -> Figure:
    """Share of simulated series on which a test called a model better, with the bounds that chance explains.

    Args:
        rates: as ``controls.alarm_rates`` gives them.
        level: of the tests.
        wanted: whether there was something to find: then more than chance is good, and not drawn in red.
    """
    more = "#009E73" if wanted else "#C00000"
    tests = list(dict.fromkeys(rates["test"]))
    with style():
        figure, axes = canvas(1, len(tests), row_height=3.2, sharey=True)
        for ax, test in zip(axes.flat, tests):
            rows = rates[rates["test"] == test]
            ax.barh(
                rows["model"], rows["rate"], color=[more if many else _BASELINE_COLOUR for many in rows["too_many"]]
            )
            ax.axvspan(
                rows["fewest"].iloc[0] / rows["runs"].iloc[0],
                rows["most"].iloc[0] / rows["runs"].iloc[0],
                color="#0072B2",
                alpha=0.15,
                lw=0,
                label="what chance explains",
            )
            ax.axvline(level, color="#0072B2", ls="--", lw=1, label=f"level of the test, {level:.0%}")
            ax.set(title=test.replace("_", "-").title(), xlabel="share of series with an alarm")
        _legend_below(figure, axes, 2)
        return figure
