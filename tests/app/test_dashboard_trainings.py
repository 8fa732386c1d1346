"""The page's trainings, networks and forecasts for several visitors, with trainings that end at once."""

import base64
import io
import json
import time
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lib.app.dashboard import costs, forecasts, web
from lib.app.service.runs import NotThere
from lib.evaluation import scoring
from lib.experiments.pool import PoolError
from lib.results import files

ONE, TWO = "1" * 32, "2" * 32
FORM = {
    "source": "sample",
    "ticker": "BTC-USD",
    "start_date": "2020-01-01",
    "end_date": "2021-10-27",
    "lookback": 20,
    "epochs": 3,
}
BODY = {**FORM, "model": "CNN"}
NOWHERE = "20260101000000-ffffff"
WAIT_S = 20


def until(condition):
    end = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


@pytest.fixture
def train(ask):
    """train(visitor, **changes) -> the state of a training that has begun."""

    def begun(visitor="", **changes):
        answer = ask("POST", "/train?wait=false&plots=false", {**BODY, **changes}, visitor)
        assert answer.status_code == 202, answer.text
        return answer.json()

    return begun


@pytest.fixture
def trained(ask, train):
    """trained(visitor, **changes) -> the name of a network."""

    def ended(visitor="", **changes):
        run = train(visitor, **changes)["request_id"]
        return until(lambda: ask("GET", f"/trainings/{run}", visitor=visitor).json()["network"])

    return ended


def followed(ask, run, visitor="", since=1):
    return ask("GET", f"/dashboard/trainings/{run}/follow?since={since}", visitor=visitor)


# -- the form ----------------------------------------------------------------------------------


def test_a_right_form_has_nothing_wrong_and_nothing_is_trained(ask, fake_pool):
    answer = ask("POST", "/dashboard/check", {**FORM, "network": "LSTM"})
    assert answer.json() == {"wrong": {}} and fake_pool.trainings == []


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"epochs": 0}, "epochs", "Epochs: 0 is not allowed. Allowed: 1 to 1000 epochs"),
        ({"epochs": "many"}, "epochs", "Epochs: many is not allowed"),
        ({"epochs": 10**30}, "epochs", "is not allowed. Allowed: 1 to 1000"),
        ({"learning_rate": 7}, "learning_rate", "Learning rate: 7 is not allowed. Allowed: above 0 to 1"),
        ({"start_date": "2021-13-01"}, "start_date", "Start date: 2021-13-01 is not allowed"),
        ({"end_date": "2022-01-01"}, "end_date", "source sample holds 2020-01-01 to 2021-10-27"),
        ({"source": "folder"}, "source", "Source: folder is not allowed. Allowed: sample, yahoo."),
        ({"ticker": "DOGE-USD"}, "ticker", "source sample holds BTC-USD only, not DOGE-USD"),
        ({"lookback": 90, "start_date": "2021-08-01"}, "lookback", "leaves no window"),
        ({"network": []}, "network", "Network: [] is not allowed. Allowed: one of CNN"),
        ({"colour": "red"}, "colour", "colour: there is no such field."),
    ],
)
def test_what_is_wrong_with_a_form_is_told_at_its_field(ask, change, field, words):
    wrong = ask("POST", "/dashboard/check", {**FORM, "network": "CNN", **change}).json()["wrong"]
    assert words in wrong[field]


# -- a training --------------------------------------------------------------------------------


def test_a_training_is_followed_to_its_end(ask, train, fake_pool):
    fake_pool.hold = True
    run = train(ONE)["request_id"]
    until(lambda: fake_pool.handles)
    first = followed(ask, run, ONE).json()
    assert first["state"]["status"] == "running" and first["state"]["epoch"] == 3
    epochs = [event for event in first["events"] if event["event"] == "training_update"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3] and all(event["naive_val_loss"] > 0 for event in epochs)
    fake_pool.handles[0].ended.set()
    events = first["events"]
    while (told := followed(ask, run, ONE, len(events) + 1).json())["state"]["status"] == "running":
        events += told["events"]
    events += told["events"]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1)), "none is lost, none comes twice"
    assert events[-1]["event"] == "training_ended" and told["state"]["network"]
    assert len(followed(ask, run, ONE).json()["events"]) == len(events), "after a reload all of them come again"


def test_who_follows_a_training_in_which_nothing_happens_is_answered_after_a_while(ask, train, fake_pool, monkeypatch):
    monkeypatch.setattr(web, "_FOLLOW_SECONDS", 0.2)
    fake_pool.hold = True
    run = train()["request_id"]
    until(lambda: fake_pool.handles)
    known = followed(ask, run).json()["state"]["events"]
    begun = time.monotonic()
    assert followed(ask, run, since=known + 1).json()["events"] == []
    assert 0.15 < time.monotonic() - begun < 5


def test_one_visitor_sees_nothing_of_another(ask, train, trained, fake_pool, pages):
    network = trained(ONE)
    fake_pool.hold = True
    run = train(ONE, epochs=7)["request_id"]
    for method, path in (
        ("GET", f"/dashboard/trainings/{run}/follow"),
        ("GET", f"/trainings/{run}"),
        ("GET", f"/trainings/{run}/events"),
        ("POST", f"/trainings/{run}/cancel"),
        ("GET", f"/dashboard/networks/{network}"),
        ("GET", f"/dashboard/networks/{network}/views/qq"),
        ("GET", f"/dashboard/curves?networks={network}"),
        ("GET", f"/networks/{network}"),
        ("DELETE", f"/networks/{network}"),
    ):
        for other in (TWO, "", "../" + ONE, ONE.upper() + "x"):
            assert ask(method, path, visitor=other).status_code == 404, path
    for path in ("/dashboard/forecast", "/predict"):
        assert ask("POST", path, {"network": network, "days": 3}, TWO).status_code == 404
    for path in ("/trainings", "/networks", "/dashboard/networks"):
        assert ask("GET", path, visitor=TWO).json() == [] and ask("GET", path, visitor=ONE).json()
    assert {folder.name for folder in pages.root.iterdir()} == {ONE}
    assert ask("GET", f"/trainings/{run}", visitor=ONE).json()["status"] == "running"


def test_a_cancelled_training_saves_nothing_and_the_next_one_works(ask, train, trained, fake_pool):
    before = trained(ONE)
    fake_pool.hold = True
    run = train(ONE, epochs=7)["request_id"]
    until(lambda: len(fake_pool.handles) == 2)
    state = ask("POST", f"/trainings/{run}/cancel", visitor=ONE).json()
    assert state["status"] == "cancelled" and until(lambda: fake_pool.handles[1].cancelled)
    told = followed(ask, run, ONE).json()
    assert told["state"]["error"] == "The training was cancelled." and told["events"][-1]["status"] == "cancelled"
    assert ask("POST", f"/trainings/{run}/cancel", visitor=ONE).status_code == 409
    assert [row["network"] for row in ask("GET", "/dashboard/networks", visitor=ONE).json()] == [before]
    fake_pool.hold = False
    trained(ONE, epochs=8)
    assert len(ask("GET", "/dashboard/networks", visitor=ONE).json()) == 2


@pytest.mark.parametrize(
    ("error", "words", "temporary"),
    [
        (PoolError("a worker process died 5 times"), "died 5 times", True),
        (OSError(110, "Connection timed out"), "An unexpected error ended it", False),
    ],
)
def test_a_training_that_fails_says_why_and_loses_nothing(ask, train, trained, fake_pool, error, words, temporary):
    before = trained()
    fake_pool.error = error
    run = train(epochs=7)["request_id"]
    state = until(lambda: (s := followed(ask, run).json()["state"])["status"] == "failed" and s)
    assert words in state["error"] and state["temporary"] == temporary and "Traceback" not in state["error"]
    assert [row["network"] for row in ask("GET", "/dashboard/networks").json()] == [before]
    assert ask("POST", "/dashboard/forecast", {"network": before, "days": 3}).status_code in (500, 503)
    fake_pool.error = None
    assert ask("POST", "/dashboard/forecast", {"network": before, "days": 3}).status_code == 200


def test_a_diverged_training_says_what_to_do_and_saves_nothing(ask, train, fake_pool):
    fake_pool.changes = {"diverged": True}
    run = train()["request_id"]
    state = until(lambda: (s := followed(ask, run).json()["state"])["status"] == "failed" and s)
    assert "Choose a smaller learning rate" in state["error"] and ask("GET", "/dashboard/networks").json() == []


def test_more_trainings_of_a_visitor_than_are_allowed_are_refused(ask, train, fake_pool, pages):
    fake_pool.hold = True
    for epochs in range(5, 5 + pages.settings.max_running_trainings):
        train(ONE, epochs=epochs)
    assert ask("POST", "/train?wait=false", {**BODY, "epochs": 4}, ONE).status_code == 429
    train(TWO)


def test_a_folder_that_cannot_be_written_is_one_sentence(ask, train, pages):
    pages.root.mkdir(parents=True)
    (pages.root / ONE).write_text("in the way", encoding="utf-8")
    run = train(ONE)["request_id"]
    state = until(lambda: (s := followed(ask, run, ONE).json()["state"])["status"] == "failed" and s)
    assert f"cannot write {ONE}" in state["error"]


def test_a_visitor_who_was_away_for_long_costs_nothing_and_keeps_the_networks(
    ask, train, trained, pages, monkeypatch, fake_pool
):
    network = trained(ONE)
    fake_pool.hold = True
    train(TWO)
    runs = {name: found for name, (_, found) in pages._visitors.items()}
    now = time.monotonic()
    monkeypatch.setattr(web.time, "monotonic", lambda: now + web._FORGOTTEN_SECONDS + 1)
    ask("GET", "/trainings")
    assert set(pages._visitors) == {TWO, web.NOBODY}, "who trains is not forgotten"
    assert runs[ONE]._closed.is_set()
    assert [row["network"] for row in ask("GET", "/dashboard/networks", visitor=ONE).json()] == [network]


# -- networks ----------------------------------------------------------------------------------


def test_networks_are_listed_with_what_they_are_worth(ask, trained):
    first, second = trained(), trained(seed=43)
    rows = ask("GET", "/dashboard/networks").json()
    assert {row["network"] for row in rows} == {first, second}
    assert rows[0]["badge"]["kind"] in ("worse", "same") and "no model" in rows[0]["badge"]["words"]
    assert rows[0]["seconds"] == 1 and rows[0]["test_metrics"]["naive"]["r2"] < 1
    assert ask("DELETE", f"/networks/{second}").status_code == 204
    assert [row["network"] for row in ask("GET", "/dashboard/networks").json()] == [first]


def test_a_server_that_began_anew_has_the_networks(ask, trained, pages):
    """And a page that follows a training of the old one is told that it is not there."""
    network = trained(ONE)
    (run,) = ask("GET", "/trainings", visitor=ONE).json()
    anew = web.Pages(pages.chosen, pages.settings)
    runs = anew.runs(ONE)
    assert [entry.identity for entry, _ in runs.summaries()] == [network] and runs.states() == []
    assert len(runs.forecast(network, None, 3).days) == 3
    with pytest.raises(NotThere):
        runs.state(run["request_id"])
    anew.close()


def test_a_record_of_an_earlier_version_is_listed_and_used(ask, trained, pages):
    """It may lack whatever was added since."""
    network = trained()
    path = pages.root / web.NOBODY / network / "network.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    kept = ("trained", "request", "parameters", "hyperparameters", "scores", "history")
    old = {name: record[name] for name in kept}
    old["scores"] = [{k: v for k, v in row.items() if not k.startswith("skill_")} for row in record["scores"]]
    files.write_json(path, old)
    pages.runs().collection._read.clear()
    pages.runs()._networks.clear()
    (row,) = ask("GET", "/dashboard/networks").json()
    assert row["seconds"] is None and row["badge"]["kind"] == "unknown"
    told = ask("GET", f"/dashboard/networks/{network}").json()
    assert (told["seconds"], told["origin"], told["best_epoch"]) == (1, "", 3)


def test_a_network_has_scores_with_badges_and_the_days_that_a_forecast_may_begin_on(ask, trained):
    told = ask("GET", f"/dashboard/networks/{trained()}").json()
    assert [(row["part"], row["model"]) for row in told["scores"]] == [
        (part, model) for part in ("train", "validation", "test") for model in ("CNN", "naive")
    ]
    of_naive = [row for row in told["scores"] if row["model"] == "naive"]
    assert {row["badge"]["kind"] for row in of_naive} == {"unknown"} and of_naive[0]["skill_lower"] is None
    assert told["starts"][1] == "2021-10-28" and told["starts"][0] < told["starts"][1]
    assert told["verdict"].startswith("On ") and told["origin"]


def test_every_view_is_drawn_in_both_themes(ask, trained):
    network = trained()
    grounds = {}
    for view in ask("GET", "/dashboard/start").json()["views"]:
        figure = ask("GET", f"/dashboard/networks/{network}/views/{view['name']}?theme=dark").json()
        assert figure["data"] and figure["layout"]["title"]["text"], view
    for theme in ("light", "dark"):
        figure = ask("GET", f"/dashboard/networks/{network}/views/qq?theme={theme}").json()
        grounds[theme] = figure["layout"]["template"]["layout"]["paper_bgcolor"]
    assert grounds["light"] != grounds["dark"]
    wrong = ask("GET", f"/dashboard/networks/{network}/views/pie")
    assert wrong.status_code == 422 and "View: pie is not one of" in wrong.json()["message"]
    assert ask("GET", f"/dashboard/networks/{network}/views/qq?theme=sepia").status_code == 422


def test_curves_of_several_trainings_have_the_error_of_no_model_as_their_unit(ask, trained, pages):
    names = [trained(), trained(model="LSTM")]
    figure = ask("GET", f"/dashboard/curves?networks={','.join(names)}").json()
    assert [line["name"].split(", ")[:2] for line in figure["data"]] == [
        ["BTC-USD", "CNN"], ["BTC-USD", "LSTM"], ["no model"]
    ]  # fmt: skip
    assert list(figure["data"][2]["y"]) == [1, 1]
    loaded = pages.runs().network(names[0])
    sent = figure["data"][0]["y"]
    drawn = np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]) if "bdata" in sent else sent
    np.testing.assert_allclose(drawn, loaded.result.val_loss / scoring.naive_scores(loaded.training.data)["MSE"])
    assert ask("GET", f"/dashboard/curves?networks={names[0]},none").status_code == 404


# -- forecasts ---------------------------------------------------------------------------------


def test_a_forecast_leads_with_no_model_and_its_interval(ask, trained):
    network = trained()
    told = ask("POST", "/dashboard/forecast", {"network": network, "days": 5, "start_date": "2021-10-10"}).json()
    assert told["origin"] == "2021-10-09" and len(told["rows"]) == 5 and told["level"] == 0.9
    widths = [row["naive_upper_usd"] - row["naive_lower_usd"] for row in told["rows"]]
    assert all(row["naive_lower_usd"] < row["naive_usd"] < row["naive_upper_usd"] for row in told["rows"])
    assert widths[0] < widths[4]
    assert told["sentence"].startswith("If the price stays as it is (no model), it is ")
    assert "on 2021-10-10; 90% of such days end within " in told["sentence"]
    assert "The CNN says " in told["sentence"] and "Those of 5 days were " in told["sentence"]
    names = [line["name"] for line in told["figure"]["data"]]
    assert "90% interval of no model" in names and "no model: as today" in names
    assert len(ask("POST", "/dashboard/forecast", {"network": network}).json()["rows"]) == 15


def test_the_interval_of_no_model_knows_no_day_after_the_origin(ask, trained, pages):
    network = pages.runs().network(trained())
    made = pages.runs().forecast(network.identity, date(2021, 8, 1), 3)
    later = network.prices.copy()
    later.loc["2021-08-01":, ["Open", "High", "Low", "Close"]] *= 3
    other = replace(network, prices=later)
    rows = [forecasts.shown(one, made, "light")["rows"] for one in (network, other)]
    assert rows[0] == rows[1]


def test_a_file_of_a_forecast_names_coin_and_network_and_has_rounded_numbers(ask, trained):
    told = ask("POST", "/dashboard/forecast", {"network": trained(), "days": 3, "start_date": "2021-10-10"}).json()
    table = pd.read_csv(io.StringIO(told["csv"]), dtype=str)
    assert list(table.columns[:2]) == ["coin", "network"] and told["file"] == "BTC-USD_CNN_2021-10-10.csv"
    assert set(table["coin"]) == {"BTC-USD"} and set(table["network"]) == {"CNN"}
    assert list(table["date"]) == ["2021-10-10", "2021-10-11", "2021-10-12"]
    assert list(table["horizon"]) == ["1", "2", "3"]
    digits = [len(text.replace(".", "").lstrip("-0")) for text in table["path_usd"]]
    assert max(digits) <= 6 and float(table["naive_usd"][0]) == pytest.approx(told["rows"][0]["naive_usd"], rel=1e-5)
    assert table["verdict"].str.contains("no model").all()


@pytest.fixture
def made(trained, pages):
    """A network and its forecast of two days."""
    network = pages.runs().network(trained())
    return network, pages.runs().forecast(network.identity, date(2021, 10, 10), 2)


@pytest.mark.parametrize(
    ("lower", "upper", "p", "kind", "words"),
    [
        (-3.0, -0.5, 0.001, "worse", "worse than no model"),
        (-0.2, 0.1, 0.6, "same", "no better than no model"),
        (0.05, 0.2, 0.012, "better", "better than no model, p = 0.012"),
        (np.nan, np.nan, np.nan, "unknown", "too few days to compare with no model"),
    ],
)
def test_a_badge_says_what_a_forecast_is_worth(made, lower, upper, p, kind, words):
    network, forecast = made
    skill = (lower + upper) / 2
    numbers = {"skill": skill, "skill_lower": lower, "skill_upper": upper, "p_value": p, "without_price": 0}
    told = forecasts.shown(network, replace(forecast, days=forecast.days.assign(**numbers)), "light")
    assert told["badge"] == told["last_badge"] == {"kind": kind, "words": words}
    assert [row["verdict"]["kind"] for row in told["rows"]] == [kind] * 2
    bold = max(told["figure"]["data"], key=lambda line: line["line"].get("width", 0))["name"]
    assert bold == ("CNN" if kind == "better" else "no model: as today")
    times = f"{1 - skill:.2f} times as large (95 % interval {1 - upper:.2f} to {1 - lower:.2f})"
    numbers = f"were {words}: their squared error was {times}"
    assert ("on too few days" if kind == "unknown" else numbers) in told["sentence"]
    assert "nan" not in told["sentence"]


def test_only_days_that_are_all_better_make_the_network_s_line_the_bold_one(made):
    network, forecast = made
    numbers = {"skill_lower": [0.1, -0.1], "skill_upper": 0.3, "skill": [0.2, 0.1], "p_value": 0.01, "without_price": 0}
    told = forecasts.shown(network, replace(forecast, days=forecast.days.assign(**numbers)), "light")
    assert (told["badge"]["kind"], told["last_badge"]["kind"]) == ("better", "same")
    assert "90% interval of no model" in [line["name"] for line in told["figure"]["data"]]


def test_a_path_that_fell_to_zero_on_a_test_day_is_worse_and_not_unknown(made):
    """Its loss has no limit, so there is no interval."""
    network, forecast = made
    numbers = {"skill": -np.inf, "skill_lower": np.nan, "skill_upper": np.nan, "p_value": np.nan, "without_price": 2}
    told = forecasts.shown(network, replace(forecast, days=forecast.days.assign(**numbers)), "light")
    assert told["badge"]["kind"] == told["last_badge"]["kind"] == "worse"
    assert "fell to zero or below, which is no price" in told["sentence"] and told["rows"][0]["skill"] is None


def test_wrong_days_of_a_forecast_are_told_at_their_fields(ask, trained):
    network = trained()
    asked = {"network": network, "start_date": "2020-02-01", "days": 31}
    answer = ask("POST", "/dashboard/forecast", asked)
    assert answer.status_code == 422 and [e["field"] for e in answer.json()["errors"]] == ["start_date", "days"]
    assert "1 to 30 days" in answer.json()["message"]
    assert ask("POST", "/dashboard/forecast", {"network": network, "days": "3"}).status_code == 422
    assert ask("POST", "/dashboard/forecast", {"network": "none"}).status_code == 404


# -- costs -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_costs_are_measured_once_when_they_are_asked_for(ask, monkeypatch, fake_pool, naive_result):
    seconds = {1: 9.0, 2: 2.0, 6: 4.0}  # by epochs; the first has what a worker loads once

    def train(training):
        fake_pool.trainings.append(training)
        done = naive_result(training, seconds=seconds[training.settings.max_epochs])
        return SimpleNamespace(result=lambda: done)

    monkeypatch.setattr(costs.train, "train", train)
    assert ask("GET", "/dashboard/costs?network=LSTM").json() == {"presets": {}, "whole": False}
    told = until(lambda: (t := ask("GET", "/dashboard/costs?network=LSTM").json())["whole"] and t)
    assert set(told["presets"]) == {f"{name} of LSTM" for name in ("quick", "balanced", "thesis best")}
    assert all(one["once"] == pytest.approx(1) and one["epoch"] > 0 for one in told["presets"].values())
    assert len(fake_pool.trainings) == 9 and {training.network for training in fake_pool.trainings} == {"LSTM"}
    ask("GET", "/dashboard/costs?network=LSTM")
    assert len(fake_pool.trainings) == 9
    assert ask("GET", "/dashboard/costs?network=GRU").status_code == 422


def test_costs_that_could_not_be_measured_are_tried_again(ask, monkeypatch, pages):
    tried = []

    def train(training):
        tried.append(training)
        raise PoolError("no workers")

    monkeypatch.setattr(costs.train, "train", train)
    for count in (1, 2):
        assert not ask("GET", "/dashboard/costs?network=CNN").json()["whole"]
        until(lambda: len(tried) == count and not pages.costs._begun)  # noqa: B023
