"""Controls: false alarms on random walks, findings of a planted signal, and the day that a forecast belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.evaluation import alignment, baselines, significance
from lib.experiments import controls
from lib.results.origin import signed
from lib.tables.frames import diverged, mean_days, table_of


@signed
def alignments(frame: pd.DataFrame) -> pd.DataFrame:
    """To which day the mean forecast of each model belongs, as ``alignment.alignment`` finds it."""

    def row(rows: pd.DataFrame) -> dict[str, object]:
        days = mean_days(rows)
        if diverged(days):
            verdict = "undecided: every training diverged"
            return {"days": len(days), "responds_at": None, "aligned": None, "verdict": verdict}
        return alignment.alignment(days)

    return table_of(frame[frame["model"] != baselines.NAIVE], ["ticker", "reading", "model"], row)


def alignments_in_words(found: pd.DataFrame) -> str:
    """How many models' forecasts stand on their day, and what is found of the others.

    Args:
        found: as :func:`alignments` gives it.
    """
    others = found[found["aligned"].ne(True)]
    named = "; ".join(
        f"{r.ticker} {r.model}, target {r.reading.replace('_', ' ')}: {r.verdict}" for r in others.itertuples()
    )
    return (
        f"Forecasts of {len(found) - len(others)} of {len(found)} models stand on their day: they answer to the last"
        f" close before it.{f' The rest: {named}.' if named else ''}"
    )


@signed
def shifted_forecasts(seed: int, days: int = 400) -> pd.DataFrame:
    """The alignment check on forecasts of a simulated random walk: as they are, and shifted by a day to either side."""

    close = controls.walk(days, seed=seed)
    noise = np.random.default_rng([seed, 1]).standard_normal(days)  # another generator, or it would know the shocks
    noisy = close.shift(1) * np.exp(0.002 * noise)
    frame = pd.DataFrame({"date": close.index, "actual_usd": close, "naive_usd": close.shift(1)})
    rows = []
    for shift, name in ((0, "on their day"), (-1, "a day too early"), (1, "a day too late")):
        forecasts = frame.assign(predicted_usd=noisy.shift(shift)).dropna().reset_index(drop=True)
        rows.append({"forecasts": name, **alignment.alignment(forecasts)})
    return pd.DataFrame(rows)


def controls_in_words(rates: pd.DataFrame, found: pd.DataFrame) -> str:
    """Whether the controls held: no more alarms than chance explains, and the signal found.

    Args:
        rates: ``controls.alarm_rates`` of random walks; found: of series with a planted signal.
    """
    several = rates["model"].str.startswith("any model")
    single = rates[~several]
    models = list(dict.fromkeys(single["model"]))
    many, few = single[single["too_many"]], single[single["alarms"] < single["fewest"]]
    better = found[~found["model"].str.startswith("any model") & (found["test"] == "diebold_mariano")]
    return "\n".join(
        [
            f"On {rates['runs'].iloc[0]} random walks, models that alone raise more alarms than chance explains:"
            f" {_alarms(many)}; fewer: {_alarms(few)} (models that fit noise are worse than the naive forecast, so a"
            " test against it is on the safe side).",
            f"Each of the {len(models)} models ({', '.join(models)}) was trained again on each series, the networks"
            " at a small size and on log returns.",
            f"Some model of the {len(models)} raises an alarm in: {_alarms(rates[several])}. That is why p-values are"
            " corrected by Holm.",
            f"On {found['runs'].iloc[0]} series with a planted signal a model is rightly found better than the naive"
            f" forecast in: {_alarms(better)}.",
        ]
    )


def _alarms(rows: pd.DataFrame) -> str:
    return (
        "; ".join(f"{r.model} by {significance.name_of(r.test)} ({r.alarms} of {r.runs})" for r in rows.itertuples())
        or "none"
    )
