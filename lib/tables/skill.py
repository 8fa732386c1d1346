"""What forecasts are worth: tables and sentences from the long frames of ``lib.experiments``.

Skill is 1 - MSE / MSE of the naive forecast on the same days: above 0 is better than no model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.evaluation import alignment, baselines, direction, intervals, metrics, resampling, significance
from lib.experiments import controls

GROUP = ["ticker", "reading", "part", "model"]
POWER_OF = (0.02, 0.05, 0.10, 0.20, 0.30, 0.50)  # true skills whose chance of being found is told
RANGED = ("MSE", "MAE", "R2")  # the thesis's three, whose range over seeds is kept


def score_table(frame: pd.DataFrame, training_usd: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Scores in US dollars of every model, means over its seeds, with the spread and an interval of its skill.

    Args:
        frame: long frame.
        training_usd: ticker -> closes of the training days, for MASE.

    Returns:
        One row a ticker, reading, part and model: ``days``, ``seeds``, the thesis's five metrics,
        ``R2_naive``, ``MASE``, ``skill`` (mean over seeds), ``skill_spread`` (standard deviation between
        seeds), ``skill_worst``, ``skill_best`` (of a seed), ``skill_lower``, ``skill_upper`` (95 %, over drawn
        blocks of days and drawn seeds), and of each of ``MSE``, ``MAE`` and ``R2`` the ``_smallest`` and
        ``_largest`` of a seed.
    """
    rows = []
    for names, part in frame.groupby(GROUP, sort=False):
        by_seed = list(_by_seed(part))
        of_seeds = pd.DataFrame(
            [metrics.scores(d["actual_usd"].to_numpy(), d["predicted_usd"].to_numpy()) for d in by_seed]
        )
        days = by_seed[0]
        actual, naive = days["actual_usd"].to_numpy(), days["naive_usd"].to_numpy()
        mase = np.mean([metrics.mase(actual, d["predicted_usd"].to_numpy(), training_usd[names[0]]) for d in by_seed])
        losses = np.array([(d["predicted_usd"].to_numpy() - actual) ** 2 for d in by_seed])
        skill = resampling.over_seeds(losses, (naive - actual) ** 2)
        rows.append(
            {
                **dict(zip(GROUP, names)),
                "days": len(days),
                "seeds": len(by_seed),
                **of_seeds.mean(),
                "R2_naive": metrics.scores(actual, naive)["R2"],
                "MASE": mase,
                "skill": skill["mean"],
                "skill_spread": skill["spread"],
                "skill_worst": skill["smallest"],
                "skill_best": skill["largest"],
                "skill_lower": skill["lower"],
                "skill_upper": skill["upper"],
                **_ranges(of_seeds),
            }
        )
    return pd.DataFrame(rows)


def _ranges(of_seeds: pd.DataFrame) -> dict[str, float]:
    return {
        f"{name}_{end}": value
        for name in RANGED
        for end, value in (("smallest", of_seeds[name].min()), ("largest", of_seeds[name].max()))
    }


def seed_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores in US dollars of every single training: what the means and ranges of :func:`score_table` are made of.

    Returns:
        One row a ticker, reading, part, network and seed: ``seed_number``, ``seed``, ``days``, ``MSE``,
        ``MAE``, ``R2``, ``skill``, and ``MSE_naive``, ``MAE_naive``, ``R2_naive`` of the naive forecast on the same days.
    """
    rows = []
    for names, part in frame[frame["seed_number"] > 0].groupby([*GROUP, "seed_number"], sort=False):
        actual, predicted, naive = (part[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd"))
        scores, of_naive = metrics.scores(actual, predicted), metrics.scores(actual, naive)
        rows.append(
            {
                **dict(zip([*GROUP, "seed_number"], names)),
                "seed": int(part["seed"].iloc[0]),
                "days": len(part),
                **{name: scores[name] for name in RANGED},
                "skill": metrics.skill(actual, predicted, naive),
                **{f"{name}_naive": of_naive[name] for name in RANGED},
            }
        )
    return pd.DataFrame(rows)


def seeds_disagree(scores: pd.DataFrame, by_seed: pd.DataFrame) -> list[str]:
    """Where means and ranges of :func:`score_table` are not those of :func:`seed_table`, up to rounding of the last digits."""
    wrong = []
    for names, rows in by_seed.groupby(GROUP, sort=False):
        one = scores[(scores[GROUP] == list(names)).all(axis=1)]
        wanted = {
            "seeds": len(rows),
            "skill": rows["skill"].mean(),
            **{name: rows[name].mean() for name in RANGED},
            **_ranges(rows),
        }
        off = [
            name
            for name, value in wanted.items()
            if len(one) != 1 or not np.isclose(one[name].iloc[0], value, rtol=1e-9, atol=1e-12)
        ]
        wrong += [f"{', '.join(names)}: {', '.join(off)}"] if off else []
    return wrong


def test_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Diebold-Mariano against the naive forecast, and Pesaran-Timmermann, with Holm over each ticker's part and reading.

    A network's forecast is the mean over its seeds, which is at least as good as a seed on average;
    ``seeds_better`` is the share of single seeds that the test alone would call better at 5 %.

    Returns:
        One row a ticker, reading, part and model but the naive forecast: ``skill`` (of the mean
        forecast), ``statistic``, ``p_two_sided``, ``p_better`` (one-sided), ``p_better_holm``, ``seeds_better``,
        ``hits``, ``expected_hits``, ``p_direction``, ``p_direction_holm``.
    """
    rows = []
    for names, part in frame[frame["model"] != baselines.NAIVE].groupby(GROUP, sort=False):
        actual, predicted, naive = _mean_forecast(part)
        better = significance.diebold_mariano(actual, predicted, naive)
        way = significance.pesaran_timmermann(actual, predicted, naive)
        alone = [
            significance.diebold_mariano(actual, d["predicted_usd"].to_numpy(), naive)["p_better"]
            for d in _by_seed(part)
        ]
        rows.append(
            {
                **dict(zip(GROUP, names)),
                "days": better["days"],
                "skill": metrics.skill(actual, predicted, naive),
                "statistic": better["statistic"],
                "p_two_sided": better["p_value"],
                "p_better": better["p_better"],
                "seeds_better": float(np.mean(np.array(alone) < significance.LEVEL)),
                "hits": way["hits"],
                "expected_hits": way["expected_hits"],
                "p_direction": way["p_value"],
            }
        )
    found = pd.DataFrame(rows)
    families = found.groupby(["ticker", "reading", "part"], sort=False)
    for name in ("p_better", "p_direction"):
        found[f"{name}_holm"] = families[name].transform(significance.holm)
    return found


def confidence_sets(frame: pd.DataFrame, size: float = 0.10) -> pd.DataFrame:
    """The models that cannot be told from the best one, by ticker, reading and part.

    Losses are squared errors, for a network their mean over its seeds.
    """
    tables = []
    for names, part in frame.groupby(["ticker", "reading", "part"], sort=False):
        losses = {}
        for model, rows in part.groupby("model", sort=False):
            losses[model] = np.mean(
                [(d["predicted_usd"] - d["actual_usd"]).to_numpy() ** 2 for d in _by_seed(rows)], axis=0
            )
        found = significance.model_confidence_set(pd.DataFrame(losses), size)
        found.insert(0, "days", len(next(iter(losses.values()))))
        for at, (name, value) in enumerate(zip(("ticker", "reading", "part"), names)):
            found.insert(at, name, value)
        tables.append(found)
    return pd.concat(tables, ignore_index=True)


def power_table(tests: pd.DataFrame, training_usd: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """What the tests of :func:`test_table` would have seen on test days: their power against true skills.

    Both tests are one-sided at 5 %. Among m models under Holm the smallest p-value must pass 5 % / m.

    Args:
        tests: as :func:`test_table` gives them.
        training_usd: ticker -> closes of the training days, from whose log returns blocks are drawn.

    Returns:
        One row a ticker and true skill: ``days``, ``models`` (of the largest family), ``power_alone`` (one model, Gaussian
        changes: the best case), ``power_holm`` (among all, Gaussian), ``power_holm_real`` (among all, with the
        tails and calms of the ticker's own changes; 400 simulated series, standard error at most 0.025).
    """
    rows = []
    for ticker, mine in tests[tests["part"] == "test"].groupby("ticker", sort=False):
        days, models = int(mine["days"].min()), int(mine.groupby("reading").size().max())
        level, changes = significance.LEVEL / models, np.diff(np.log(training_usd[ticker]))
        for skill in POWER_OF:
            given = {"days": days, "skill": skill, "alternative": "larger"}
            rows.append(
                {
                    "ticker": ticker,
                    "days": days,
                    "models": models,
                    "true_skill": skill,
                    "power_alone": significance.power(**given),
                    "power_holm": significance.power(**given, level=level),
                    "power_holm_real": significance.simulated_power(
                        **given, level=level, changes=changes, repetitions=400
                    ),
                }
            )
    return pd.DataFrame(rows)


def direction_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Directional accuracy beside the commoner direction: means over seeds, interval of the mean forecast."""
    rows = []
    for names, part in frame.groupby(GROUP, sort=False):
        actual, predicted, naive = _mean_forecast(part)
        alone = [direction.accuracy(actual, d["predicted_usd"].to_numpy(), naive)["accuracy"] for d in _by_seed(part)]
        rows.append(
            {
                **dict(zip(GROUP, names)),
                "seeds": len(alone),
                "accuracy_of_a_seed": float(np.mean(alone)),
                **direction.accuracy(actual, predicted, naive),
            }
        )
    return pd.DataFrame(rows)


def trading_table(frame: pd.DataFrame, cost: float = direction.COST_PER_SIDE) -> pd.DataFrame:
    """A long/flat rule on the mean forecast of each model, after costs, beside buy-and-hold.

    ``luck`` is the yearly Sharpe ratio that the best of so many worthless rules shows by chance,
    ``deflated`` the probability that the rule's own is above zero given that it is one of them.
    """
    rows = []
    for names, family in frame.groupby(["ticker", "reading", "part"], sort=False):
        traded = {}
        for model, part in family.groupby("model", sort=False):
            actual, predicted, naive = _mean_forecast(part)
            traded["buy and hold"] = direction.buy_and_hold(actual, naive, cost)
            if model != baselines.NAIVE:  # it always says "no change", so it never buys
                traded[model] = direction.long_flat(actual, predicted, naive, cost)
        ratios = {model: direction.sharpe(t["net_return"].to_numpy()) for model, t in traded.items()}
        rules = len(traded) - 1
        spread = (
            float(pd.Series([r["daily"] for m, r in ratios.items() if m != "buy and hold"]).std())
            if rules > 1
            else math.nan
        )
        for model, days in traded.items():
            ratio, luck, deflated = ratios[model], math.nan, math.nan
            if model != "buy and hold" and rules > 1 and not math.isnan(ratio["daily"]) and spread > 0:
                luck = direction.expected_best_sharpe(rules, spread) * math.sqrt(direction.DAYS_PER_YEAR)
                deflated = direction.deflated_sharpe(
                    ratio["daily"], ratio["days"], ratio["skew"], ratio["kurtosis"], rules, spread
                )
            rows.append(
                {
                    **dict(zip(("ticker", "reading", "part"), names)),
                    "model": model,
                    **direction.performance(days),
                    "luck": luck,
                    "deflated": deflated,
                }
            )
    return pd.DataFrame(rows)


def picked_best(frame: pd.DataFrame) -> pd.DataFrame:
    """What picking the best of n seeds on the validation days adds there, and what is left of it on test days.

    Returns:
        One row a ticker, reading, model and n: mean over all choices of n seeds of the picked seed's
        validation skill and test skill, each less the mean skill of all seeds (``_gain``), and its ``test_skill``.
    """
    rows = []
    for names, part in frame[frame["seed_number"] > 0].groupby(["ticker", "reading", "model"], sort=False):
        skill = {
            name: np.array(
                [
                    metrics.skill(*(d[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd")))
                    for d in _by_seed(days)
                ]
            )
            for name, days in part.groupby("part")
        }
        order = np.argsort(-skill["validation"])
        seeds = len(order)
        for n in sorted({1, 2, 3, 5, 10, seeds} & set(range(1, seeds + 1))):
            # The k-th best of all seeds is picked if it is drawn and none of the better ones is.
            chance = np.array([math.comb(seeds - 1 - k, n - 1) for k in range(seeds)]) / math.comb(seeds, n)
            rows.append(
                {
                    **dict(zip(("ticker", "reading", "model"), names)),
                    "picked_of": n,
                    "seeds": seeds,
                    "validation_gain": float(chance @ skill["validation"][order] - skill["validation"].mean()),
                    "test_gain": float(chance @ skill["test"][order] - skill["test"].mean()),
                    "test_skill": float(chance @ skill["test"][order]),
                }
            )
    return pd.DataFrame(rows)


def differences(scores: pd.DataFrame, base: str) -> pd.DataFrame:
    """Skill of each reading less that of a base reading, for equal ticker, part and model.

    Args:
        scores: as :func:`score_table` gives them; base: a value of ``reading``.
    """
    wide = scores.pivot(index=["ticker", "part", "model"], columns="reading", values="skill")
    spread = scores[scores["reading"] == base].set_index(["ticker", "part", "model"])["skill_spread"]
    found = wide.sub(wide[base], axis=0).drop(columns=base).add_prefix("added by ")
    return found.assign(**{f"skill, {base}": wide[base], "spread between seeds": spread}).reset_index()


def leak_steps(scores: pd.DataFrame) -> pd.DataFrame:
    """What each leak adds to the skill: scaling over everything, stopping on the scored days on top of it, and both.

    Args:
        scores: of the readings of ``experiments.LEAKS``, as :func:`score_table` gives them.
    """
    found = differences(scores, "nothing")
    both, scaling = found["added by both"], found["added by scaling over everything"]
    found.insert(found.columns.get_loc("added by both"), "added by stopping on the scored days", both - scaling)
    return found


def common_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each network only the seeds that every reading has, so that means differ by the reading alone."""
    networks = frame[frame["seed_number"] > 0]
    most = networks.groupby("reading")["seed_number"].max().min()
    return frame[frame["seed_number"] <= most]


def across_folds(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill of each model over the blocks of a walk-forward: each block, and all days together.

    Returns:
        One row a ticker, scheme and model: ``skill`` of all days, ``p_better`` (one-sided Diebold-Mariano
        on all days), ``p_better_holm`` within ticker and scheme, ``blocks_better`` (blocks with a skill
        above 0), ``blocks``, and the skill of each block.
    """
    rows = []
    named = frame.assign(
        scheme=frame["reading"].str.split().str[0], fold=frame["reading"].str.split().str[1].astype(int)
    )
    for names, part in named.groupby(["ticker", "scheme", "model"], sort=False):
        columns = ("actual_usd", "predicted_usd", "naive_usd")
        each = {f"block {k}": metrics.skill(*(d[c].to_numpy() for c in columns)) for k, d in part.groupby("fold")}
        # In units of the naive forecast's error of each block, so that no block of high prices decides alone.
        scale = part.groupby("fold")["naive_usd"].transform("mean")
        actual, predicted, naive = ((part[c] / scale).to_numpy() for c in columns)
        rows.append(
            {
                **dict(zip(("ticker", "scheme", "model"), names)),
                "days": len(part),
                "skill": metrics.skill(actual, predicted, naive),
                "p_better": significance.diebold_mariano(actual, predicted, naive)["p_better"],
                "blocks_better": sum(s > 0 for s in each.values()),
                "blocks": len(each),
                **each,
            }
        )
    found = pd.DataFrame(rows)
    others = found[found["model"] != baselines.NAIVE]
    found["p_better_holm"] = others.groupby(["ticker", "scheme"])["p_better"].transform(significance.holm)
    return found


def regimes(frame: pd.DataFrame) -> pd.DataFrame:
    """What each block of a walk-forward was like: its days, the coin's return and its daily volatility."""
    rows = []
    blocks = frame[(frame["model"] == baselines.NAIVE) & frame["reading"].str.startswith("expanding")]
    for (ticker, reading), part in blocks.groupby(["ticker", "reading"], sort=False):
        returns = np.log(part["actual_usd"] / part["naive_usd"])
        rows.append(
            {
                "ticker": ticker,
                "block": int(reading.split()[1]),
                "first_day": part["date"].iloc[0].date().isoformat(),
                "last_day": part["date"].iloc[-1].date().isoformat(),
                "days": len(part),
                "return_percent": 100 * (part["actual_usd"].iloc[-1] / part["naive_usd"].iloc[0] - 1),
                "daily_volatility_percent": 100 * returns.std(),
            }
        )
    return pd.DataFrame(rows)


def scores_in_words(scores: pd.DataFrame, part: str, reading: str) -> str:
    """Which models have a positive skill, with the interval, and how far the seeds lie apart."""
    rows = scores[(scores["part"] == part) & (scores["reading"] == reading) & (scores["model"] != baselines.NAIVE)]
    lines = []
    for ticker, mine in rows.groupby("ticker", sort=False):
        best = mine.loc[mine["skill"].idxmax()]
        sure = ", ".join(mine.loc[mine["skill_lower"] > 0, "model"]) or "none"
        lines.append(
            f"{ticker}, {part} days, {reading}: {(mine['skill'] > 0).sum()} of {len(mine)} models have a mean skill above 0; with an interval above 0:"
            f" {sure}. Best {best['model']}, skill {best['skill']:+.3f} ({best['skill_lower']:+.3f} to {best['skill_upper']:+.3f})."
        )
    return "\n".join(lines)


def tests_in_words(tests: pd.DataFrame, sets: pd.DataFrame) -> str:
    """What survives Holm, and who is in the model confidence set beside the naive forecast."""
    lines = []
    for (ticker, reading, part), rows in tests.groupby(["ticker", "reading", "part"], sort=False):
        better = ", ".join(rows.loc[rows["p_better_holm"] < significance.LEVEL, "model"]) or "none"
        way = ", ".join(rows.loc[rows["p_direction_holm"] < significance.LEVEL, "model"]) or "none"
        members = sets[
            (sets["ticker"] == ticker) & (sets["reading"] == reading) & (sets["part"] == part) & sets["in_set"]
        ]["model"]
        lines.append(
            f"{ticker}, {part} days, {reading}: better than naive after Holm: {better}; directions after Holm: {way};"
            f" in the 90 % confidence set: {', '.join(members)}."
        )
    return "\n".join(lines)


def power_in_words(power: pd.DataFrame) -> str:
    """What a test that finds nothing could have found, on the fewest days and with most models: the smallest true skill with 80 % power, and the chance to find a skill of 0.2."""
    days, models = int(power["days"].min()), int(power["models"].max())
    given = {"days": days, "alternative": "larger"}
    alone, among = (
        significance.detectable_skill(**given),
        significance.detectable_skill(**given, level=significance.LEVEL / models),
    )
    of = power[power["true_skill"] == 0.2]
    real = ", ".join(f"{r.power_holm_real:.0%} ({r.ticker})" for r in of.itertuples())
    return (
        f"With {days} days a true skill of {alone:.2f} is found with 80 % power if one model is tested, of {among:.2f} among {models} under Holm, both with"
        f" Gaussian changes, the best case. With the coins' own changes a true skill of 0.20 is found among {models} in {real} of simulated cases:"
        " a test that finds nothing does not say that no model is better."
    )


def _by_seed(part: pd.DataFrame) -> list[pd.DataFrame]:
    return [days for _, days in part.groupby("seed_number", sort=True)]


def _mean_forecast(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actual closes, the mean forecast over seeds, and the naive one, by day."""
    days = _mean_days(part)
    return tuple(days[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd"))


def _mean_days(part: pd.DataFrame) -> pd.DataFrame:
    # A mean of equal closes can differ from them in its last digit, and scores with it.
    each = {"actual_usd": "first", "predicted_usd": "mean", "naive_usd": "first"}
    return part.groupby("date", as_index=False, sort=True).agg(each)


def alignment_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What ``controls.alignment`` says of the mean forecast of each model: on which day it stands."""
    rows = []
    for names, part in frame[frame["model"] != baselines.NAIVE].groupby(["ticker", "reading", "model"], sort=False):
        rows.append({**dict(zip(("ticker", "reading", "model"), names)), **alignment.alignment(_mean_days(part))})
    return pd.DataFrame(rows)


def wealth_paths(frame: pd.DataFrame, reading: str, part: str) -> dict[str, dict[str, pd.DataFrame]]:
    """Ticker -> rule -> ``date`` and ``wealth`` of 1 dollar: buy-and-hold, and the long/flat rule of each network."""
    found: dict[str, dict[str, pd.DataFrame]] = {}
    shown = frame[(frame["reading"] == reading) & (frame["part"] == part) & (frame["seed_number"] > 0)]
    for (ticker, model), rows in shown.groupby(["ticker", "model"], sort=False):
        actual, predicted, naive = _mean_forecast(rows)
        days = np.sort(rows["date"].unique())
        of_ticker = found.setdefault(ticker, {"buy and hold": direction.buy_and_hold(actual, naive).assign(date=days)})
        of_ticker[model] = direction.long_flat(actual, predicted, naive).assign(date=days)
    return found


def interval_table(bands: Mapping[str, Mapping[str, pd.DataFrame]], by: list[str]) -> pd.DataFrame:
    """``intervals.evaluate`` for every ticker and method; the interval of the coverage only where all horizons are taken together."""
    samples = 0 if "horizon" in by else 1000
    tables = [
        intervals.evaluate(rows, by, samples).assign(ticker=t, method=m)
        for t, of in bands.items()
        for m, rows in of.items()
    ]
    found = pd.concat(tables, ignore_index=True)
    return found[["ticker", "method", *(c for c in found if c not in ("ticker", "method"))]]


def differences_in_words(found: pd.DataFrame, reading: str) -> str:
    """In how many network and ticker pairs a reading has the larger skill, and by how much in the middle."""
    lines = []
    for part, rows in found.dropna(subset=[f"added by {reading}"]).groupby("part", sort=False):
        rows = rows[rows["model"] != baselines.NAIVE]
        added = rows[f"added by {reading}"]
        base = next(c for c in rows if c.startswith("skill, "))
        lines.append(
            f"{part} days: {reading} has the larger skill in {(added > 0).sum()} of {len(rows)} pairs of model and ticker, median {added.median():+.3f};"
            f" skill above 0: {((rows[base] + added) > 0).sum()} with it, {(rows[base] > 0).sum()} without."
        )
    return "\n".join(lines)


def trading_in_words(traded: pd.DataFrame, part: str) -> str:
    """How many rules earned more than holding, and whether any stays credible after allowing for their number."""
    lines = []
    for (ticker, reading), rows in traded[traded["part"] == part].groupby(["ticker", "reading"], sort=False):
        held = rows[rows["model"] == "buy and hold"].iloc[0]
        rules = rows[rows["model"] != "buy and hold"]
        credible = ", ".join(rules.loc[rules["deflated"] > 0.95, "model"]) or "none"
        lines.append(
            f"{ticker}, {part} days, {reading}: {(rules['total_return'] > held['total_return']).sum()} of {len(rules)} rules earn more than holding"
            f" ({held['total_return']:+.0%}); credible after allowing for their number: {credible}."
        )
    return "\n".join(lines)


def picked_in_words(picked: pd.DataFrame) -> str:
    """What picking the best of all seeds adds in the middle, on validation and on test days, and what it leaves one with."""
    lines = []
    for reading, rows in picked[picked["picked_of"] == picked["seeds"]].groupby("reading", sort=False):
        lines.append(
            f"{reading}: picking the best of {rows['seeds'].iloc[0]} seeds adds {rows['validation_gain'].median():+.3f} to the skill on the validation"
            f" days that picked it, and {rows['test_gain'].median():+.3f} on test days (medians over {len(rows)} pairs of network and ticker)."
            f" The picked seed's test skill is {rows['test_skill'].median():+.3f} in the middle, above 0 in"
            f" {(rows['test_skill'] > 0).sum()} of {len(rows)}."
        )
    return "\n".join(lines)


def folds_in_words(found: pd.DataFrame) -> str:
    """Which models beat the naive forecast over all blocks, after Holm, and in how many blocks."""
    lines = []
    for (ticker, scheme), rows in found[found["model"] != baselines.NAIVE].groupby(["ticker", "scheme"], sort=False):
        sure = ", ".join(rows.loc[rows["p_better_holm"] < significance.LEVEL, "model"]) or "none"
        best = rows.loc[rows["skill"].idxmax()]
        lines.append(
            f"{ticker}, {scheme}: {(rows['skill'] > 0).sum()} of {len(rows)} models have a skill above 0 over all days; better after Holm: {sure}."
            f" Best {best['model']}, skill {best['skill']:+.3f}, above 0 in {best['blocks_better']} of {best['blocks']} blocks."
        )
    return "\n".join(lines)


def leaks_in_words(added: pd.DataFrame) -> str:
    """What each leak adds to the skill on test days, over all pairs of network and ticker."""
    lines = []
    for column in (c for c in added if c.startswith("added by ")):
        values = added[column].dropna()
        lines.append(
            f"{column.removeprefix('added by ')}: adds {values.median():+.3f} to the skill in the middle ({values.min():+.3f} to {values.max():+.3f}),"
            f" more than nothing in {(values > 0).sum()} of {len(values)} pairs of network and ticker{_same(values)}."
        )
    return "\n".join(lines)


def _same(added: pd.Series) -> str:
    zeros = int((added == 0).sum())
    return f", exactly nothing in {zeros}: the same bits, as the leak changed no input" if zeros else ""


def leak_check_in_words(caught: pd.DataFrame) -> str:
    """Whether the check passed the honest pipeline and caught the leaky one."""
    lines = [
        f"{row.ticker}, scaling {row.scaling}, gaps filled {row.gap_fill}: {row.changed} of {row.forecasts} forecasts until {row.day} change"
        f" with later prices: {'it looks ahead' if row.looked_ahead else 'nothing looks ahead'}."
        for row in caught.itertuples()
    ]
    return "\n".join(lines)


def intervals_in_words(by_level: pd.DataFrame) -> str:
    """Coverage of each method against each promise with its interval, in the calm and turbulent thirds, width and Winkler score."""
    first = by_level.iloc[0]
    lines = [
        f"Forecasts of neighbouring days share most of their days: {first['forecasts']} forecasts from {first['origins']} days are about"
        f" {first['spans']} spans that share none, each third of the days about {max(first['spans'] // 3, 1)}. In brackets 95 % intervals by drawn blocks of days."
    ]
    for (ticker, level), rows in by_level.groupby(["ticker", "level"], sort=False):
        told = "; ".join(
            f"{r.method} {r.coverage:.0%} ({r.coverage_lower:.0%} to {r.coverage_upper:.0%}; calm third {r.coverage_calm:.0%}, turbulent third"
            f" {r.coverage_turbulent:.0%}), width {r.width_percent:.0f} % of the price, Winkler {r.winkler_percent:.0f} %"
            for r in rows.itertuples()
        )
        lines.append(f"{ticker}, promised {level:.0%}: {told}.")
    return "\n".join(lines)


def controls_in_words(rates: pd.DataFrame, found: pd.DataFrame) -> str:
    """Whether the controls held: no more alarms than chance explains, and the signal found.

    Args:
        rates: :func:`lib.experiments.controls.alarm_rates` of random walks; found: of series with a planted signal.
    """
    single = rates[~rates["model"].str.startswith("any model")]
    models = ", ".join(dict.fromkeys(single["model"]))
    many, few = single[single["too_many"]], single[single["alarms"] < single["fewest"]]
    lines = [
        f"On {rates['runs'].iloc[0]} random walks more alarms than chance explains: {_alarms(many)}; fewer: {_alarms(few)}"
        f" (models that fit noise are worse than the naive forecast, so a test against it is on the safe side).",
        f"Each of the {single['model'].nunique()} models ({models}) was trained anew on each series, the networks at a small size and on log returns.",
    ]
    several = rates[rates["model"].str.startswith("any model")]
    lines.append(
        f"Some model of the {single['model'].nunique()} raises an alarm in: {_alarms(several)}. That is why p-values are corrected by Holm."
    )
    better = found[~found["model"].str.startswith("any model") & (found["test"] == "diebold_mariano")]
    lines.append(
        f"On {found['runs'].iloc[0]} series with a planted signal a model is rightly found better than the naive forecast in: {_alarms(better)}."
    )
    return "\n".join(lines)


def _alarms(rows: pd.DataFrame) -> str:
    return "; ".join(f"{r.model} by {r.test} ({r.alarms} of {r.runs})" for r in rows.itertuples()) or "none"


def shift_table(seed: int, days: int = 400) -> pd.DataFrame:
    """What the alignment check says of forecasts on a simulated walk: as they are, and shifted by a day to either side."""
    close = controls.walk(days, seed=seed)
    rows = []
    for shift, name in ((0, "on their day"), (-1, "a day too early"), (1, "a day too late")):
        noise = np.random.default_rng([seed, 1]).standard_normal(days)  # of its own, or it would know the shocks
        noisy = close.shift(1) * np.exp(0.002 * noise)
        frame = pd.DataFrame(
            {"date": close.index, "actual_usd": close, "predicted_usd": noisy.shift(shift), "naive_usd": close.shift(1)}
        )
        rows.append({"forecasts": name, **alignment.alignment(frame.dropna().reset_index(drop=True))})
    return pd.DataFrame(rows)
