"""The command that serves the page: its sentences, its settings, its processes; the page itself is
tested in a browser.
"""

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from traitlets.config import Config

from lib import settings
from lib.app import kernels, page_notebook, serve
from lib.app.service.environment import ServiceSettings

HERE = ServiceSettings(_env_file=None, service_host=serve.HOST, service_token="", root_path="")
PAGE = serve.PAGE / "voila" / "templates" / serve.TEMPLATE


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "page.ipynb"
    path.write_text("{}")
    return path


def told(capsys, *words):
    """Exit code and what was printed on stderr."""
    return serve.main(list(words)), capsys.readouterr().err


def test_a_busy_port_is_told_with_what_to_do(capsys, notebook):
    with socket.socket() as other:
        other.bind((serve.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        code, words = told(capsys, "--notebook", str(notebook), "--port", str(port))
    assert code == 2 and re.search(rf"port {port} is in use.*--port", words) and "Traceback" not in words


@pytest.mark.parametrize(
    "options, words",
    [
        (("--port", "0"), "port 0 cannot be: 1 to 65535"),
        (("--port", "70000"), "port 70000 cannot be: 1 to 65535"),
        (("--spare", "-1"), "0 to 8 are allowed"),
        (("--spare", "9"), "0 to 8 are allowed"),
        (("--host", "0.0.0.0"), "there is no SERVICE_TOKEN"),
        (("--host", "::"), "there is no SERVICE_TOKEN"),
        (("--root-path", "dashboard"), "a slash and a name"),
        (("--root-path", "//elsewhere"), "a slash and a name"),
    ],
)
def test_impossible_options_are_told(capsys, notebook, options, words, monkeypatch):
    monkeypatch.delenv("SERVICE_TOKEN", raising=False)
    with socket.socket() as probe:
        probe.bind((serve.HOST, 0))
        free = probe.getsockname()[1]
    code, said = told(capsys, "--notebook", str(notebook), "--port", str(free), *options)
    assert code == 2 and words in said


@pytest.mark.parametrize("name", ["notebooks/99_absent.ipynb", "README.md", "notebooks"])
def test_what_is_no_notebook_is_told(capsys, name):
    code, words = told(capsys, "--notebook", name)
    assert code == 2 and f"{name} is no notebook" in words


def test_the_page_s_notebook_gets_its_parameters_and_ends_with_the_dashboard(tmp_path):
    given = {"source": "folder", "tickers": ["ADA-USD", "ETH-USD"], "start_date": "2021-01-01"}
    made = nbformat.read(page_notebook.write(settings.PROJECT_ROOT / serve.NOTEBOOK, tmp_path, given), as_version=4)
    tags = [tag for cell in made.cells for tag in cell.metadata.get("tags", [])]
    assert tags == ["parameters", "injected-parameters", "page"] and made.cells[-1].metadata["tags"] == ["page"]
    found = {}
    exec(made.cells[[c.metadata.get("tags") for c in made.cells].index(["injected-parameters"])].source, found)
    assert {k: found[k] for k in given} == given
    plain = nbformat.read(page_notebook.write(settings.PROJECT_ROOT / serve.NOTEBOOK, tmp_path, {}), as_version=4)
    assert len(plain.cells) == len(made.cells) - 1


def test_only_this_machine_is_served_and_asked(notebook):
    chosen = serve.configuration(notebook, 8866, False, 1, HERE)
    assert chosen["Voila"]["ip"] == "127.0.0.1" and chosen["Voila"]["port_retries"] == 0
    tornado = chosen["Voila"]["tornado_settings"]
    assert tornado["allow_remote_access"] is False
    policy = tornado["headers"]["Content-Security-Policy"]
    assert "default-src 'self'" in policy and not re.search(r"https?:|\*", policy)


def test_another_address_is_served_to_whoever_knows_the_token(capsys, notebook, monkeypatch):
    started = []
    monkeypatch.setattr(serve, "run", lambda *given: started.append(given[2]))
    monkeypatch.setattr(serve, "check_port", lambda port, host: None)
    monkeypatch.setenv("ALLOWED_HOSTS", "localhost, forecast.example")
    monkeypatch.setenv("SERVICE_TOKEN", "fifteen.letters")
    assert told(capsys, "--notebook", str(notebook), "--host", "0.0.0.0")[0] == 2 and not started
    monkeypatch.setenv("SERVICE_TOKEN", "sixteen.letters.")
    assert told(capsys, "--notebook", str(notebook), "--host", "0.0.0.0", "--root-path", "/dashboard") == (0, "")
    values = serve.configuration(notebook, 8866, False, 1, started[0])["Voila"]
    assert (values["ip"], values["token"], values["base_url"]) == ("0.0.0.0", "sixteen.letters.", "/dashboard/")
    tornado = values["tornado_settings"]
    assert tornado["allow_remote_access"] is False
    assert tornado["local_hostnames"] == ["localhost", "forecast.example"]


def test_every_setting_is_one_that_voila_knows(notebook):
    from jupyter_client.restarter import KernelRestarter
    from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
    from voila.app import Voila
    from voila.configuration import VoilaConfiguration
    from voila.execute import VoilaExecutor

    known = {c.__name__: c for c in (Voila, VoilaConfiguration, VoilaExecutor, MappingKernelManager, KernelRestarter)}
    for owner, values in serve.configuration(notebook, 8866, False, 2, HERE).items():
        assert set(values) <= set(known[owner].class_trait_names(config=True)), owner


@pytest.mark.parametrize("path", sorted(PAGE.iterdir()), ids=lambda path: path.name)
def test_the_page_names_no_other_host(path):
    assert not re.search(r"https?://|//[a-z]+\.|@import", path.read_text(encoding="utf-8").replace("// ", ""))


def test_early_script_and_shell_keep_the_theme_in_the_same_place():
    shell = Path(serve.__file__).with_name("shell.js").read_text(encoding="utf-8")
    key = re.search(r'const THEME = "([^"]+)"', shell)[1]
    assert f'"{key}"' in (PAGE / "early.js").read_text(encoding="utf-8")


def test_a_process_is_ended_only_when_found_alone_twice_in_a_row(monkeypatch):
    ended, connections = [], {"one": 0}

    async def end(self, kernel_id):
        ended.append(kernel_id)

    monkeypatch.setattr(kernels.AsyncMappingKernelManager, "cull_kernel_if_idle", end)
    manager = kernels.PageKernels(config=Config())
    monkeypatch.setattr(manager, "kernel_model", lambda kernel_id: {"connections": connections[kernel_id]})
    monkeypatch.setattr(manager, "list_kernel_ids", lambda: list(connections))

    def look():
        # In a thread of its own, as a browser test before this one may have left a loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, manager.cull_kernel_if_idle("one")).result()
        return len(ended)

    assert look() == 0
    connections["one"] = 1
    assert look() == 0
    connections["one"] = 0
    assert look() == 0
    assert look() == 1
