"""The command that serves the page: its sentences, its settings; the page itself is tested in tests of its own."""

import os
import re
import socket
from contextlib import contextmanager

import pytest

from lib.app import serve
from lib.app.dashboard import web
from lib.experiments import pool


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch):
    for name in ("SERVICE_TOKEN", "SERVICE_HOST", "ALLOWED_HOSTS", "ROOT_PATH"):
        monkeypatch.setenv(name, "")  # empty wins over a file .env, and is ignored


@pytest.fixture
def free():
    with socket.socket() as probe:
        probe.bind((serve.HOST, 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def started(monkeypatch):
    """The arguments of each start, which is not carried out."""
    calls = []
    monkeypatch.setattr(serve, "run", lambda *given: calls.append(given))
    return calls


def told(capsys, *words):
    """Exit code and what was printed on stderr."""
    return serve.main(list(words)), capsys.readouterr().err


def test_a_busy_port_is_told_with_what_to_do(capsys, started):
    with socket.socket() as other:
        other.bind((serve.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        code, words = told(capsys, "--port", str(port))
    assert code == 2 and re.search(rf"port {port} is in use.*--port", words) and "Traceback" not in words
    assert started == []


@pytest.mark.parametrize(
    "options, words",
    [
        (("--port", "0"), "port 0 cannot be: 1 to 65535"),
        (("--port", "70000"), "port 70000 cannot be: 1 to 65535"),
        (("--host", "0.0.0.0"), "there is no SERVICE_TOKEN"),
        (("--host", "::"), "there is no SERVICE_TOKEN"),
        (("-p", "source=elsewhere"), "source"),
        (("-p", "nonsense"), "nonsense"),
    ],
)
def test_impossible_options_are_told(capsys, started, free, options, words):
    code, said = told(capsys, "--port", free, *options)
    assert code == 2 and words in said and "Traceback" not in said and started == []


def test_only_this_machine_is_served_unless_another_address_has_a_token(capsys, started, free, monkeypatch):
    assert told(capsys, "--port", free, "--no-browser") == (0, "")
    monkeypatch.setenv("ALLOWED_HOSTS", "localhost, forecast.example")
    monkeypatch.setenv("SERVICE_TOKEN", "fifteen.letters")
    assert told(capsys, "--port", free, "--host", "0.0.0.0")[0] == 2
    monkeypatch.setenv("SERVICE_TOKEN", "sixteen.letters.")
    assert told(capsys, "--port", free, "--host", "0.0.0.0", "-p", "max_daily_factor=10")[0] == 0
    (_, here, browser), (chosen, there, _) = started
    assert (here.service_host, here.service_token, browser) == ("127.0.0.1", "", False)
    assert there.allowed_hosts == ("localhost", "forecast.example") and there.service_token == "sixteen.letters."
    assert chosen.source == "sample" and chosen.max_daily_factor == 10


def test_workers_start_before_the_page_listens_and_end_with_it(monkeypatch, capsys, tmp_path, free):
    steps = []

    @contextmanager
    def local(chosen):
        steps.append("workers")
        yield "tcp://127.0.0.1:1"
        steps.append("no workers")

    monkeypatch.setenv(pool.ADDRESS_VARIABLE, "")
    monkeypatch.setenv("OUTPUT_BASE", str(tmp_path))
    monkeypatch.setattr(pool, "local", local)
    monkeypatch.setattr(serve, "listen", lambda app, access: steps.append((app, os.environ[pool.ADDRESS_VARIABLE])))
    assert serve.main(["--port", free, "--no-browser"]) == 0
    assert [steps[0], steps[2]] == ["workers", "no workers"] and steps[1][1] == "tcp://127.0.0.1:1"
    assert isinstance(steps[1][0], web.Gate) and f"http://127.0.0.1:{free}/" in capsys.readouterr().out


def test_a_cluster_that_is_named_is_used_and_none_is_started(monkeypatch, tmp_path, free):
    monkeypatch.setenv("OUTPUT_BASE", str(tmp_path))
    monkeypatch.setenv(pool.ADDRESS_VARIABLE, "")
    monkeypatch.setattr(pool, "local", lambda chosen: pytest.fail("workers of its own"))
    heard = []
    monkeypatch.setattr(serve, "listen", lambda *_: heard.append(os.environ[pool.ADDRESS_VARIABLE]))
    assert serve.main(["--port", free, "--no-browser", "-p", "scheduler=tcp://10.0.0.5:8786"]) == 0
    assert heard == ["tcp://10.0.0.5:8786"]
