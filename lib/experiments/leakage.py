"""The same networks with one leak after the other, and a check that sees one (notebook 09c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from lib.data import windows
from lib.evaluation import alignment, baselines
from lib.experiments import frames, seeds, train
from lib.experiments.train import Training
from lib.settings import Settings

LEAKS = {
    "nothing": "scaled on the training days, stopped on the validation days",
    "scaling over everything": "the scaler also sees validation and test days",
    "both": "as before, and early stopping watches the test days, which are scored, in place of the validation days: as"
    " the author did on the validation days of ADA-USD's CNN; the other trials were chosen by these days, not stopped",
}


def forecasts(prices: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """The same networks, seeds and test days with one leak after the other; ``reading`` is a key of :data:`LEAKS`.

    With ``scaling`` all, the trainings with scaling over everything are those of ``seeds.forecasts`` on closes.

    Returns:
        Long frame of test days.
    """
    check_days(prices, settings)
    planned = trainings(prices, settings)
    results = train.train_all([t for t, *_ in planned])
    rows = [frames.of_training(t, r, leak, k, parts=["test"]) for (t, leak, k), r in zip(planned, results)]
    return pd.concat(rows, ignore_index=True)


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which :func:`forecasts` or what is computed from them would fail.

    Raises:
        WindowError: with the number of days that would do.
    """
    data = windows.build(prices, settings.changed(target="close"))
    windows.check_scored_days(data, seeds.LEAST_DAYS, ["train", "test"])


def trainings(prices: Mapping[str, pd.DataFrame], settings: Settings) -> list[tuple[Training, str, int]]:
    """The trainings of :func:`forecasts`, each with its leak and the number of its seed."""
    planned = []
    for leak, scaling in (("nothing", "train"), ("scaling over everything", "all"), ("both", "all")):
        reading = settings.changed(scaling=scaling, target="close")
        for data in windows.build(prices, reading).values():
            if leak == "both":  # the test days stop the training
                data = replace(data, validation=data.test, test=data.validation)
            planned += [
                (seeds.training(data, network, reading, k, f"leak: {leak}"), leak, k)
                for k in range(1, settings.comparison_seeds + 1)
                for network in settings.networks
            ]
    return planned


def leak_check(prices: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """The honest pipeline and the leaky one under a change of later prices, with ridge as the model.

    Returns:
        One row a ticker and pipeline: ``day`` (the first test day, from which prices are changed),
        ``forecasts`` before it, ``changed`` among them, ``looked_ahead``.
    """
    rows = []
    first = settings.tickers[0]
    for scaling, gap_fill in (("train", "previous"), ("all", "linear")):
        forecast = _ridge_pipeline(first, settings.changed(scaling=scaling, gap_fill=gap_fill, target="close"))
        made = forecast(dict(prices))
        day = made.loc[made["part"] == "test", "date"].iloc[0]
        changed = alignment.changed_by_later_prices(forecast, prices, day, settings.seed)
        rows.append(
            {
                "ticker": first,
                "scaling": scaling,
                "gap_fill": gap_fill,
                "day": day.date().isoformat(),
                "forecasts": int((made["date"] <= day).sum()),
                "changed": len(changed),
                "looked_ahead": len(changed) > 0,
            }
        )
    return pd.DataFrame(rows)


def _ridge_pipeline(ticker: str, settings: Settings) -> Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]:
    """Prices to forecasts of validation and test days, through the project's own cleaning and windows."""

    def forecast(prices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        close = windows.clean(prices, settings)[ticker]["Close"]
        frame = baselines.forecast(baselines.BASELINES["ridge"], windows.build(prices, settings)[ticker], close)
        return frame[frame["part"] != "train"]

    return forecast
