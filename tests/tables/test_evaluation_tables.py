"""Tables of what forecasts are worth, worked out by hand or by trying everything out."""

import itertools

import numpy as np
import pandas as pd
import pytest

from lib import tables
from lib.evaluation import direction, metrics, significance

DAYS = 40


def long_frame(models, ticker="A", reading="close", part="test", seed=3):
    """``models``: name -> one array of errors a seed (a single array for a baseline)."""
    rng = np.random.default_rng(seed)
    actual = 100 + np.cumsum(rng.normal(0, 1, DAYS + 1))
    frames = []
    for model, errors in models.items():
        for k, error in enumerate(np.atleast_2d(errors)):
            frames.append(
                pd.DataFrame(
                    {
                        "ticker": ticker,
                        "reading": reading,
                        "model": model,
                        "seed_number": k + 1 if np.ndim(errors) == 2 else 0,
                        "seed": pd.NA,
                        "part": part,
                        "date": pd.date_range("2024-01-01", periods=DAYS),
                        "actual_usd": actual[1:],
                        "predicted_usd": actual[1:] + error,
                        "naive_usd": actual[:-1],
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def naive_errors(seed=3):
    actual = 100 + np.cumsum(np.random.default_rng(seed).normal(0, 1, DAYS + 1))
    return actual[:-1] - actual[1:]


def test_scores_are_means_over_seeds_beside_the_naive_forecast():
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 1, (3, DAYS)) * np.array([[0.5], [1.0], [2.0]])
    frame = long_frame({"naive": naive_errors(), "CNN": errors, "perfect": np.zeros(DAYS)})
    found = tables.mean_scores(frame, {"A": np.array([1.0, 2.0, 4.0])}).set_index("model")
    naive_mse = np.mean(naive_errors() ** 2)
    each = 1 - np.mean(errors**2, axis=1) / naive_mse
    row = found.loc["CNN"]
    assert row["MSE"] == pytest.approx(np.mean(errors**2)) and row["seeds"] == 3 and row["days"] == DAYS
    assert row["skill"] == pytest.approx(each.mean()) and row["skill_spread"] == pytest.approx(each.std(ddof=1))
    assert (row["skill_worst"], row["skill_best"]) == (pytest.approx(each.min()), pytest.approx(each.max()))
    assert row["skill_lower"] < row["skill"] < row["skill_upper"]
    assert row["MASE"] == pytest.approx(np.abs(errors).mean() / 1.5)  # naive misses 1 and 2 on the training days
    assert found.loc["naive", "skill"] == 0 and found.loc["perfect", "skill"] == 1
    assert found["R2_naive"].nunique() == 1 and found.loc["naive", "R2"] == found.loc["naive", "R2_naive"]


def test_ranges_are_those_of_single_seeds():
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 1, (3, DAYS)) * np.array([[1.0], [0.5], [2.0]])
    frame = long_frame({"naive": naive_errors(), "CNN": errors})
    scores, by_seed = (
        tables.mean_scores(frame, {"A": np.array([1.0, 2.0, 4.0])}),
        tables.seed_scores(frame.assign(seed=frame["seed_number"] + 100)),
    )
    assert by_seed[["model", "seed_number", "seed", "days"]].values.tolist() == [
        ["CNN", k, 100 + k, DAYS] for k in (1, 2, 3)
    ]
    row = scores.set_index("model").loc["CNN"]
    mse, mae = np.mean(errors**2, axis=1), np.abs(errors).mean(axis=1)
    variance = np.var(frame.loc[frame["model"] == "naive", "actual_usd"])
    for name, values in (("MSE", mse), ("MAE", mae), ("R2", 1 - mse / variance)):
        assert by_seed[name].tolist() == pytest.approx(values.tolist())
        assert (row[f"{name}_smallest"], row[f"{name}_largest"]) == (
            pytest.approx(values.min()),
            pytest.approx(values.max()),
        )
    naive = scores.set_index("model").loc["naive"]
    for name in ("MSE", "MAE", "R2"):
        assert by_seed[f"{name}_naive"].tolist() == pytest.approx([naive[name]] * 3), (
            "the naive forecast stands beside every seed"
        )
    assert naive["MAE_smallest"] == naive["MAE"] == naive["MAE_largest"], "no seeds, no range"
    assert tables.seeds_disagree(scores, by_seed) == []
    assert tables.seeds_disagree(scores.assign(MAE_largest=9.0), by_seed) == ["A, close, test, CNN: MAE_largest"]
    assert tables.seeds_disagree(scores, by_seed[1:]) == ["A, close, test, CNN: seeds, skill, MSE, MAE, R2"], (
        "the middle seed is gone"
    )
    assert len(tables.seeds_disagree(scores[scores["model"] == "naive"], by_seed)) == 1, (
        "a table without the network's row"
    )


def test_differences_are_taken_between_equal_tickers_parts_and_models():
    scores = pd.DataFrame(
        {
            "ticker": "A",
            "part": "test",
            "reading": ["nothing", "both", "nothing", "both"],
            "model": ["CNN", "CNN", "LSTM", "LSTM"],
            "skill": [-0.1, 0.05, -0.3, -0.4],
            "skill_spread": [0.01, 0.02, 0.03, 0.04],
        }
    )
    found = tables.differences(scores, "nothing").set_index("model")
    assert found["added by both"].to_dict() == {"CNN": pytest.approx(0.15), "LSTM": pytest.approx(-0.1)}
    assert found["spread between seeds"].to_dict() == {"CNN": 0.01, "LSTM": 0.03}
    assert (
        "both: adds +0.025 to the skill in the median (-0.100 to +0.150), above 0 in 1 of 2"
        in tables.leaks_in_words(found.reset_index())
    )


def test_a_leak_that_changed_nothing_is_told_with_what_stayed_the_same():
    """Other days that stop a training are a change, though it may choose the same epoch."""
    added = {"stopping on the scored days": [0.0, 0.1], "both": [0.2, 0.1], "scaling over everything": [0.0, 0.0]}
    told = tables.leaks_in_words(pd.DataFrame({f"added by {leak}": values for leak, values in added.items()}))
    stopping, both, scaling = told.splitlines()
    assert stopping.endswith(
        "exactly 0 in 1: other days stopped the training, and chose the weights of the same epoch."
    )
    assert "exactly" not in both and scaling.endswith(
        "exactly 0 in 2: training days hold the lowest and the highest price, so inputs are the same."
    )


def test_each_leak_is_counted_once_and_comparisons_are_on_the_same_seeds():
    scores = pd.DataFrame(
        {
            "ticker": "A",
            "part": "test",
            "reading": ["nothing", "scaling over everything", "both"],
            "model": "CNN",
            "skill": [-0.3, -0.1, 0.05],
            "skill_spread": 0.1,
        }
    )
    row = tables.leak_steps(scores).iloc[0]
    steps = [row[f"added by {leak}"] for leak in ("scaling over everything", "stopping on the scored days", "both")]
    assert steps == pytest.approx([0.2, 0.15, 0.35])
    rng = np.random.default_rng(4)
    frame = pd.concat(
        [
            long_frame({"naive": naive_errors(), "CNN": rng.normal(0, 1, (4, DAYS))}),
            long_frame({"CNN": rng.normal(0, 1, (2, DAYS))}, reading="log_return"),
        ]
    )
    kept = tables.common_seeds(frame)
    assert set(kept["seed_number"]) == {0, 1, 2} and len(kept) == 5 * DAYS


def test_picking_the_best_of_n_seeds_equals_trying_every_choice():
    rng = np.random.default_rng(5)
    seeds = 5
    validation = long_frame(
        {"CNN": rng.normal(0, 1, (seeds, DAYS)) * rng.uniform(0.5, 2, (seeds, 1))}, part="validation"
    )
    test = long_frame({"CNN": rng.normal(0, 1, (seeds, DAYS)) * rng.uniform(0.5, 2, (seeds, 1))}, part="test", seed=4)
    found = tables.picked_best(pd.concat([validation, test])).set_index("picked_of")

    def skills(frame):
        return np.array(
            [
                metrics.skill(*(d[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd")))
                for _, d in frame.groupby("seed_number")
            ]
        )

    on_validation, on_test = skills(validation), skills(test)
    assert found.index.tolist() == [1, 2, 3, 5]
    for n in found.index:
        picked = [max(choice, key=lambda k: on_validation[k]) for choice in itertools.combinations(range(seeds), n)]
        assert found.loc[n, "validation_gain"] == pytest.approx(
            np.mean(on_validation[picked]) - on_validation.mean(), abs=1e-12
        )
        assert found.loc[n, "test_gain"] == pytest.approx(np.mean(on_test[picked]) - on_test.mean(), abs=1e-12)
    assert found.loc[1, "validation_gain"] == pytest.approx(0, abs=1e-12) and found.loc[5, "validation_gain"] > 0


def test_words_on_picking_say_what_one_ends_with():
    picked = pd.DataFrame(
        {
            "reading": "close",
            "model": ["CNN", "LSTM", "CNN"],
            "picked_of": [3, 3, 1],
            "seeds": 3,
            "validation_gain": [0.2, 0.4, 9.0],
            "test_gain": [0.1, 3.0, 9.0],
            "test_skill": [-0.3, 0.1, 9.0],
        }
    )
    told = tables.picked_in_words(picked)
    assert "best of 3 seeds adds +0.300" in told and "+1.550 on test days. The picked seed's test skill is" in told
    assert "-0.100 (all medians over 2 pairs of network and ticker, which have no interval)." in told


def test_power_is_that_of_the_test_that_decides(monkeypatch):
    """One-sided at 5 % divided by the models of the largest family, on the ticker's own changes."""
    asked = []
    monkeypatch.setattr(significance, "simulated_power", lambda **given: asked.append(given) or 0.4)
    tests = pd.DataFrame(
        {
            "ticker": ["A"] * 5 + ["B"] * 2,
            "reading": ["close"] * 3 + ["log_return"] * 2 + ["close"] * 2,
            "part": ["test"] * 7,
            "days": 162,
        }
    )
    tests = pd.concat([tests, tests.assign(part="validation", days=20)])
    closes = {"A": np.array([1.0, 2.0, 1.0]), "B": np.array([1.0, 1.0, np.e, np.nan, 9.0])}
    found = tables.power_by_skill(tests, closes).set_index(["ticker", "true_skill"])
    assert found["models"].groupby("ticker").first().to_dict() == {"A": 3, "B": 2} and (found["days"] == 162).all()
    assert found.loc[("A", 0.2), "power_alone"] == significance.power(162, 0.2, 0.05, "larger")
    assert (
        found.loc[("A", 0.2), "power_holm"]
        == significance.power(162, 0.2, 0.05 / 3, "larger")
        < found.loc[("A", 0.2), "power_alone"]
    )
    last = asked[-1]
    assert (last["level"], last["alternative"], last["changes"].tolist()) == (0.05 / 2, "larger", [0.0, 1.0])
    told = tables.power_in_words(found.reset_index())
    among = significance.detectable_skill(162, level=0.05 / 3, alternative="larger")
    assert (
        f"of {among:.2f} among 3 under Holm" in told
        and "a true skill of 0.20 is found among 3 in 40% (A), 40% (B) of simulated cases" in told
    )


def test_significance_is_of_the_mean_forecast_with_holm_over_the_family():
    rng = np.random.default_rng(2)
    frame = long_frame(
        {
            "naive": naive_errors(),
            "CNN": rng.normal(0, 0.05, (4, DAYS)),
            "LSTM": rng.normal(0, 3, (4, DAYS)),
            "drift": naive_errors() * 1.001,
        }
    )
    found = tables.better_than_naive(frame).set_index("model")
    assert set(found.index) == {"CNN", "LSTM", "drift"}
    assert (
        found.loc["CNN", "p_better_holm"] < 0.01
        and found.loc["CNN", "seeds_better"] == 1
        and found.loc["CNN", "p_direction_holm"] < 0.01
    )
    assert 0 < found.loc["CNN", "skill_lower"] < found.loc["CNN", "skill"] < found.loc["CNN", "skill_upper"]
    assert found.loc["LSTM", "skill_upper"] < 0
    assert found.loc["LSTM", "p_better"] > 0.5 and found.loc["LSTM", "seeds_better"] == 0
    assert (found["p_better_holm"] >= found["p_better"]).all() and found.loc["CNN", "p_better_holm"] == pytest.approx(
        3 * found.loc["CNN", "p_better"]
    )
    sets = tables.confidence_sets(frame)
    assert sets.loc[sets["in_set"], "model"].tolist() == ["CNN"]
    told = tables.tests_in_words(tables.better_than_naive(frame), sets)
    assert told.splitlines()[0] == (
        "A, test days, close: 1 of 3 models have an interval of the mean forecast's skill above 0, 2 below; better than"
        " naive after Holm: CNN; directions after Holm: CNN, LSTM; in the 90 % confidence set: CNN."
    )


def test_words_say_what_a_family_is_how_many_there_are_and_what_chance_gives():
    """Three coins, two targets and two splits under two tests: 24 families at 5 % each."""
    families = itertools.product("ABC", ("close", "log_return"), ("validation", "test"), ("CNN", "LSTM"))
    tests = pd.DataFrame(families, columns=["ticker", "reading", "part", "model"]).assign(
        p_better_holm=1.0, p_direction_holm=1.0
    )
    sets = tests.assign(in_set=True)
    told = tables.tests_in_words(tests, sets, "test").splitlines()
    assert told[0].startswith("A, test days, close: better than naive after Holm: none"), "no intervals, none invented"
    assert len(told) == 7 and "validation" not in "".join(told[:6]), "one split, but the families of all"
    assert "within a family, the 2 models of one ticker, target, split and test" in told[-1]
    assert "number of families, which is 24: chance alone gives up to 1.2 families" in told[-1]
    assert f"at least one with a probability of up to {1 - 0.95**24:.0%}" in told[-1]
    rows = pd.DataFrame({"ticker": ["A", "B"], "scheme": "sliding", "model": "CNN", "skill": -0.1, "blocks": 3})
    rows = rows.assign(p_better_holm=1.0, blocks_better=0)
    told = tables.walk_forward_in_words(rows.assign(skill_lower=[-0.4, -0.2], skill_upper=[0.1, -0.05])).splitlines()
    counts = "sliding: 0 of 1 models have an interval of the skill over all days above 0,"
    assert told[0].startswith(f"A, {counts} 0 below;") and told[1].startswith(f"B, {counts} 1 below;")
    told = tables.walk_forward_in_words(rows)
    assert told.startswith("A, sliding: better after Holm: none.") and "models have" not in told
    assert "the 1 models of one ticker and scheme" in told and "which is 2: chance alone gives up to 0.1" in told


def test_the_deflated_sharpe_ratio_counts_the_rules_of_all_targets():
    rng = np.random.default_rng(8)
    rules = {"naive": naive_errors(), **{n: rng.normal(0, 2, (2, DAYS)) for n in ("CNN", "LSTM", "CNN-LSTM")}}
    more = {"naive": naive_errors(), **{n: rng.normal(0, 2, (2, DAYS)) for n in ("CNN", "LSTM")}}
    frame = pd.concat([long_frame(rules), long_frame(more, reading="log_return")], ignore_index=True)
    found = tables.trading_rules(frame)
    tried = found[found["model"] != "buy and hold"]
    daily = tried["sharpe"] / np.sqrt(direction.DAYS_PER_YEAR)
    luck = direction.expected_best_sharpe(5, daily.std()) * np.sqrt(direction.DAYS_PER_YEAR)
    assert len(tried) == 5 and tried["luck"].tolist() == pytest.approx([luck] * 5)
    alone = tables.trading_rules(frame[frame["reading"] == "close"])
    assert alone["luck"].dropna().nunique() == 1 and alone["luck"].max() != pytest.approx(luck)
    assert "for 5 rules tried on these days" in tables.trading_in_words(found, "test")
    assert "for 3 rules tried on these days" in tables.trading_in_words(alone, "test")


def test_what_prices_did_on_days_that_are_not_scored_makes_no_rule_credible():
    rng = np.random.default_rng(8)
    rules = {"naive": naive_errors(), **{n: rng.normal(0, 2, (2, DAYS)) for n in ("CNN", "LSTM")}}
    frame = long_frame(rules)
    later = frame["date"] > frame["date"].min() + pd.Timedelta(days=DAYS // 2)
    usd = ["actual_usd", "predicted_usd", "naive_usd"]
    jumped = frame.assign(date=frame["date"].where(~later, frame["date"] + pd.Timedelta(days=90)))
    jumped[usd] = frame[usd].mul(np.where(later, 10, 1), axis=0)
    found, whole = tables.trading_rules(jumped).set_index("model"), tables.trading_rules(frame).set_index("model")
    ratios = ["sharpe", "sharpe_error", "luck", "deflated", "days"]
    pd.testing.assert_frame_equal(found[ratios], whole[ratios], rtol=1e-9)
    assert found["total_return"]["buy and hold"] > 8 > whole["total_return"]["buy and hold"]


def test_rules_that_know_the_future_are_credible_and_noise_is_not():
    rng = np.random.default_rng(6)
    frame = long_frame(
        {
            "naive": naive_errors(),
            "CNN": np.zeros((2, DAYS)),
            "LSTM": rng.normal(0, 3, (2, DAYS)),
            "ridge": rng.normal(0, 3, DAYS),
        }
    )
    found = tables.trading_rules(frame).set_index("model")
    assert "naive" not in found.index and found.loc["CNN", "total_return"] > found.loc["buy and hold", "total_return"]
    assert found.loc["CNN", "deflated"] > 0.95 and np.isnan(found.loc["buy and hold", "deflated"])
    assert "credible after allowing for 3 rules tried on these days: CNN" in tables.trading_in_words(
        found.reset_index(), "test"
    )
    paths = tables.wealth_paths(frame, "close", "test")["A"]
    assert list(paths) == ["buy and hold", "CNN", "LSTM"] and paths["CNN"]["wealth"].iloc[-1] == pytest.approx(
        1 + found.loc["CNN", "total_return"]
    )


def test_blocks_count_alike_whatever_their_prices():
    first = long_frame({"naive": naive_errors(), "CNN": naive_errors()[None] * 0.5}, reading="expanding 1")
    second = long_frame({"naive": naive_errors(), "CNN": naive_errors()[None] * 2}, reading="expanding 2")
    for column in ("actual_usd", "predicted_usd", "naive_usd"):
        second[column] *= 1000
    found = tables.walk_forward_skill(pd.concat([first, second])).set_index("model")
    assert found.loc["CNN", ["block 1", "block 2"]].tolist() == pytest.approx([0.75, -3.0])
    assert (
        found.loc["CNN", "skill"] == pytest.approx((0.75 - 3) / 2)
        and found.loc["CNN", "blocks_better"] == 1
        and found.loc["CNN", "blocks"] == 2
    )
    assert found.loc["naive", "skill"] == 0 and np.isnan(found.loc["naive", "p_better_holm"])
    blocks = tables.regimes(pd.concat([first, second]))
    assert blocks["block"].tolist() == [1, 2] and blocks["return_percent"].iloc[0] == pytest.approx(
        blocks["return_percent"].iloc[1]
    )


def test_a_shift_by_a_day_is_caught():
    found = tables.shifted_forecasts(1).set_index("forecasts")
    assert found["aligned"].tolist() == [True, False, False]


def test_forecasts_that_do_not_answer_to_the_last_close_are_named():
    columns = ["ticker", "reading", "model", "aligned", "verdict"]
    rows = [
        ("A", "close", "CNN", True, "aligned: fine"),
        ("A", "log_return", "LSTM", False, "a day too late"),
        ("B", "close", "CNN", None, "undecided: every training diverged"),
    ]
    assert tables.alignments_in_words(pd.DataFrame(rows, columns=columns)) == (
        "Forecasts of 1 of 3 models stand on their day: they answer to the last close before it. The rest:"
        " A LSTM, target log return: a day too late; B CNN, target close: undecided: every training diverged."
    )
    assert tables.alignments_in_words(pd.DataFrame(rows[:1], columns=columns)).endswith("the last close before it.")
