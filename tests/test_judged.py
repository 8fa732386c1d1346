"""What a recheck computes again of 09a to 10: equal on results of the same code, and every changed number is seen."""

import base64
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib import artifacts, baselines, claims, controls, experiments, market, resampling, significance, skill, thesis, trainings, windows
from lib.claims.evidence import END, START
from lib.kept import Kept
from lib.provenance import judged
from lib.trainings import Trained

TICKER = "BTC-USD"


@pytest.fixture
def chosen(tiny):
    return tiny(networks=["CNN", "LSTM"], evaluation_seeds=3, comparison_seeds=2, folds=2, fold_trials=2, tickers=[TICKER], control_runs=20)


def result(training):
    """In place of a training: the window's last value and a shift that its seed decides."""
    def encoded(part):
        values = getattr(training.data, part).X[:, -1, 0] + np.float32(training.seed % 1000 / 1e5)
        return base64.b64encode(values.astype("<f4").tobytes()).decode()

    epochs = 3 + training.seed % 5
    return {"epochs_run": epochs, "best_epoch": 2, "seconds": 0.1, "parameters": 10, "forecasts": {f"{p}, best": encoded(p) for p in trainings.PARTS}}


def exactly(notebook):
    return 0.0


@pytest.fixture
def run(chosen, random_walk, tmp_path, monkeypatch):
    """Tables of 09a to 09e, made as the notebooks make them, with something quick in place of training, of long simulations and slow baselines."""
    monkeypatch.setattr(trainings, "make", lambda wanted, note: result(wanted))
    monkeypatch.setattr(trainings, "run", lambda wanted, kept, chosen, told="": [Trained(t, **result(t)) for t in wanted])
    for name in set(baselines.BASELINES) - {"naive", "drift", "moving average", "ridge"}:
        monkeypatch.setitem(baselines.BASELINES, name, baselines.moving_average)
    power = significance.simulated_power
    monkeypatch.setattr(significance, "simulated_power", lambda days, skill, **given: power(days, skill, **{**given, "repetitions": 20}))
    monkeypatch.setattr(resampling, "over_seeds", partial(resampling.over_seeds, repetitions=40))
    short_runs = controls.short_runs
    monkeypatch.setattr(controls, "short_runs", lambda runs=200, **given: short_runs(runs=min(runs, 3), days=200, **given))
    prices = random_walk(days=420)
    kept, data = Kept(tmp_path / "k.db"), windows.build(prices, chosen)
    training_usd = experiments.training_closes(prices, chosen)
    seeds, (forward, tried), leaks = experiments.seeds(prices, chosen, kept), experiments.walk_forward(prices, chosen, kept), experiments.leaks(prices, chosen, kept)
    scores, leak_scores = skill.score_table(seeds, training_usd), skill.score_table(leaks, training_usd)
    closes = {t: f["Close"] for t, f in windows.clean(prices, chosen).items()}
    bands = experiments.interval_bands(closes, data)
    made = {
        "skill": scores, "skill_seeds": skill.seed_table(seeds), "significance": (tests := skill.test_table(seeds)), "direction": skill.direction_table(seeds),
        "alignment": skill.alignment_table(seeds), "trading": skill.trading_table(seeds), "returns_or_closes": skill.differences(skill.score_table(skill.common_seeds(seeds), training_usd), "close"),
        "power": skill.power_table(tests, training_usd), "walk_forward": skill.across_folds(forward),
        "walk_forward_trials": tried, "regimes": skill.regimes(forward), "leakage_scores": leak_scores, "leakage_seeds": skill.seed_table(leaks),
        "leakage": skill.leak_steps(leak_scores), "leak_check": experiments.leak_check(prices, chosen),
        "intervals": skill.interval_table(bands, ["level"]), "intervals_by_horizon": skill.interval_table(bands, ["level", "horizon"]),
        "control_runs": (runs := pd.concat([experiments.on_simulated(s, chosen, kept) for s in controls.SERIES], ignore_index=True)),
        "false_alarms": controls.alarm_rates(runs[runs["series"] == controls.WALK]),
        "planted_signal": controls.alarm_rates(runs[runs["series"] == controls.SIGNAL]), "shifted_forecasts": skill.shift_table(chosen.seed),
    }
    (tmp_path / "tables").mkdir()
    for name, frame in made.items():
        frame.to_csv(tmp_path / "tables" / f"{name}.csv", index=False)
    folder = SimpleNamespace(root=tmp_path, records=dict.fromkeys((*judged.TRAINING, judged.INTERVALS), {}))
    return SimpleNamespace(
        folder=folder, untrained=lambda: judged.untrained(folder, prices, data, chosen, exactly),
        trained=lambda: judged.trained(folder, prices, chosen, exactly, lambda _: None),
    )


def change(folder, name, column, at):
    path = folder.root / "tables" / f"{name}.csv"
    frame = pd.read_csv(path)
    frame.loc[frame.index[at], column] *= 1 + 1e-6
    frame.to_csv(path, index=False)


CHANGES = [
    ("skill", "skill_upper", "baselines in tables/skill.csv"), ("significance", "p_better", "baselines in tables/significance.csv"),
    ("direction", "accuracy", "baselines in tables/direction.csv"), ("trading", "total_return", "baselines in tables/trading.csv"),
    ("power", "power_holm_real", "tables/power.csv"), ("returns_or_closes", "skill, close", "tables/returns_or_closes.csv"),
    ("walk_forward", "p_better", "baselines in tables/walk_forward.csv"), ("regimes", "return_percent", "tables/regimes.csv"),
    ("leakage", "skill, nothing", "tables/leakage.csv"), ("intervals", "winkler_percent", "tables/intervals.csv"),
    ("intervals_by_horizon", "coverage", "tables/intervals_by_horizon.csv"), ("planted_signal", "rate", "tables/planted_signal.csv"),
]


@pytest.mark.slow
def test_equal_code_gives_equal_parts_and_each_changed_number_is_seen(run):
    parts = run.untrained()
    assert {p.notebook for p in parts} == set(run.folder.records) and len(parts) == 20
    assert [f"{p.what}: {p.differs}" for p in parts if p.differs] == [] and not any(p.trained for p in parts)
    for name, column, what in CHANGES:
        rows = pd.read_csv(run.folder.root / "tables" / f"{name}.csv")
        ours = ~rows["model"].isin(["CNN", "LSTM"]) if what.startswith("baselines") else True
        change(run.folder, name, column, rows.index[rows[column].notna() & (rows[column] != 0) & ours][-1])
    seen = [p.what for p in run.untrained() if p.differs]
    assert sorted(seen) == sorted(what for _, _, what in CHANGES)


@pytest.mark.slow
def test_of_each_kind_one_training_is_made_again_and_a_changed_score_is_seen(run):
    parts = run.trained()
    assert all(p.trained and not p.differs for p in parts), [p.differs for p in parts]
    names = {p.notebook: [q.what for q in parts if q.notebook == p.notebook] for p in parts}
    assert names[judged.SKILL] == [
        f"{TICKER} CNN, log_return, seed 1 trained again", f"{TICKER} LSTM, log_return, seed 1 trained again", f"{TICKER} CNN, close, seed 1 trained again"]
    assert names[judged.LEAKAGE] == [f"{TICKER} CNN, leak: {leak}, seed 1 trained again" for leak in experiments.LEAKS]
    assert len(names[judged.FORWARD]) == 2
    assert names[judged.CONTROLS] == [f"{n}, random walk 1 trained again" for n in ("CNN", "LSTM")]
    for name in ("skill_seeds", "leakage_seeds"):
        change(run.folder, name, "MSE", 0)
    change(run.folder, "walk_forward_trials", "validation_mse", slice(None))
    runs = pd.read_csv(run.folder.root / "tables/control_runs.csv")
    change(run.folder, "control_runs", "skill", runs.index[(runs["model"] == "CNN") & (runs["run"] == 0) & (runs["series"] == controls.WALK)][0])
    assert [p.notebook for p in run.trained() if p.differs] == [judged.SKILL, judged.FORWARD, judged.FORWARD, judged.LEAKAGE, judged.CONTROLS]
    wrong = [p for p in run.untrained() if p.differs]
    assert [p.what for p in wrong] == ["means and ranges of tables/skill_seeds.csv", "means and ranges of tables/leakage_seeds.csv"]
    assert wrong[0].differs.startswith(f"{TICKER}, close, validation, CNN: MSE")


def test_a_ledger_without_seeds_and_replay_comes_back_with_the_same_reasons(tiny, tmp_path, monkeypatch):
    days = pd.date_range(START, END, freq="D")
    prices = {t: pd.DataFrame({c: np.linspace(1, 2, len(days)) for c in market.COLUMNS}, index=days) for t in thesis.APPENDIX}
    chosen = tiny(tickers=list(thesis.APPENDIX), output_dir=str(tmp_path))
    rows = {i: r for i, r in claims.ledger().items() if i in ("Appendix 1/LSTM 15", "Appendix 1/CNN-LSTM 7", "Appendix 1/CNN 3")}
    monkeypatch.setattr(claims, "ledger", lambda: rows)
    store = artifacts.Store(chosen, judged.LEDGER)
    store.fact(data=market.digest(prices))
    replay, seeds = claims.if_there(lambda: claims.replayed(chosen, market.digest(prices))), claims.if_there(lambda: claims.several_seeds(store))
    frame = claims.judge(rows, claims.collect(prices, rows, {}, (None, "no predictions"), replay, seeds, chosen.inputs))
    assert "skill_seeds.csv" in frame.set_index("id").loc["Appendix 1/LSTM 15", "because"]
    for name, table in {"claims": frame, "claims_summary": claims.summary(frame), "claims_checks": claims.by_check(rows, frame)}.items():
        store.table(name, table, name)
    folder = SimpleNamespace(root=tmp_path, records={judged.LEDGER: {"parameters": chosen.as_plain()}})
    parts = judged.ledger(folder, prices, chosen, exactly)
    assert len(parts) == 3 and [p.differs for p in parts] == ["", "", ""]


def test_without_these_notebooks_nothing_is_computed(chosen, random_walk, tmp_path):
    folder = SimpleNamespace(root=tmp_path, records={"01_data": {}})
    prices = random_walk()
    assert judged.untrained(folder, prices, {}, chosen, exactly) == judged.ledger(folder, prices, chosen, exactly) == []
    assert judged.trained(folder, prices, chosen, exactly, print) == []
