"""The service over HTTP, with trainings that end at once: every request, every refusal, and what is told of each."""

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import pytest
from fastapi.testclient import TestClient

from lib.app import charts
from lib.app.charts import picture
from lib.app.service import environment, runs, web
from lib.app.service.store import StoreError
from lib.evaluation import resampling
from lib.experiments.pool import PoolError

BASE = "http://127.0.0.1:5000"
TOKEN = "a-token-of-24-characters"
BODY = {
    "ticker": "BTC-USD",
    "model": "CNN",
    "start_date": "2020-01-01",
    "end_date": "2021-10-27",
    "lookback": 20,
    "epochs": 3,
}
NOWHERE = "20260101000000-ffffff"
PICTURES = json.dumps(dict.fromkeys(charts.VIEWS, "data:image/png;base64,cG5n")).encode()


@contextmanager
def opened(folder, **settings):
    """A client of a service with these settings."""
    given = {"price_sources": ("sample",), "service_folder": folder, "requests_per_minute": 10**6}
    service = web.Service(environment.load(**{**given, **settings}))
    with TestClient(service.app, base_url=BASE, raise_server_exceptions=False) as client:
        client.service = service
        yield client


@pytest.fixture
def serve(tmp_path, fake_pool, monkeypatch):
    """serve(**settings) -> a client of a service with them, which draws no views and resamples little."""
    monkeypatch.setattr(runs.Runs, "_drawn", lambda *_: PICTURES)
    interval = partial(resampling.skill_with_interval, repetitions=20)
    monkeypatch.setattr(resampling, "skill_with_interval", interval)
    with ExitStack() as services:
        yield lambda **settings: services.enter_context(opened(tmp_path / "service", **settings))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A client of a service for all requests that it refuses, so that nothing is ever trained."""
    with opened(tmp_path_factory.mktemp("service")) as client:
        yield client
        assert client.get("/trainings").json() == []


@pytest.fixture
def client(serve):
    return serve()


def ended(client, request_id):
    end = time.monotonic() + 20
    while (state := client.get(f"/trainings/{request_id}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.01)
    return state


def no_constants(text):
    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def test_health_is_as_listing_6_has_it(untrained):
    answer = untrained.get("/health").json()
    assert set(answer) == {"status", "timestamp"} and answer["status"] == "healthy"


def test_a_training_is_answered_as_listing_2_has_it(tmp_path, fake_pool, monkeypatch):
    monkeypatch.setattr(picture, "png", lambda figure: b"png")
    with opened(tmp_path) as client:
        answer = client.post("/train", json=BODY)
        assert client.post("/train?plots=false", json=BODY).json()["data"]["plots"] is None
    whole = no_constants(answer.text)
    assert answer.status_code == 200 and whole["status"] == "success" and whole["request_id"][:2] == "20"
    data = whole["data"]
    train, test = data["train_metrics"], data["test_metrics"]
    assert {"mae", "rmse", "r2", "mape", "mse", "naive", "skill"} <= set(train) & set(test)
    assert test["skill"] == pytest.approx(0, abs=1e-5) and test["naive"]["mae"] == pytest.approx(test["mae"])
    assert len(data["history"]["loss"]) == len(data["history"]["val_loss"]) == 3
    assert len(data["plots"]) == 12 and data["plots"]["training_history"] == "cG5n"
    assert "'tomorrow equals today'" in data["verdict"]


def test_a_forecast_is_answered_as_listing_4_has_it_with_the_naive_one_beside(client):
    client.post("/train?plots=false", json=BODY)
    answer = no_constants(client.post("/predict", json={"start_date": "2021-10-01", "days": 10}).text)
    data = answer["data"]
    assert answer["status"] == "success" and len(data["predictions"]) == 10 and not answer["cached"]
    day = data["predictions"][0]
    assert (
        day["timestamp"] == "2021-10-01T00:00:00" and day["lower_bound"] < day["predicted_value"] < day["upper_bound"]
    )
    assert day["predicted_value"] == pytest.approx(day["naive_value"]) and 0 <= day["confidence"] <= 1
    assert {"model": "CNN", "lookback": 20, "ticker": "BTC-USD"}.items() <= data["model_config"].items()
    assert data["data_range"]["prediction_start"] == day["timestamp"] and "Bounds promise 90%" in data["verdict"]
    again = client.post("/predict", json={"start_date": "2021-10-01", "days": 10}).json()
    assert again["cached"] and again["age_seconds"] > 0 and again["data"] == data
    assert len(client.post("/predict", json={}).json()["data"]["predictions"]) == 15


def test_any_part_of_the_key_of_a_cached_forecast_misses(client):
    client.post("/train?plots=false", json=BODY)
    first = client.get("/networks").json()[0]["network"]
    client.post("/train?plots=false", json={**BODY, "seed": 43})
    second = client.get("/networks").json()[0]["network"]
    asked = [{"days": 3}, {"days": 4}, {"days": 3, "start_date": "2021-10-02"}, {"days": 3, "network": first}]
    assert [client.post("/predict", json=body).json()["cached"] for body in asked] == [False] * 4
    assert client.post("/predict", json={"days": 3, "network": second}).json()["cached"], "the newest network's"


def test_a_training_that_is_known_is_not_made_again_and_says_so(client, fake_pool):
    first = client.post("/train", json=BODY).json()["data"]
    fake_pool.cached = {key: replace(result, cached=True) for key, result in fake_pool.cached.items()}
    again = client.post("/train", json=BODY).json()
    assert (
        again["cached"] and again["data"]["network"] == first["network"] and "nothing was trained" in again["message"]
    )
    assert again["prices_age_seconds"] > 0, "kept from the first time"
    assert len(client.get("/networks").json()) == 1
    other = client.post("/train", json={**BODY, "dropout_rate": 0.3}).json()["data"]
    assert other["network"] != first["network"]


def test_without_waiting_a_training_is_followed_by_its_links(client, fake_pool):
    fake_pool.hold = True
    answer = client.post("/train?wait=false", json=BODY)
    links = answer.json()["links"]
    assert answer.status_code == 202 and answer.headers["location"] == links["state"]
    while not fake_pool.handles:
        time.sleep(0.01)
    state = client.get(links["state"]).json()
    assert (state["status"], state["epoch"], state["epochs"], state["data"]) == ("running", 3, 3, None)
    fake_pool.handles[-1].ended.set()
    assert ended(client, answer.json()["request_id"])["data"]["test_metrics"]["days"] > 0
    events = client.get(links["events"]).json()["events"]
    assert [e["number"] for e in events] == list(range(1, len(events) + 1))
    names = [e["event"] for e in events]
    views = ["visualizing_update"] * 12 + ["training_ended"]
    assert names == ["stage"] * 2 + ["training_update"] * 3 + ["validation_update"] + views
    assert {"epoch", "loss", "progress"} <= set(events[2]) and {"mse", "mae", "r2", "naive"} <= set(events[5])
    assert events[6]["plot"] == "training_history" and events[6]["image"].startswith("data:image/png;base64,")
    later = client.get(links["events"].replace("since=1", "since=6")).json()["events"]
    assert later == events[5:]


def test_a_training_that_runs_is_cancelled_and_a_client_that_waits_hears_of_it(client, fake_pool):
    fake_pool.hold = True
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.post("/train", json=BODY)))
    waiting.start()
    while not fake_pool.handles:
        time.sleep(0.01)
    request_id = client.get("/trainings").json()[0]["request_id"]
    assert client.post(f"/trainings/{request_id}/cancel").json()["status"] == "cancelled"
    waiting.join(20)
    assert answers[0].status_code == 409 and "cancelled" in answers[0].json()["message"]
    assert fake_pool.handles[-1].cancelled and client.get(f"/trainings/{request_id}").json()["status"] == "cancelled"
    *_, log, last = client.get(f"/trainings/{request_id}/events").json()["events"]
    assert log["event"] == "error_log" and "cancelled" in log["error"]
    assert (last["event"], last["status"], last["network"]) == ("training_ended", "cancelled", None)
    again = client.post(f"/trainings/{request_id}/cancel")
    assert again.status_code == 409 and "has ended" in again.json()["message"]


def test_more_trainings_than_allowed_wait_outside(serve, fake_pool):
    client = serve(max_running_trainings=1)
    fake_pool.hold = True
    first = client.post("/train?wait=false", json=BODY).json()["request_id"]
    answer = client.post("/train?wait=false", json={**BODY, "seed": 1})
    assert answer.status_code == 429 and answer.headers["retry-after"] and "1 trainings run" in answer.json()["message"]
    client.post(f"/trainings/{first}/cancel")
    assert client.post("/train?wait=false", json={**BODY, "seed": 1}).status_code == 202


def test_a_forgotten_network_is_gone_and_its_training_stays(client, fake_pool):
    network = client.post("/train?plots=false", json=BODY).json()["data"]["network"]
    assert client.get(f"/networks/{network}").json()["network"] == network
    assert client.delete(f"/networks/{network}").status_code == 204 and client.get("/networks").json() == []
    assert client.post("/predict", json={"network": network}).status_code == 404
    assert client.post("/predict", json={}).json()["message"].startswith("There is no trained network yet")
    assert len(fake_pool.cached) == 1


@pytest.mark.parametrize(
    "error, status",
    [(PoolError("the workers are gone"), 503), (ValueError("nobody foresaw /home/somebody/secret.csv"), 422)],
)
def test_a_training_that_fails_says_why_and_shows_no_folder(client, fake_pool, error, status):
    fake_pool.error = error
    answer = client.post("/train", json=BODY)
    assert answer.status_code == status and "/home" not in answer.text and "Traceback" not in answer.text
    state = client.get("/trainings").json()[0]
    assert state["status"] == "failed" and state["error"][1:] in answer.json()["message"]


WRONG = [
    ({"epochs": 0}, "epochs", 0, "1 to 1000"),
    ({"epochs": "50"}, "epochs", "50", "1 to 1000"),
    ({"lookback": 91}, "lookback", 91, "1 to 90"),
    ({"ticker": "../../etc/passwd"}, "ticker", "../../etc/passwd", "1 to 32 letters"),
    ({"ticker": "BTC-USD; rm -rf /"}, "ticker", "BTC-USD; rm -rf /", "1 to 32 letters"),
    ({"ticker": "ETH-USD"}, "ticker", "ETH-USD", "holds BTC-USD only"),
    ({"model": "GRU"}, "model", "GRU", "one of CNN"),
    ({"start_date": "01/02/2020"}, "start_date", "01/02/2020", "YYYY-MM-DD"),
    ({"end_date": "2019-12-31"}, "end_date", "2019-12-31", "not after the start date"),
    ({"end_date": "2999-01-01"}, "end_date", "2999-01-01", "future"),
    ({"source": "folder"}, "source", "folder", "sample"),
    ({"learning_rate": 2}, "learning_rate", 2, "above 0 to 1"),
    ({"colour": "red"}, "colour", "red", "no such field"),
]


@pytest.mark.parametrize("change, field, value, rule", WRONG, ids=lambda v: str(v)[:30])
def test_a_wrong_field_is_named_with_its_value_and_its_rule(untrained, change, field, value, rule):
    answer = untrained.post("/train", json={**BODY, **change})
    (wrong,) = answer.json()["errors"]
    assert answer.status_code == 422 and (wrong["field"], wrong["value"]) == (field, value) and rule in wrong["rule"]
    assert untrained.get("/trainings").json() == []


def test_the_services_own_limit_on_epochs(serve):
    (wrong,) = serve(max_epochs=5).post("/train", json={**BODY, "epochs": 6}).json()["errors"]
    assert wrong == {"field": "epochs", "value": 6, "rule": "1 to 5 on this service"}


@pytest.mark.parametrize("days", [31, 0, 1.5])
def test_days_of_a_forecast(untrained, days):
    (wrong,) = untrained.post("/predict", json={"days": days}).json()["errors"]
    assert (wrong["field"], wrong["value"]) == ("days", days)


def test_a_start_outside_the_days_after_training(client):
    client.post("/train?plots=false", json=BODY)
    (wrong,) = client.post("/predict", json={"start_date": "2020-02-01"}).json()["errors"]
    assert wrong["field"] == "start_date" and wrong["value"] == "2020-02-01" and "to 2021-10-28" in wrong["rule"]


@pytest.mark.parametrize(
    "content, kind, status",
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"[1, 2]", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"days": NaN}', "application/json", 422),
        (json.dumps(BODY).encode(), "text/plain", 415),
        (b"x" * 70_000, "application/json", 413),
    ],
)
@pytest.mark.parametrize("path", ["/train", "/predict"])
def test_a_body_that_is_no_request(untrained, path, content, kind, status):
    answer = untrained.post(path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status and answer.json()["status"] == "error" and answer.json()["message"]


def test_a_body_that_comes_in_pieces_is_counted(untrained):
    answer = untrained.post("/train", content=iter([b" " * 40_000] * 2), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/train", 405),
        ("GET", "/nothing", 404),
        ("GET", f"/trainings/{NOWHERE}", 404),
        ("POST", f"/trainings/{NOWHERE}/cancel", 404),
        ("GET", f"/trainings/{NOWHERE}/events", 404),
        ("GET", f"/trainings/{NOWHERE}/events?since=0", 422),
        ("GET", "/trainings/..%2F..%2Fetc", 404),
        ("GET", "/trainings/x", 422),
        ("GET", "/networks/..%2F..", 404),
        ("GET", "/networks/%2e%2e", 404),
        ("DELETE", "/networks/BTC-USD_CNN_20260101-000000-ffff", 404),
    ],
)
def test_what_is_not_there(untrained, method, path, status):
    answer = untrained.request(method, path)
    assert answer.status_code == status and answer.json()["status"] == "error"


def test_a_method_that_a_path_has_not_is_answered_with_those_that_it_has(untrained):
    assert untrained.put("/networks/BTC-USD_CNN_20260101-000000-ffff").headers["allow"] == "DELETE, GET"


def test_a_token_is_asked_of_everything_but_health_and_the_description(serve):
    client = serve(service_token=TOKEN)
    for method, path in [("GET", "/trainings"), ("GET", "/networks"), ("POST", "/train"), ("POST", "/predict")]:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert [client.get(path).status_code for path in ("/health", "/docs", "/openapi.json")] == [200] * 3
    assert client.get("/networks", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_other_hosts_and_pages_are_refused(serve):
    client = serve(cors_origins="https://page.example", allowed_hosts="127.0.0.1,forecast.example")
    assert client.get("/health", headers={"Host": "forecast.example:80"}).status_code == 200
    assert client.get("/health", headers={"Host": "rebound.example"}).status_code == 400
    assert client.get("/health", headers={"Origin": "https://other.example"}).status_code == 403
    allowed = client.get("/health", headers={"Origin": "https://page.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"


def test_too_many_requests_in_a_minute(serve):
    client = serve(requests_per_minute=3)
    codes = [client.get("/networks").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429] and client.get("/health").status_code == 200


def test_the_description_has_the_listings_examples_and_asks_no_other_host(untrained, serve):
    schema = untrained.get("/openapi.json").json()
    assert "securitySchemes" not in schema["components"], "without a token none is asked for"
    assert schema["components"]["schemas"]["TrainBody"]["examples"][1]["model"] == "LSTM"
    limited = serve(service_token=TOKEN, max_epochs=5).get("/openapi.json").json()
    assert limited["paths"]["/predict"]["post"]["security"] == [{"token": []}]
    assert limited["paths"]["/health"]["get"]["security"] == []
    assert limited["components"]["schemas"]["TrainBody"]["properties"]["epochs"]["anyOf"][0]["maximum"] == 5
    page = untrained.get("/docs").text
    assert "://" not in page.replace("http://www.w3.org", "")
    for address in [part.split('"')[0] for part in page.split('="/')[1:]]:
        assert untrained.get(f"/{address}").status_code == 200


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"service_host": "0.0.0.0"}, "there is no SERVICE_TOKEN"),
        ({"service_host": "192.168.1.2"}, "there is no SERVICE_TOKEN"),
        ({"service_token": "short"}, "SERVICE_TOKEN: its value is not allowed. Allowed: at least 16"),
        ({"cors_origins": "*"}, r"CORS_ORIGINS: .*\* is not allowed"),
        ({"price_sources": "yahoo,moon"}, "PRICE_SOURCES: .* one or more of"),
        ({"price_sources": "folder"}, "PRICE_FOLDER is empty"),
        ({"service_port": "70000"}, "SERVICE_PORT: '70000' is not allowed. Allowed: port, 1 to 65535"),
        ({"max_epochs": 0}, "MAX_EPOCHS: 0"),
        ({"root_path": "forecast/"}, "ROOT_PATH: .* such as /forecast"),
    ],
)
def test_settings_that_are_refused_at_start(given, sentence):
    with pytest.raises(environment.EnvironmentError, match=sentence):
        environment.load(**given)


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CORS_ORIGINS", "http://localhost:3000, https://page.example")
    monkeypatch.setenv("MAX_EPOCHS", "7")
    monkeypatch.setenv("SERVICE_TOKEN", "")
    chosen = environment.load(service_port=None)
    assert chosen.cors_origins == ("http://localhost:3000", "https://page.example") and chosen.max_epochs == 7
    assert environment.load(service_host="::1").service_host == "::1"


def test_a_store_that_is_gone_is_said_and_forecasts_go_on(client, monkeypatch):
    client.post("/train?plots=false", json=BODY)

    def fail(*_):
        raise StoreError("the shared store is gone")

    for name in ("run", "runs"):
        monkeypatch.setattr(client.service.store, name, fail)
    for answer in (client.get("/trainings"), client.get(f"/trainings/{NOWHERE}")):
        assert answer.status_code == 503 and answer.json()["message"] == "The shared store is gone"
        assert answer.headers["retry-after"]
    assert client.post("/predict", json={"days": 2}).status_code == 200


def test_a_training_whose_network_was_forgotten_is_still_known(client):
    answer = client.post("/train?plots=false", json=BODY).json()
    client.delete(f"/networks/{answer['data']['network']}")
    state = client.get(f"/trainings/{answer['request_id']}").json()
    assert (state["status"], state["data"]) == ("done", None)


def test_two_equal_trainings_at_the_same_time_are_recorded_once(client, fake_pool):
    fake_pool.hold = True
    first, second = (client.post("/train?wait=false", json=BODY).json()["request_id"] for _ in range(2))
    while len(fake_pool.handles) < 2:
        time.sleep(0.01)
    for handle in fake_pool.handles:
        handle.ended.set()
    assert ended(client, first)["network"] == ended(client, second)["network"]
    assert len(client.get("/networks").json()) == 1
