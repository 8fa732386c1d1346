"""What of the notebooks that judge the networks (09a to 09e) and of the ledger (10) a recheck computes again.

Whole: the rows of all baselines, what follows from other committed tables, regimes, the power of the
tests, the leak check, intervals, baselines in the controls, the ledger with its verdicts. Not without all trainings: means
over seeds, confidence sets, corrections for many tests, and what is computed from every model's losses.
Of the trainings: each network once on log returns and the CNN on closes (09a), of each network the trial
with the fewest epochs (09b), the CNN with each leak (09c), each network on the first random walk (09e).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lib import experiments
from lib.data import windows
from lib.evaluation import baselines
from lib.experiments import controls, trainings
from lib.provenance.committed import Folder, exact, frames_differ, table_differs
from lib.provenance.parts import Near, Part, error_differs
from lib.settings import Settings
from lib.tables import skill

SKILL, FORWARD, LEAKAGE = "09a_skill", "09b_walk_forward", "09c_leakage"
INTERVALS, CONTROLS, LEDGER = "09d_intervals", "09e_controls", "10_claims"
TRAINING = (SKILL, FORWARD, LEAKAGE, CONTROLS)
HOLD = "buy and hold"
Prices = Mapping[str, pd.DataFrame]


def untrained(
    folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: Near
) -> list[Part]:
    """Everything of 09a to 09e that needs no training, as their cells compute it.

    Args:
        folder: the run's folder.
        prices: those of the run.
        data: windows of each ticker.
        chosen: the run's parameters.
        near: notebook -> how far its numbers may be apart, as a share; 0 for the same bits.
    """
    rooms = {SKILL: _skill, FORWARD: _forward, LEAKAGE: _leakage, INTERVALS: _intervals, CONTROLS: _controls}
    parts = []
    for notebook, room in rooms.items():
        if notebook in folder.records:
            parts += [
                Part(notebook, what, differs) for what, differs in room(folder, prices, data, chosen, near(notebook))
            ]
    return parts


Found = Iterator[tuple[str, str]]


def _skill(folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: float) -> Found:
    frame, training_usd = experiments.seed_baselines(prices, chosen), experiments.training_closes(prices, chosen)
    scores = exact(_table(folder, "skill"))
    made = {
        "skill": (skill.score_table(frame, training_usd), ()),
        "significance": (skill.test_table(frame), ("p_better_holm", "p_direction_holm")),
        "direction": (skill.direction_table(frame), ()),
        "alignment": (skill.alignment_table(frame), ()),
        "trading": (skill.trading_table(frame), ("luck", "deflated")),
    }
    for name, (ours, of_all_models) in made.items():
        yield f"baselines in tables/{name}.csv", _baselines_differ(_table(folder, name), ours, of_all_models, near)
    power = skill.power_table(exact(_table(folder, "significance")), training_usd)
    yield "tables/power.csv", table_differs(_table(folder, "power"), power, near)
    yield "tables/returns_or_closes.csv", _returns_differ(folder, scores, exact(_table(folder, "skill_seeds")))
    yield (
        "means and ranges of tables/skill_seeds.csv",
        "; ".join(skill.seeds_disagree(scores, exact(_table(folder, "skill_seeds")))),
    )


def _returns_differ(folder: Folder, scores: pd.DataFrame, by_seed: pd.DataFrame) -> str:
    """The comparison of targets from the scores of baselines and of single seeds; means may differ in the last digits."""
    of_seeds = (
        skill.common_seeds(by_seed)
        .groupby(skill.GROUP, sort=False)["skill"]
        .agg(skill="mean", skill_spread="std")
        .reset_index()
    )
    ours = skill.differences(
        pd.concat([scores.loc[scores["model"].isin(baselines.BASELINES), of_seeds.columns], of_seeds]), "close"
    )
    return table_differs(_table(folder, "returns_or_closes"), ours, 1e-9)


def _forward(
    folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: float
) -> Found:
    frame = experiments.walk_forward_baselines(prices, chosen)
    ours = skill.across_folds(frame)
    yield (
        "baselines in tables/walk_forward.csv",
        _baselines_differ(_table(folder, "walk_forward"), ours, ("p_better_holm",), near),
    )
    yield "tables/regimes.csv", table_differs(_table(folder, "regimes"), skill.regimes(frame), near)


def _leakage(
    folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: float
) -> Found:
    scores = exact(_table(folder, "leakage_scores"))
    yield (
        "tables/leak_check.csv",
        table_differs(_table(folder, "leak_check"), experiments.leak_check(prices, chosen), near),
    )
    yield "tables/leakage.csv", table_differs(_table(folder, "leakage"), skill.leak_steps(scores), near)
    yield (
        "means and ranges of tables/leakage_seeds.csv",
        "; ".join(skill.seeds_disagree(scores, exact(_table(folder, "leakage_seeds")))),
    )


def _intervals(
    folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: float
) -> Found:
    closes = {ticker: frame["Close"] for ticker, frame in windows.clean(prices, chosen).items()}
    bands = experiments.interval_bands(closes, data)
    for name, by in (("intervals", ["level"]), ("intervals_by_horizon", ["level", "horizon"])):
        yield f"tables/{name}.csv", table_differs(_table(folder, name), skill.interval_table(bands, by), near)


def _controls(
    folder: Folder, prices: Prices, data: Mapping[str, windows.Dataset], chosen: Settings, near: float
) -> Found:
    runs = exact(_table(folder, "control_runs"))
    for series, name in ((controls.WALK, "false_alarms"), (controls.SIGNAL, "planted_signal")):
        theirs, ours = (
            runs[runs["series"] == series],
            controls.runs_on(series, experiments.control_runs(series, chosen), chosen.seed),
        )
        quick = theirs.loc[theirs["model"].isin(controls.QUICK_MODELS), list(ours)].reset_index(drop=True)
        yield f"baselines in tables/control_runs.csv, {series}", frames_differ(quick, ours, near)
        yield f"tables/{name}.csv", table_differs(_table(folder, name), controls.alarm_rates(theirs), near)
    yield (
        "tables/shifted_forecasts.csv",
        table_differs(_table(folder, "shifted_forecasts"), skill.shift_table(chosen.seed), near),
    )


def trained(folder: Folder, prices: Prices, chosen: Settings, near: Near, told: Callable[[str], None]) -> list[Part]:
    """One training of each kind made again; TensorFlow must have been started.

    Args:
        near: notebook -> how far its squared errors may be apart, as a share; 0 for the same bits.
        told: called with a line about each training.
    """
    parts = []
    if SKILL in folder.records:
        wanted = [("log_return", n) for n in chosen.networks] + [("close", n) for n in chosen.networks if n == "CNN"]
        planned = _first_of(experiments.seed_trainings(prices, chosen), wanted)
        parts += _seeds_again(SKILL, exact(_table(folder, "skill_seeds")), planned, near(SKILL), told)
    if FORWARD in folder.records:
        parts += _forward_again(folder, prices, chosen, near(FORWARD), told)
    if LEAKAGE in folder.records:
        wanted = [
            (leak, n)
            for leak in experiments.LEAKS
            for n in chosen.networks
            if n == "CNN" or "CNN" not in chosen.networks
        ]
        planned = _first_of(experiments.leak_trainings(prices, chosen), wanted)
        parts += _seeds_again(LEAKAGE, exact(_table(folder, "leakage_seeds")), planned, near(LEAKAGE), told)
    if CONTROLS in folder.records:
        parts += _controls_again(folder, chosen, near(CONTROLS), told)
    return parts


def ledger(folder: Folder, prices: Prices, chosen: Settings, near: Near) -> list[Part]:
    """The ledger with its verdicts, from prices and from the scores, seeds and replay that are committed."""
    if LEDGER not in folder.records:
        return []
    from lib import ledger
    from lib.data import market
    from lib.results import artifacts

    here = chosen.changed(output_dir=str(folder.root))
    store = artifacts.Store(here, LEDGER)
    store.fact(data=market.digest(prices))
    rows = ledger.claims()
    scores = ledger.if_there(lambda: store.find_table("scores", "09_comparison"))
    replay = ledger.if_there(lambda: ledger.replayed(here, market.digest(prices)))
    seeds = ledger.if_there(lambda: ledger.several_seeds(store))
    replayed, agreement = replay[0] or (None, None)
    why = {"scores": scores[1], "trainings": replay[1], "seeds": seeds[1]}
    evidence = ledger.Evidence(prices, rows, scores[0], replayed, agreement, seeds[0], why, here.inputs)
    frame = ledger.judge(rows, evidence)
    made = {"claims": frame, "claims_summary": ledger.summary(frame), "claims_checks": ledger.by_check(rows, frame)}
    return [
        Part(LEDGER, f"tables/{name}.csv", table_differs(_table(folder, name), ours, near(LEDGER)))
        for name, ours in made.items()
    ]


def _table(folder: Folder, name: str) -> Path:
    return folder.root / "tables" / f"{name}.csv"


def _baselines_differ(path: Path, ours: pd.DataFrame, of_all_models: Sequence[str], near: float) -> str:
    """Rows of baselines, without columns that depend on the other models as well."""
    if not path.is_file():
        return "it is missing"
    theirs = exact(path)
    mine = (
        theirs[theirs["model"].isin([*baselines.BASELINES, HOLD])]
        .drop(columns=list(of_all_models))
        .reset_index(drop=True)
    )
    return frames_differ(mine, ours.drop(columns=list(of_all_models)), near)


def _first_of(planned: Sequence[experiments.Planned], wanted: Sequence[tuple[str, str]]) -> list[experiments.Planned]:
    """Of each reading and network the first training."""
    found = {}
    for one in planned:
        found.setdefault((one.about["reading"], one.training.network), one)
    return [found[name] for name in wanted if name in found]


def _made(planned: experiments.Planned, told: Callable[[str], None]) -> trainings.Trained:
    told(f"training {planned.training.name}")
    return trainings.Trained(planned.training, **trainings.make(planned.training, lambda _: None))


def _seeds_again(
    notebook: str,
    committed: pd.DataFrame,
    planned: Sequence[experiments.Planned],
    near: float,
    told: Callable[[str], None],
) -> list[Part]:
    parts = []
    keys = [*skill.GROUP, "seed_number", "seed"]
    for one in planned:
        ours = skill.seed_table(experiments.long_frame(_made(one, told), **one.about))
        both = ours.merge(committed, on=keys, how="left", suffixes=("", "_there"))
        differs = [error_differs(row["MSE_there"], row["MSE"], near) for row in both.to_dict("records")]
        parts.append(
            Part(notebook, f"{one.training.name} trained again", "; ".join(filter(None, differs)), trained=True)
        )
    return parts


def _controls_again(folder: Folder, chosen: Settings, near: float, told: Callable[[str], None]) -> list[Part]:
    rows = exact(_table(folder, "control_runs")).set_index(["series", "run", "model"])
    parts = []
    for one in experiments.control_trainings(controls.WALK, chosen.model_copy(update={"control_runs": 1})):
        again = experiments.control_row(_made(one, told), one)
        there = rows.loc[(controls.WALK, again["run"], again["model"]), "skill"]
        differs = error_differs(1 - there, 1 - again["skill"], near)
        parts.append(Part(CONTROLS, f"{one.training.name} trained again", differs, trained=True))
    return parts


def _forward_again(
    folder: Folder, prices: Prices, chosen: Settings, near: float, told: Callable[[str], None]
) -> list[Part]:
    rows = exact(_table(folder, "walk_forward_trials")).sort_values(["epochs_run", "ticker", "scheme", "fold", "trial"])
    shortest = rows[rows["validation_mse"].notna()].groupby("network").head(1).sort_values("network")
    keys = ("ticker", "network", "scheme", "fold", "trial")
    planned = {tuple(p.about[k] for k in keys): p for p in experiments.walk_forward_trainings(prices, chosen)}
    parts = []
    for row in shortest.to_dict("records"):
        one = planned[tuple(row[k] for k in keys)]
        again = experiments.walk_forward_row(_made(one, told), one)
        differs = error_differs(row["validation_mse"], again["validation_mse"], near)
        parts.append(Part(FORWARD, f"{one.training.name} trained again", differs, trained=True))
    return parts
