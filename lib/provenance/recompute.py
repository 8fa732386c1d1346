"""A run's cheap tables computed again, from the committed tables beside them and from prices.

Cheap is everything that needs no training: statistics, unit roots, windows, cleaning, the naive forecast and every
baseline (09a, 09b, 09e), what follows from scores of single seeds and trials, corrections for many tests, power,
regimes, the leak check, intervals, layers and the ledger. Scores, tests and confidence sets of networks are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lib import settings, tables
from lib.data import cleaning, market, windows
from lib.evaluation import baselines, scoring, significance, stationarity
from lib.experiments import controls, interval_bands, leakage, seeds, walk_forward
from lib.experiments.frames import training_closes
from lib.provenance.compare import difference
from lib.provenance.folder import Folder, ProvenanceError
from lib.results import files
from lib.settings import Settings
from lib.tables.frames import MODEL

NETWORKS = {"cnn": "CNN", "lstm": "LSTM", "cnn_lstm": "CNN-LSTM", "lstm_cnn": "LSTM-CNN"}
LAYERS = {"CNN": "layers_cnn", "LSTM": "layers_lstm", "CNN-LSTM": "table_4_3", "LSTM-CNN": "table_4_4"}
NO_TRAINING = (*baselines.BASELINES, "buy and hold")
PLACE_OF_PRICES = ("source", "data_dir")
LATER = ("skill_lower", "skill_upper")  # columns that tables of earlier runs lack


@dataclass(frozen=True)
class Table:
    """A table, or some of its rows and columns, as computed now.

    Attributes:
        name: of the committed table.
        frame: what was computed.
        rows: column -> the values whose rows were computed; default all rows.
        partly: only the columns of ``frame`` were computed; default all columns.
    """

    name: str
    frame: pd.DataFrame
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partly: bool = False

    def differs(self, folder: Folder) -> str:
        """A sentence if the committed table is another one."""
        theirs = folder.table(self.name)
        for column, values in self.rows.items():
            theirs = theirs[theirs[column].isin(values)]
        ours = self.frame.drop(columns=[name for name in LATER if name in self.frame and name not in theirs])
        theirs = theirs[list(ours)] if self.partly else theirs
        differs = difference(theirs.reset_index(drop=True), ours)
        return f"tables/{self.name}.csv: {differs}" if differs else ""


Tables = Iterator[Table]


# -- from committed tables -----------------------------------------------------------------


def from_tables(folder: Folder) -> list[str]:
    """Sentences about tables that do not follow from the tables and listings beside them."""
    found = [sentence for table in _following(folder) if (sentence := table.differs(folder))]
    for scores, by_seed in (("skill", "skill_seeds"), ("leakage_scores", "leakage_seeds")):
        if folder.has(scores, by_seed):
            wrong = tables.seeds_disagree(folder.table(scores), folder.table(by_seed))
            found += [f"tables/{scores}.csv is not the mean of tables/{by_seed}.csv: {one}" for one in wrong]
    return found


def _following(folder: Folder) -> Tables:
    listings = folder.listings(folder.run["parameters"]["tickers"])
    if listings and folder.has("best_trials"):
        yield Table("best_trials", tables.best_trials(*trials_of(listings)))
    if folder.has("scores", "table_4_5"):
        yield Table("table_4_5", tables.table_4_5(folder.table("scores").astype({"seed": "Int64"})))
    for name, network in NETWORKS.items():
        if folder.has(f"hyperparameters_{name}"):
            yield Table(f"hyperparameters_{name}", tables.hyperparameters(network))
    if folder.has("replay_trainings", "replay", "replay_studies"):
        from lib.experiments import replay

        fits = folder.table("replay_trainings")
        yield Table("replay_studies", replay.studies(folder.table("replay"), fits))
        yield Table("replay_error_rate", replay.error_rate(fits))
    if folder.has("skill", "skill_seeds", "returns_or_closes"):
        yield Table("returns_or_closes", _returns_or_closes(folder.table("skill"), folder.table("skill_seeds")))
    if folder.has("leakage_scores", "leakage"):
        yield Table("leakage", tables.leak_steps(folder.table("leakage_scores")))
    if folder.has("control_runs"):
        for series, name in ((controls.WALK, "false_alarms"), (controls.SIGNAL, "planted_signal")):
            runs = folder.table("control_runs")
            yield Table(name, controls.alarm_rates(runs[runs["series"] == series]))
    yield from _corrected(folder)


def _corrected(folder: Folder) -> Tables:
    """Holm's corrections from the p-values beside them."""
    families = {"significance": ["ticker", "reading", "part"], "walk_forward": ["ticker", "scheme"]}
    for name, family in families.items():
        if folder.has(name):
            found = folder.table(name)
            tested = found[found["model"] != baselines.NAIVE]
            corrected = [c for c in found if c.endswith("_holm")]
            of = {c: tested.groupby(family)[c.removesuffix("_holm")].transform(significance.holm) for c in corrected}
            yield Table(name, found.assign(**of)[corrected], partly=True)


def _returns_or_closes(scores: pd.DataFrame, by_seed: pd.DataFrame) -> pd.DataFrame:
    """The comparison of targets from the scores of baselines and of the seeds that both targets have."""
    of_seeds = tables.common_seeds(by_seed).groupby(MODEL, sort=False)["skill"]
    of_seeds = of_seeds.agg(skill="mean", skill_spread="std").reset_index()
    of_baselines = scores.loc[scores["model"].isin(baselines.BASELINES), of_seeds.columns]
    return tables.differences(pd.concat([of_baselines, of_seeds]), "close")


def trials_of(listings: Mapping[str, Path]) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Committed listings as trials, as ``search.trial_frame`` gives them, and the naive forecast's scores by ticker.

    Args:
        listings: ticker -> ``appendix/<TICKER>_trials.csv``.
    """
    names = {"Model": "network", "R2 Score": "r2"}
    frames, naive = [], {}
    for ticker, path in listings.items():
        frame = files.read_table(path).rename(columns=lambda c: names.get(c, c.lower().replace(" ", "_")))
        of_naive = frame["network"] == baselines.NAIVE
        naive[ticker] = {name: frame.loc[of_naive, name.lower()].iloc[0] for name in ("MAE", "MSE", "R2")}
        frames.append(frame[~of_naive].drop(columns="duration").assign(ticker=ticker))
    # A listing has the hyperparameters of all networks; trials have those of the networks that were run.
    return pd.concat(frames, ignore_index=True).dropna(axis="columns", how="all"), naive


# -- from prices ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Priced:
    """A run's folder with the prices that it was computed from.

    Attributes:
        folder: the run's.
        chosen: the run's own parameters, with the present place of the prices.
        prices: ticker -> daily prices.
    """

    folder: Folder
    chosen: Settings
    prices: Mapping[str, pd.DataFrame]

    @cached_property
    def clean(self) -> dict[str, pd.DataFrame]:
        """Ticker -> clean prices."""
        return windows.clean(self.prices, self.chosen)

    @cached_property
    def data(self) -> dict[str, windows.Dataset]:
        """Ticker -> windows."""
        return windows.build(self.prices, self.chosen)


def priced(folder: Folder, overrides: Mapping[str, Any]) -> Priced:
    """A folder with its prices.

    Args:
        folder: the run's.
        overrides: where the prices are now: ``source`` and ``data_dir``.

    Raises:
        ProvenanceError: another parameter is to be changed, or the prices are not those of the run.
        ProjectError: prices cannot be loaded, or a parameter is not usable.
    """
    other = sorted(set(overrides) - set(PLACE_OF_PRICES))
    if other:
        raise ProvenanceError(
            f"-p {', '.join(other)}: a run is checked with its own parameters;"
            f" allowed are {' and '.join(PLACE_OF_PRICES)}"
        )
    file = settings.load(folder.project / folder.run["parameter_file"]).plain()
    # A parameter that is new since the run has the value of the run's parameter file.
    own = {key: folder.run["parameters"].get(key, value) for key, value in file.items()}
    chosen = settings.check({**own, **overrides}, f"{folder.name}/run.json")
    prices = market.prices_of(chosen)
    other = [t for t, facts in market.digest(prices).items() if facts != folder.run["data"].get(t)]
    if other:
        raise ProvenanceError(
            f"the prices of {', '.join(other)} are not those of {folder.name}, so nothing can be compared."
            " Their digests are in its run.json"
        )
    return Priced(folder, chosen, prices)


def from_prices(run: Priced, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Sentences about tables that do not come from the prices by the present code.

    Args:
        run: the folder with its prices.
        progress: called with the name of each table.
    """
    found = []
    for compute in (_prices, _windows, _naive, _skill, _walk_forward, _leaks, _intervals, _controls, _replay):
        for table in compute(run):
            if run.folder.has(table.name):
                progress(table.name)
                found.append(table.differs(run.folder))
    return [*filter(None, found), *_naive_listings_wrong(run)]


def with_networks(run: Priced) -> list[str]:
    """Sentences about layers and the ledger, for which networks are built but not trained; starts TensorFlow."""
    from lib.networks import runtime

    runtime.start(run.chosen.threads)
    found = [*_layers(run), *_ledger(run)]
    return [sentence for table in found if run.folder.has(table.name) and (sentence := table.differs(run.folder))]


def _prices(run: Priced) -> Tables:
    closes = {ticker: frame["Close"] for ticker, frame in run.prices.items()}
    yield Table("table_4_1", tables.table_4_1(closes))
    clean = {ticker: frame["Close"] for ticker, frame in run.clean.items()}
    yield Table("table_4_2", tables.table_4_2(stationarity.unit_root_table(clean, run.chosen.unit_root_trend)))


def _windows(run: Priced) -> Tables:
    counts = tables.window_counts(run.data)
    for name in ("windows", *(f"windows_{network}" for network in NETWORKS)):
        yield Table(name, counts)
    for ticker, frame in run.clean.items():
        until = windows.fit_until(run.data[ticker].days, run.chosen)
        rules = {
            rule: cleaning.treat_outliers(frame, rule, run.chosen.outlier_iqr, until) for rule in ("cap", "median")
        }
        yield Table(f"cleaning_{ticker}", tables.cleaning_steps(run.prices[ticker], frame, rules))


def _naive(run: Priced) -> Tables:
    """The naive forecast's rows in the tables of scores; as a network's forecasts, it gives them."""
    frames = {ticker: {"none": _naive_forecasts(data)} for ticker, data in run.data.items()}
    scores = scoring.run_scores(frames, run.data, {})
    ours = scores[scores["model"] == baselines.NAIVE]
    for name in ("scores", *(f"scores_{network}" for network in NETWORKS)):
        yield Table(name, ours, {"model": (baselines.NAIVE,)})


def _naive_forecasts(data: windows.Dataset) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame(
            {
                "actual_usd": part.actual_usd,
                "predicted_usd": part.last_close_usd,
                "naive_usd": part.last_close_usd,
                "part": part.name,
            }
        )
        for part in data.parts
    )


def _naive_listings_wrong(run: Priced) -> Iterator[str]:
    for ticker, path in run.folder.listings(run.data).items():
        theirs = trials_of({ticker: path})[1][ticker]
        differs = difference(
            pd.DataFrame([theirs]), pd.DataFrame([scoring.naive_scores(run.data[ticker])])[list(theirs)]
        )
        if differs:
            yield f"appendix/{path.name}: naive forecast: {differs}"


def _skill(run: Priced) -> Tables:
    if not run.folder.has("skill", "significance"):
        return
    frame, training_usd = (of(run.prices, run.chosen) for of in (seeds.baseline_forecasts, training_closes))
    # Corrected p-values and luck depend on the networks too.
    made = {
        "skill": tables.mean_scores(frame, training_usd),
        "significance": tables.better_than_naive(frame).drop(columns=["p_better_holm", "p_direction_holm"]),
        "direction": tables.directions(frame),
        "alignment": tables.alignments(frame),
        "trading": tables.trading_rules(frame).drop(columns=["luck", "deflated"]),
    }
    for name, ours in made.items():
        yield Table(name, ours, {"model": NO_TRAINING}, partly=True)
    yield Table("power", tables.power_by_skill(run.folder.table("significance"), training_usd))


def _walk_forward(run: Priced) -> Tables:
    if run.folder.has("walk_forward"):
        frame = walk_forward.baseline_forecasts(run.prices, run.chosen)
        ours = tables.walk_forward_skill(frame).drop(columns="p_better_holm")
        yield Table("walk_forward", ours, {"model": NO_TRAINING}, partly=True)
        yield Table("regimes", tables.regimes(frame))


def _leaks(run: Priced) -> Tables:
    if run.folder.has("leak_check"):
        yield Table("leak_check", leakage.leak_check(run.prices, run.chosen))


def _intervals(run: Priced) -> Tables:
    if run.folder.has("intervals"):
        bands = interval_bands.bands({t: frame["Close"] for t, frame in run.prices.items()}, run.data)
        yield Table("intervals", tables.interval_scores(bands, ["level"]))
        yield Table("intervals_by_horizon", tables.interval_scores(bands, ["level", "horizon"]))


def _controls(run: Priced) -> Tables:
    """Baselines on simulated series, which need no prices but some seconds."""
    if run.folder.has("control_runs"):
        for series in (controls.WALK, controls.SIGNAL):
            ours = controls.runs_on(series, controls.number_of_runs(series, run.chosen), run.chosen.seed)
            rows = {"series": (series,), "model": tuple(controls.QUICK_MODELS)}
            yield Table("control_runs", ours, rows, partly=True)
        yield Table("shifted_forecasts", tables.shifted_forecasts(run.chosen.seed))


def _replay(run: Priced) -> Tables:
    if run.folder.has("replay_trainings"):
        from lib.experiments import protocol, replay

        later = replay.later_prices(run.chosen)
        yield Table("protocol_days", protocol.days(later or run.prices, run.chosen))
        rows, data = replay.published(run.chosen), replay.data_of(run.prices, later, run.chosen)
        fits = run.folder.table("replay_trainings")
        planned = pd.DataFrame([about for _, about in replay.planned(rows, data, run.chosen)])
        which = [*replay.TRIAL, "seed_number"]  # of a replay that goes on elsewhere, those that are finished
        # A changed hyperparameter, option or window is another key.
        yield Table("replay_trainings", planned.merge(fits[which], on=which), partly=True)
        yield Table("replay", replay.table(rows, fits, data))


def _layers(run: Priced) -> Tables:
    from lib import networks, thesis

    shape = next(iter(run.data.values())).input_shape
    for network, name in LAYERS.items():
        hyperparameters = thesis.best_hyperparameters(network)
        model = networks.build(network, hyperparameters, shape, networks.variant(run.chosen))
        yield Table(name, tables.layers(network, model))


def _ledger(run: Priced) -> Tables:
    """The ledger from prices and the tables of trainings that notebook 10 reads."""
    if not run.folder.has("claims"):
        return
    from lib import ledger

    rows = ledger.claims()
    frame = ledger.judge(rows, ledger.collect(run.prices, rows, run.chosen, run.folder.root))
    # Names of functions (``how`` and the table by function) may change with the code; what they compute may not.
    yield Table("claims", frame.drop(columns="how"), partly=True)
    yield Table("claims_summary", ledger.summary(frame))
