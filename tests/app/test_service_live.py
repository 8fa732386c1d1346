"""The service from outside: clients of Socket.IO, clients that leave, flood and dawdle, and the process itself."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest
import socketio
import websockets
from socketio.exceptions import ConnectionError

from lib.app import charts
from lib.app.service import runs
from lib.app.service.here import Here

TOKEN = "a-token-of-24-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
BODY = {"ticker": "BTC-USD", "model": "CNN", "start_date": "2020-01-01", "end_date": "2021-10-27", "lookback": 20}
JAVASCRIPT = Path(__file__).parent / "javascript"
PATIENCE_S = 180  # longest wait of a test that trains
WAIT_S = 20  # and of one that does not


def wait_until(there, seconds=WAIT_S):
    """What a condition gives once it holds."""
    end = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < end, "this took too long"
        time.sleep(0.02)
    return found


@pytest.fixture
def here(tmp_path, fake_pool, monkeypatch):
    """A service with a token in a thread; its trainings end at once and draw no views."""
    pictures = json.dumps(dict.fromkeys(charts.VIEWS, "data:image/png;base64,cG5n")).encode()
    monkeypatch.setattr(runs.Runs, "_drawn", lambda *_: pictures)
    opened = Here(service_token=TOKEN, price_sources=("sample",), service_folder=tmp_path, requests_per_minute=10**6)
    yield opened
    opened.close()


@pytest.fixture
def client(here):
    with httpx.Client(base_url=here.address, headers=BEARER, trust_env=False, timeout=WAIT_S) as opened:
        yield opened


@pytest.fixture
def listen(here):
    """listen(token) -> a Socket.IO client and the list of (name, event) that it hears."""
    opened = []

    def connect(token=TOKEN):
        one, heard = socketio.Client(), []
        one.on("*", lambda name, event: heard.append((name, event)))
        opened.append(one)
        one.connect(here.address, transports=["websocket"], auth={"token": token} if token else None)
        return one, heard

    yield connect
    for one in opened:
        one.disconnect()


def test_who_has_not_the_token_hears_nothing_but_that_one_is_needed(here):
    for auth in (None, {"token": None}, {"token": "another-token-of-28-characters"}, {"token": 7}, [TOKEN]):
        refused, told = socketio.Client(), []
        refused.on("connect_error", told.append)
        with pytest.raises(ConnectionError):
            refused.connect(here.address, transports=["websocket"], auth=auth)
        assert "a token is needed" in str(told) and not refused.connected


def test_everybody_hears_the_events_of_table_5_2_in_order_and_whoever_was_away_is_told_the_rest(client, listen):
    (_, first), (_, second) = listen(), listen()
    training = client.post("/train?wait=false", json=BODY).json()["request_id"]
    wait_until(lambda: len(first) == len(second) == 19)
    assert first == second and [event["number"] for _, event in first] == list(range(1, 20))
    views = ["visualizing_update"] * 12 + ["training_ended"]
    names = ["stage"] * 2 + ["training_update"] * 3 + ["validation_update"] + views
    assert [name for name, _ in first] == names and {event["request_id"] for _, event in first} == {training}
    assert {"epoch", "loss", "val_loss", "progress"} <= set(first[2][1])
    assert {"mse", "mae", "r2", "naive", "skill"} <= set(first[5][1])
    late, heard = listen()
    assert late.call("follow", {"request_id": training, "since": 4}) == {"request_id": training, "sent": 16}
    wait_until(lambda: len(heard) == 16)
    assert heard == first[3:] and len(first) == 19, "others do not hear them again"
    assert late.call("follow", {"request_id": training, "since": 20})["sent"] == 0
    assert late.call("follow", {"request_id": training})["sent"] == 19


@pytest.mark.parametrize(
    "asked, error",
    [
        (None, "request_id: name a training"),
        ([], "request_id: name a training"),
        ({"request_id": "../../etc/passwd"}, "request_id: name a training"),
        ({"request_id": "20260101000000-ffffff"}, "there is no training 20260101000000-ffffff"),
        ({"request_id": "20260101000000-ffffff", "since": 0}, "since: a whole number from 1 on"),
        ({"request_id": "20260101000000-ffffff", "since": True}, "since: a whole number from 1 on"),
        ({"request_id": "20260101000000-ffffff", "since": "1"}, "since: a whole number from 1 on"),
    ],
)
def test_what_cannot_be_followed_is_said(never_trained, asked, error):
    assert error in never_trained.call("follow", asked)["error"]


@pytest.fixture(scope="module")
def never_trained(tmp_path_factory):
    """A Socket.IO client of a service without a token and without trainings."""
    opened, client = Here(service_folder=tmp_path_factory.mktemp("service")), socketio.Client()
    client.connect(opened.address, transports=["websocket"])
    yield client
    client.disconnect()
    opened.close()


def test_an_event_with_an_error_reaches_its_hearers_without_details(client, listen, fake_pool):
    fake_pool.error = ValueError("nobody foresaw /home/somebody/secret.csv")
    _, heard = listen()
    client.post("/train?wait=false", json=BODY)
    name, event = wait_until(lambda: next((one for one in heard if one[0] == "error_log"), None))
    assert event["error"] and "/home" not in str(heard) and "Traceback" not in str(heard) and "details" not in event


def test_a_client_that_leaves_in_mid_training_leaves_the_training_behind(here, client, fake_pool):
    fake_pool.hold = True
    body = json.dumps(BODY)
    with socket.create_connection(("127.0.0.1", int(here.address.rpartition(":")[2]))) as leaving:
        head = f"POST /train HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        leaving.sendall((head + body).encode())
        wait_until(lambda: fake_pool.handles)
    time.sleep(0.1)
    fake_pool.handles[-1].ended.set()
    wait_until(lambda: client.get("/trainings").json()[0]["status"] == "done")
    assert len(client.get("/networks").json()) == 1


@pytest.mark.parametrize("message", ['42["follow",' + "[" * 60_000, "42" + "[" * 30_000 + "]" * 30_000, "x" * 10**6])
def test_a_deep_or_large_message_harms_nobody_else(never_trained, message, run_async):
    async def send():
        address = never_trained.connection_url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        async with websockets.connect(address, proxy=None) as one:
            await one.send("40")
            await one.send(message)
            with suppress(websockets.ConnectionClosed, TimeoutError):
                for _ in range(3):
                    await asyncio.wait_for(one.recv(), 0.5)

    run_async(send())
    assert "error" in never_trained.call("follow", {})


# -- processes -----------------------------------------------------------------------------


def program(name):
    """Where a program is. Without it tests are skipped; where CI is set, they fail."""
    found = shutil.which(name)
    if not found or not (JAVASCRIPT / "node_modules").is_dir():
        words = f"no {name} here, or no socket.io-client beside it: run tests/browser/install.sh"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    return found


@pytest.fixture(scope="module")
def service(start_service, no_workers):
    return start_service(SERVICE_TOKEN=TOKEN, **no_workers)


@pytest.fixture
def outside(service):
    with httpx.Client(base_url=service.url, headers=BEARER, trust_env=False, timeout=PATIENCE_S) as opened:
        yield opened


@pytest.mark.slow
def test_the_javascript_client_loses_its_connection_in_mid_training_and_no_event(pool, tmp_path):
    node = program("node")
    here = Here(service_token=TOKEN, price_sources=("sample",), service_folder=tmp_path, requests_per_minute=10**6)
    command = [node, "client.js", here.address, TOKEN, json.dumps({**BODY, "epochs": 200})]
    try:
        ended = subprocess.run(command, cwd=JAVASCRIPT, capture_output=True, text=True, timeout=2 * PATIENCE_S)
    finally:
        here.close()
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["status"], told["connections"]) == ("done", 2) and told["followed"]["sent"] > 0
    assert told["numbers"] == list(range(1, told["events"] + 1)), told
    assert told["events"] > 18 and set(told["names"]) >= {"training_update", "validation_update", "visualizing_update"}


@pytest.mark.slow
def test_500_connections_that_dawdle_keep_nobody_else_waiting(service, outside, run_async):
    async def dawdle(port, asking, ready):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /networks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n".encode())
        await writer.drain()
        asking.release()
        await ready.wait()
        for byte in b"Connection: close\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)
        answer = await reader.read()
        writer.close()
        return answer.split(b"\r\n")[0]

    async def flood():
        port, asking, ready = int(service.url.rpartition(":")[2]), asyncio.Semaphore(0), asyncio.Event()
        tasks = [asyncio.create_task(dawdle(port, asking, ready)) for _ in range(500)]
        for _ in tasks:
            await asking.acquire()
        begun = time.monotonic()
        codes = [(await asyncio.to_thread(outside.get, path)).status_code for path in ("/health", "/networks") * 10]
        seconds = time.monotonic() - begun
        ready.set()
        return codes, seconds, await asyncio.gather(*tasks)

    codes, seconds, lines = run_async(flood())
    assert codes == [200] * 20 and seconds < WAIT_S
    assert set(lines) == {b"HTTP/1.1 200 OK"} and service.process.poll() is None


@pytest.mark.slow
def test_a_flood_is_answered_to_the_last_request_and_above_the_limit_with_429(start_service, no_workers, run_async):
    limited = start_service(REQUESTS_PER_MINUTE="100", **no_workers)

    async def flood():
        limits = httpx.Limits(max_connections=500)
        async with httpx.AsyncClient(limits=limits, timeout=PATIENCE_S, trust_env=False) as client:
            return await asyncio.gather(*(client.get(f"{limited.url}/networks") for _ in range(500)))

    answers = run_async(flood())
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) <= 200 and codes.count(200) + codes.count(429) == 500 and 429 in codes
    assert httpx.get(f"{limited.url}/health", trust_env=False).json()["status"] == "healthy"


@pytest.mark.slow
@pytest.mark.parametrize("length", [True, False])
def test_10_mb_are_refused_and_not_taken_in(service, outside, length):
    before = psutil.Process(service.process.pid).memory_info().rss
    parts = b" " * 10**7 if length else iter([b" " * 10**5] * 100)
    try:
        answer = outside.post("/train", content=parts, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413 and "65536 bytes are allowed" in answer.json()["message"]
    except httpx.WriteError:  # the answer has come and the connection is closed before all was sent
        pass
    assert psutil.Process(service.process.pid).memory_info().rss - before < 5 * 2**20
    assert outside.get("/health").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables, sentence",
    [
        ({"SERVICE_HOST": "0.0.0.0"}, "there is no SERVICE_TOKEN"),
        ({"SERVICE_TOKEN": "a-secret"}, "SERVICE_TOKEN: its value is not allowed. Allowed: at least 16"),
        ({"MAX_EPOCHS": "many"}, "MAX_EPOCHS: 'many' is not allowed. Allowed: most epochs"),
        ({"REDIS_URL": "redis://127.0.0.1:9"}, "Redis at 127.0.0.1:9 (REDIS_URL)"),
    ],
)
def test_wrong_settings_end_the_process_with_code_2_and_one_sentence(tmp_path, service_command, variables, sentence):
    ended = refused(*service_command(tmp_path, 5999, **variables))
    assert ended.returncode == 2 and sentence in ended.stderr, ended.stderr
    assert len(ended.stderr.splitlines()) == 1 and "a-secret" not in ended.stderr + ended.stdout


@pytest.mark.slow
def test_a_port_that_is_taken_ends_the_process_with_code_2_and_one_sentence(tmp_path, service, service_command):
    port = service.url.rpartition(":")[2]
    ended = refused(*service_command(tmp_path, port))
    assert ended.returncode == 2 and port in ended.stderr and len(ended.stderr.splitlines()) == 1, ended.stderr


def refused(command, environment):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.mark.slow
def test_sigterm_in_mid_training_ends_all_processes_soon_and_leaves_whole_records(start_service):
    service = start_service()
    with httpx.Client(base_url=service.url, trust_env=False, timeout=PATIENCE_S) as client:
        known = client.post("/train?plots=false", json={**BODY, "epochs": 2}).json()["data"]["network"]
        long = {**BODY, "model": "LSTM", "lookback": 90, "epochs": 1000}
        training = client.post("/train?wait=false", json=long).json()["request_id"]
        wait_until(lambda: client.get(f"/trainings/{training}").json()["epoch"] > 0, PATIENCE_S)
        processes = [psutil.Process(service.process.pid), *psutil.Process(service.process.pid).children(recursive=True)]
        assert len(processes) > 1
        begun = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(PATIENCE_S)
        seconds = time.monotonic() - begun
    _, alive = psutil.wait_procs(processes, 10)
    assert not alive and "Traceback" not in service.log, service.log[-3000:]
    assert seconds < 20, "it is to end within seconds"
    assert not [path for path in service.folder.rglob("*") if path.name.startswith(".") and path.suffix != ".lock"]
    again = start_service(service.folder)
    with httpx.Client(base_url=again.url, trust_env=False, timeout=PATIENCE_S) as client:
        assert [one["network"] for one in client.get("/networks").json()] == [known]
        assert client.post("/train?plots=false", json={**BODY, "epochs": 2}).json()["cached"]
