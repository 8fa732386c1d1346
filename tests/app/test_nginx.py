"""deploy/nginx.conf in a real nginx, with a certificate made here: sub-paths, WebSocket, TLS, limits, headers.

Only addresses and files of the configuration are exchanged; everything else is as it is delivered.
"""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import httpx2 as httpx
import pytest
import requests
import socketio
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from lib.settings.places import PROJECT_ROOT

pytestmark = pytest.mark.slow
PATIENCE_S = 120
TOKEN = "a-token-of-the-tests"


def program(name):
    """Where a program is. Without it tests are skipped; where CI is set, they fail."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if not found:
        words = f"no {name} here: run tests/browser/install.sh"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = SimpleNamespace(chain=folder / "chain.pem", key=folder / "key.pem")
    words = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    words += ["-addext", "subjectAltName=DNS:localhost", "-keyout", files.key, "-out", files.chain]
    subprocess.run(words, check=True, capture_output=True)
    return files


@pytest.fixture(scope="module")
def proxy(certificate, tmp_path_factory):
    """proxy(service port, dashboard port) starts nginx; gives the port on which it listens."""
    nginx, running = program("nginx"), []

    def start(service, dashboard):
        folder, port = tmp_path_factory.mktemp("nginx"), free_port()
        text = (PROJECT_ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        for old, new in {
            "server service:5000;": f"server 127.0.0.1:{service};",
            "server dashboard:8866;": f"server 127.0.0.1:{dashboard};",
            "listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/run/secrets/certificate_key;": f"{certificate.key};",
            "/run/secrets/certificate;": f"{certificate.chain};",
            "/dev/stdout": f"{folder}/access.log",
            " /tmp/nginx": f" {folder}/nginx",
        }.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        as_root = "user root; " if os.geteuid() == 0 else ""  # whose folders nobody else may enter
        words = [nginx, "-e", "stderr", "-c", folder / "nginx.conf", "-g", f"{as_root}daemon off;"]
        running.append(subprocess.Popen(words, stderr=(folder / "error.log").open("w")))
        wait_for(port)
        return SimpleNamespace(port=port, url=f"https://localhost:{port}", folder=folder)

    yield start
    for one in running:
        one.terminate()
        one.wait(PATIENCE_S)


def heard(request, body=b""):
    return {"path": request.url.path, "query": request.url.query, "headers": dict(request.headers), "bytes": len(body)}


async def repeat(request):
    return JSONResponse(heard(request, await request.body()))


async def repeat_words(opened):
    await opened.accept()
    await opened.send_json(heard(opened))
    async for words in opened.iter_text():
        await opened.send_text(words)


@pytest.fixture(scope="module")
def stand_in(proxy):
    """nginx in front of a server that repeats what it heard, as the service and as the dashboard."""
    routes = [Route("/{path:path}", repeat, methods=["GET", "POST"]), WebSocketRoute("/{path:path}", repeat_words)]
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(port)
    yield proxy(port, port)
    server.should_exit = True
    thread.join(PATIENCE_S)


@pytest.fixture(scope="module")
def trusting(certificate):
    """TLS that trusts the certificate and no other."""
    return ssl.create_default_context(cafile=certificate.chain)


@pytest.fixture
def client(stand_in, trusting):
    with httpx.Client(base_url=stand_in.url, verify=trusting, trust_env=False) as client:
        yield client


def test_service_and_dashboard_hear_their_own_paths(client):
    assert client.get("/forecast/networks?since=3").json()["path"] == "/networks"
    assert client.get("/forecast/networks?since=3").json()["query"] == "since=3"
    assert client.get("/dashboard/page/page.js?v=1").json()["path"] == "/page/page.js"
    assert client.get("/dashboard/dashboard/start").json()["path"] == "/dashboard/start"
    assert client.get("/elsewhere").status_code == 404


@pytest.mark.parametrize("path, to", [("/", "/dashboard/"), ("/forecast", "/forecast/"), ("/dashboard", "/dashboard/")])
def test_a_path_without_its_last_slash_leads_on(client, path, to):
    assert client.get(path).headers["location"] == to


def test_the_client_s_address_is_the_proxy_s_word_not_the_client_s(client, stand_in):
    told = client.get("/forecast/health", headers={"X-Forwarded-For": "203.0.113.9"}).json()["headers"]
    assert told["x-forwarded-for"] == "127.0.0.1" and told["x-forwarded-proto"] == "https"
    assert told["host"] == f"localhost:{stand_in.port}" and told["connection"] == "close"


@pytest.mark.parametrize("path", ["/forecast/health", "/dashboard/", "/nothing/here"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert int(headers["strict-transport-security"].removeprefix("max-age=")) >= 31_536_000
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "SAMEORIGIN"
    assert "retry-after" not in headers
    if path == "/nothing/here":
        assert headers["server"] == "nginx"  # without a version


def test_a_body_above_64_kb_is_refused_in_json_and_one_of_64_kb_passes(client):
    assert client.post("/forecast/train", content=b"x" * 65_536).json()["bytes"] == 65_536
    refused = client.post("/forecast/train", content=b"x" * 65_537)
    assert refused.status_code == 413 and refused.json()["status"] == "error"
    assert "64 KB" in refused.json()["message"] and refused.headers["x-content-type-options"] == "nosniff"


def test_a_websocket_of_the_service_passes(stand_in, trusting, run_async):
    async def talk():
        address = f"wss://localhost:{stand_in.port}/forecast/socket.io/?EIO=4"
        async with websockets.connect(address, ssl=trusting, proxy=None) as one:
            first = json.loads(await one.recv())
            await one.send("words")
            return first, await one.recv()

    first, echo = run_async(talk())
    assert first["path"] == "/socket.io/" and first["query"] == "EIO=4" and echo == "words"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_the_certificate_is_checked_and_old_tls_and_plain_http_are_not_served(stand_in, trusting):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(stand_in.url, trust_env=False)
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError, match="ALERT_PROTOCOL_VERSION"):  # said by nginx, not by this side
        httpx.get(stand_in.url, verify=old, trust_env=False)
    plain = httpx.get(f"http://localhost:{stand_in.port}/forecast/x?a=1", trust_env=False)
    assert plain.status_code == 308 and plain.headers["location"] == f"{stand_in.url}/forecast/x?a=1"


def test_the_log_has_no_query_in_which_a_token_may_stand(client, stand_in):
    client.get("/dashboard/?token=a-secret-of-the-page")
    log = stand_in.folder / "access.log"
    end = time.monotonic() + PATIENCE_S
    while "/dashboard/" not in log.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    assert "GET /dashboard/" in log.read_text() and "a-secret" not in log.read_text()


def test_a_flood_is_slowed_down_in_json_and_says_when_to_come_back(client):
    answers = [client.get("/forecast/health") for _ in range(120)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and refused[0].json()["status"] == "error" and refused[0].headers["retry-after"] == "5"
    assert sum(answer.status_code == 200 for answer in answers) >= 20


def test_a_service_that_is_away_is_told_in_json(proxy, trusting):
    away = proxy(free_port(), free_port())
    answer = httpx.get(f"{away.url}/forecast/health", verify=trusting, trust_env=False)
    assert answer.status_code == 503 and "does not answer" in answer.json()["message"]


@pytest.fixture(scope="module")
def behind(proxy, no_workers, tmp_path_factory):
    """The service and the dashboard themselves, without workers, behind nginx; gives what the stand-in's proxy does."""
    ports, folder, running = (free_port(), free_port()), tmp_path_factory.mktemp("behind"), []
    environment = {
        **os.environ,
        **no_workers,
        "SERVICE_TOKEN": TOKEN,
        "SERVICE_FOLDER": str(folder / "networks"),
        "ROOT_PATH": "/forecast",
        "REDIS_URL": "",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    dashboard = ["lib.app.serve", "--port", str(ports[1]), "--no-browser"]
    dashboard += ["-p", f"output_dir={folder / 'run'}"]
    for words in (["lib.app.service", "--port", str(ports[0])], dashboard):
        log = (folder / f"{words[0]}.log").open("w")
        running.append(subprocess.Popen([sys.executable, "-m", *words], env=environment, stdout=log, stderr=log))
    for port in ports:
        wait_for(port)
    yield proxy(*ports)
    for one in running:
        one.terminate()
    for one in running:
        one.wait(PATIENCE_S)


def test_the_service_works_under_its_sub_path(behind, trusting):
    with httpx.Client(base_url=f"{behind.url}/forecast", verify=trusting, trust_env=False) as client:
        assert client.get("/health").json()["status"] == "healthy"
        assert client.get("/").headers["location"] == "/forecast/docs"
        assert '"/forecast/openapi.json"' in client.get("/docs").text.replace("'", '"')
        assert client.get("/openapi.json").json()["servers"][0]["url"] == "/forecast"
        assert client.get("/networks").status_code == 401
        assert client.get("/networks", headers={"Authorization": f"Bearer {TOKEN}"}).json() == []
        large = client.post("/train", content=b"x" * 65_537, headers={"Content-Type": "application/json"})
        assert large.status_code == 413 and large.json()["status"] == "error"


def test_a_socket_io_client_connects_by_websocket_with_the_token_only(behind, certificate):
    def connect(token):
        session = requests.Session()
        session.verify, session.trust_env = str(certificate.chain), False
        client = socketio.Client(http_session=session)
        path = "forecast/socket.io"
        client.connect(behind.url, transports=["websocket"], socketio_path=path, auth={"token": token})
        try:
            return client.transport(), client.call("follow", {"request_id": "none"}, timeout=PATIENCE_S)
        finally:
            client.disconnect()

    transport, answer = connect(TOKEN)
    assert transport == "websocket" and "name a training" in answer["error"]
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect("another token of 16")


def test_the_dashboard_asks_for_the_token_and_works_under_its_sub_path(behind, trusting):
    with httpx.Client(base_url=f"{behind.url}/dashboard/", verify=trusting, trust_env=False) as client:
        home = client.get("")
        assert home.status_code == 200 and "default-src 'self'" in home.headers["content-security-policy"]
        for address in re.findall(r'(?:src|href)="([^"]+)"', home.text):  # relative: they hold under any sub-path
            assert client.get(address).status_code == 200, address
        assert client.get("dashboard/start").status_code == 401
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert client.get("dashboard/start").json()["token"] is True
        assert client.get("dashboard/coin?source=sample&ticker=BTC-USD").json()["ticker"] == "BTC-USD"
        checked = client.post("dashboard/check", json={"epochs": 0}, headers={"Origin": behind.url})
        assert "Epochs: 0 is not allowed" in checked.json()["wrong"]["epochs"]
        foreign = {"Origin": "https://evil.example"}
        assert client.post("dashboard/check", json={}, headers=foreign).status_code == 403
        assert client.get("dashboard/start", headers={"Host": "evil.example"}).status_code == 400
