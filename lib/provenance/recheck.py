"""A quick, fixed part of every notebook's results computed again from prices.

For a change of code that should not change a number. Everything that needs no training is computed
whole: statistics, unit-root tests, windows, layers, naive scores, baselines, intervals, controls, the
ledger. Of the trainings one is made again for each network: the completed trial with the fewest
parameters times epochs; for the notebooks that judge them see ``lib.provenance.judged``. Where processor, packages
and threads are those of the run, equal means the same bits. Elsewhere numbers may be :data:`NEAR` apart,
and the error of a training :data:`NEAR_TRAINED`, as the last digits grow with every step. That much room
was chosen, not measured, and a small change of the code can hide in it: a slope of 0.11 for 0.1 in LeakyReLU
moved these errors by less than one percent. So a stamp keeps how it was rechecked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lib import settings, tables
from lib.data import market, windows
from lib.evaluation import baselines, metrics, scoring, stationarity
from lib.networks import training
from lib.provenance import judged
from lib.provenance.committed import Folder, ProvenanceError, exact, recomputed_wrong, table_differs, trials_of
from lib.provenance.parts import Near, Part, error_differs
from lib.results import machine

NEAR = 1e-6
NEAR_TRAINED = 0.25
# Notebook -> network; what each of the four leaves has the network's name at its end.
NETWORK_OF = {"04_cnn": "CNN", "05_lstm": "LSTM", "06_cnn_lstm": "CNN-LSTM", "07_lstm_cnn": "LSTM-CNN"}
LAYERS = {"CNN": "layers_cnn", "LSTM": "layers_lstm", "CNN-LSTM": "table_4_3", "LSTM-CNN": "table_4_4"}
REPLAY = "08b_replay"
STARTING = ("source", "data_dir")


@dataclass(frozen=True)
class Outcome:
    """What a recheck found.

    Attributes:
        parts: everything that was computed again, in the order of the notebooks.
        elsewhere: notebook -> in what this machine differs from the one that it ran on; empty for the same bits.
        uncovered: notebooks of the run of which nothing is computed again, or that train and none of whose kind was.
    """

    parts: list[Part]
    elsewhere: dict[str, list[str]]
    uncovered: list[str]

    @property
    def equal(self) -> bool:
        """Whether every part was."""
        return not any(part.differs for part in self.parts)

    def how(self, notebook: str) -> str:
        """What equal means for a notebook here."""
        return f"within {NEAR:g}, trainings within {NEAR_TRAINED:g}" if self.elsewhere[notebook] else "the same bits"


def chosen_for(folder: Folder, overrides: Mapping[str, Any]) -> settings.Settings:
    """The run's own parameters, with the prices from where they are now.

    Raises:
        ProvenanceError: something else than the place of the prices was to be changed.
        settings.SettingsError: a parameter is not usable.
    """
    other = sorted(set(overrides) - set(STARTING))
    if other:
        raise ProvenanceError(
            f"-p {', '.join(other)}: a recheck takes the run's own parameters; only {' and '.join(STARTING)} may be given"
        )
    return settings.check({**present_parameters(folder), **overrides}, f"{folder.name}/run.json")


def present_parameters(folder: Folder) -> dict[str, Any]:
    """The run's parameters by the keys there are now; one that is new since then is as in the run's parameter file."""
    file = settings.load(folder.project / folder.run["parameter_file"]).plain()
    return {key: folder.run["parameters"].get(key, value) for key, value in file.items()}


def run(
    folder: Folder, overrides: Mapping[str, Any], trainings: bool = True, told: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Compute the quick part again and hold it against the committed results.

    Args:
        folder: the run's folder.
        overrides: where the prices are now: ``source`` and ``data_dir``.
        trainings: whether networks are built and trained too (starts TensorFlow, some seconds each).
        told: called with a line about what is being done.

    Raises:
        ProvenanceError: the prices are not those of the run.
        ProjectError: prices cannot be had, or parameters are not usable.
    """
    chosen = chosen_for(folder, overrides)
    prices = market.load(chosen.source, chosen.tickers, chosen.start_date, chosen.end_date, chosen.data_dir)
    other = [t for t, facts in market.digest(prices).items() if facts != folder.run["data"].get(t)]
    if other:
        raise ProvenanceError(
            f"the prices of {', '.join(other)} are not those of {folder.name}: nothing can be compared"
        )
    elsewhere = {
        notebook: machine.differences(folder.run, notebook, record["facts"].get("trainings", {}).get("made_on", ()))
        for notebook, record in folder.records.items()
    }

    def near(notebook: str) -> float:
        return NEAR if elsewhere[notebook] else 0.0

    def near_trained(notebook: str) -> float:
        return NEAR_TRAINED if elsewhere[notebook] else 0.0

    data = windows.build(prices, chosen)
    parts = [
        Part(
            notebook, f"tables/{name}.csv", table_differs(folder.root / "tables" / f"{name}.csv", frame, near(notebook))
        )
        for notebook, name, frame in _untrained(folder, prices, data, chosen)
    ]
    parts += _naive_rows(folder, data, near)
    owner = next((name for name in ("09_comparison", "08_tuning", REPLAY) if name in folder.records), None)
    if owner:
        parts.append(Part(owner, "tables that follow from other committed tables", "; ".join(recomputed_wrong(folder))))
    parts += judged.untrained(folder, prices, data, chosen, near)
    if trainings:
        from lib.networks import runtime

        runtime.start(chosen.threads)
        parts += _layers(folder, data, chosen, near)
        parts += _trainings(folder, data, chosen, near_trained, told)
        parts += _replayed(folder, prices, data, chosen, near, near_trained, told) if REPLAY in folder.records else []
        parts += judged.trained(folder, prices, chosen, near_trained, told) + judged.ledger(
            folder, prices, chosen, near
        )
    trained = {part.notebook for part in parts if part.trained}
    covered = {part.notebook for part in parts} - ({"08_tuning", REPLAY, *NETWORK_OF, *judged.TRAINING} - trained)
    parts.sort(key=lambda part: part.notebook)
    return Outcome(parts, elsewhere, [name for name in folder.records if name not in covered])


def _untrained(
    folder: Folder, prices: Mapping[str, pd.DataFrame], data: Mapping[str, windows.Dataset], chosen: settings.Settings
) -> list[tuple[str, str, pd.DataFrame]]:
    """(notebook, table, frame) of what 01 to 07 compute without training, as their cells do."""
    from lib.data import cleaning

    filled = windows.clean(prices, chosen)
    counts = tables.window_counts(data)
    made = [
        ("01_data", "table_4_1", tables.table_4_1({t: frame["Close"] for t, frame in prices.items()})),
        (
            "02_stationarity",
            "table_4_2",
            tables.table_4_2(
                stationarity.unit_root_table({t: frame["Close"] for t, frame in filled.items()}, chosen.unit_root_trend)
            ),
        ),
        ("03_preprocessing", "windows", counts),
    ]
    for ticker, frame in filled.items():
        until = windows.fit_until(data[ticker].days, chosen)
        rules = {r: cleaning.treat_outliers(frame, r, chosen.outlier_iqr, until) for r in ("cap", "median")}
        made.append(("03_preprocessing", f"cleaning_{ticker}", tables.cleaning_steps(prices[ticker], frame, rules)))
    for notebook, network in NETWORK_OF.items():
        ending = notebook.partition("_")[2]
        made += [
            (notebook, f"windows_{ending}", counts),
            (notebook, f"hyperparameters_{ending}", tables.hyperparameters(network)),
        ]
    return [(notebook, name, frame) for notebook, name, frame in made if notebook in folder.records]


def _naive_rows(folder: Folder, data: Mapping[str, windows.Dataset], near: Near) -> list[Part]:
    """The naive forecast's rows in every table of scores and in every listing."""
    frames = {
        ticker: {
            "none": pd.concat(
                [
                    pd.DataFrame(
                        {
                            "actual_usd": p.actual_usd,
                            "predicted_usd": p.last_close_usd,
                            "naive_usd": p.last_close_usd,
                            "part": p.name,
                        }
                    )
                    for p in windows_of.parts
                ],
                ignore_index=True,
            )
        }
        for ticker, windows_of in data.items()
    }
    parts = []
    for notebook, name in [(n, f"scores_{n.partition('_')[2]}") for n in NETWORK_OF] + [("09_comparison", "scores")]:
        path = folder.root / "tables" / f"{name}.csv"
        if notebook not in folder.records or not path.is_file():
            continue
        ours = scoring.run_scores(frames, data, {})
        theirs = exact(path)
        differs = _frames_differ(
            theirs[theirs["model"] == baselines.NAIVE], ours[ours["model"] == baselines.NAIVE], near(notebook)
        )
        parts.append(Part(notebook, f"naive rows of tables/{name}.csv", differs))
    for ticker, windows_of in data.items():
        path = folder.root / "appendix" / f"{ticker}_trials.csv"
        if "08_tuning" in folder.records and path.is_file():
            theirs, ours = trials_of({ticker: path})[1][ticker], scoring.naive_scores(windows_of)
            off = [
                f"{k} {theirs[k]!r} there, {ours[k]!r} computed"
                for k in theirs
                if abs(theirs[k] - ours[k]) > near("08_tuning") * abs(theirs[k])
            ]
            parts.append(Part("08_tuning", f"naive row of appendix/{ticker}_trials.csv", "; ".join(off)))
    return parts


def _layers(folder: Folder, data: Mapping[str, windows.Dataset], chosen: settings.Settings, near: Near) -> list[Part]:
    from lib import networks, thesis

    shape, parts = next(iter(data.values())).input_shape, []
    for notebook, network in NETWORK_OF.items():
        if notebook in folder.records:
            model = networks.build(network, thesis.best_hyperparameters(network), shape, networks.variant(chosen))
            path = folder.root / "tables" / f"{LAYERS[network]}.csv"
            parts.append(
                Part(
                    notebook, f"tables/{path.name}", table_differs(path, tables.layers(network, model), near(notebook))
                )
            )
    return parts


def smallest_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Of each network the completed trial with the fewest parameters times epochs, over all tickers."""
    done = trials[trials["state"] == "complete"].assign(work=lambda t: t["parameters"] * t["epochs_run"])
    return done.sort_values(["work", "ticker", "trial"]).groupby("network", sort=True).head(1).sort_values("network")


def _trainings(
    folder: Folder,
    data: Mapping[str, windows.Dataset],
    chosen: settings.Settings,
    near_trained: Near,
    told: Callable[[str], None],
) -> list[Part]:
    from lib.experiments import trainings

    listings = {t: folder.root / "appendix" / f"{t}_trials.csv" for t in chosen.tickers}
    if "08_tuning" not in folder.records or not all(path.is_file() for path in listings.values()):
        return []
    trials, parts = trials_of(listings)[0], []
    for row in smallest_trials(trials).to_dict("records"):
        network, ticker = row["network"], row["ticker"]
        hyperparameters = trainings.own_hyperparameters(network, row)
        told(f"training {network} on {ticker} as in trial {row['trial']:.0f}, {row['epochs_run']:.0f} epochs")
        fit = training.fit(network, hyperparameters, data[ticker], chosen, int(row["seed"]))
        part = data[ticker].validation
        predicted = data[ticker].forecast_scaled(part, training.predict(fit.model, part.X))
        mse = metrics.scores(data[ticker].to_scaled(part.actual_usd), predicted)["MSE"]
        differs = error_differs(row["mse"], mse, near_trained("08_tuning"))
        # The four notebooks of single networks train with the same code as the search.
        owners = ["08_tuning", *(n for n, of in NETWORK_OF.items() if of == network and n in folder.records)]
        parts += [
            Part(owner, f"{network} trained as in trial {row['trial']:.0f} of {ticker}", differs, trained=True)
            for owner in owners
        ]
    return parts


def _replayed(
    folder: Folder,
    prices: Mapping[str, pd.DataFrame],
    data: Mapping[str, windows.Dataset],
    chosen: settings.Settings,
    near: Near,
    near_trained: Near,
    told: Callable[[str], None],
) -> list[Part]:
    """The replay's table from its trainings, and of each network the training that took least time, made again."""
    from lib.experiments import replay, trainings
    from lib.experiments.trainings import Trained, Training

    fits = exact(folder.root / "tables" / "replay_trainings.csv")
    printed = replay.printed_trials(chosen.tickers, chosen.networks, chosen.replay_trials)
    parts = [
        Part(
            REPLAY,
            "tables/replay.csv",
            table_differs(folder.root / "tables" / "replay.csv", replay.table(printed, fits, data), near(REPLAY)),
        )
    ]
    best = (
        fits[fits["weights"] == "best"]
        .sort_values(["seconds", "ticker", "trial"])
        .groupby("network")
        .head(1)
        .sort_values("network")
    )
    for row in best.to_dict("records"):
        reading = chosen.changed(inputs=row["inputs"], restore_best_weights=True)
        of = printed[
            (printed["ticker"] == row["ticker"])
            & (printed["network"] == row["network"])
            & (printed["trial"] == row["trial"])
        ].iloc[0]
        name = f"{row['network']} trained again as in trial {row['trial']} of {row['ticker']}, {row['inputs']}, seed {row['seed_number']}"
        told(name)
        wanted = Training(
            name, row["network"], of, int(row["seed"]), windows.build(prices, reading)[row["ticker"]], reading, ""
        )
        mse = replay.score(Trained(wanted, **trainings.make(wanted, lambda _: None)), "best")["mse"]
        parts.append(Part(REPLAY, name, error_differs(row["mse"], mse, near_trained(REPLAY)), trained=True))
    return parts


def _frames_differ(theirs: pd.DataFrame, ours: pd.DataFrame, near: float) -> str:
    keys = ["ticker", "part", "unit"]
    both = theirs.merge(ours, on=keys, how="outer", suffixes=("_there", "_here"))
    for row in both.to_dict("records"):
        for name in (*metrics.NAMES, "skill", "days"):
            there, here = row[f"{name}_there"], row[f"{name}_here"]
            if not (pd.isna(there) and pd.isna(here)) and not (
                there == here or abs(there - here) <= near * max(abs(there), abs(here))
            ):
                return f"{row['ticker']}, {row['part']}, {row['unit']}: {name} {there!r} there, {here!r} computed"
    return ""
