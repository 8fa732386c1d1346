"""Image, containers, workflows and settings: what they name exists, and what has to be closed is closed."""

import fnmatch
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from lib.app.service.environment import ServiceSettings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DELIVERED = ["Dockerfile", ".dockerignore", "compose.yaml", ".env.example", "deploy/nginx.conf"]
DELIVERED += [".devcontainer/devcontainer.json", *(str(path.relative_to(ROOT)) for path in WORKFLOWS)]
SETTINGS = {name.upper(): field for name, field in ServiceSettings.model_fields.items()}
# Of Compose itself, of uvicorn and of Dask.
OTHERS = {"TLS_CERTIFICATE", "TLS_KEY", "PROXY_USER", "PROXY_ADDRESS"}
FOREIGN = {"FORWARDED_ALLOW_IPS"}


def dockerfile(word):
    """What follows a word of the Dockerfile, line by line."""
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


def written(default):
    """A setting's default as a file says it."""
    return ",".join(default) if isinstance(default, tuple) else str(default)


def test_the_image_copies_what_exists_and_the_context_holds_it():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*", "nothing goes into the image that is not listed"
    copied = [name for line in dockerfile("COPY") if "--from" not in line for name in shlex.split(line)[:-1]]
    assert "lib" in copied and [name for name in copied if not (ROOT / name).exists()] == []
    assert set(copied) == {line[1:] for line in ignored if line.startswith("!")}


def test_the_image_runs_without_root_and_reports_its_health_without_other_programs():
    assert dockerfile("USER") == ["10001:10001"]
    assert DOCKERFILE.index("\nUSER") > DOCKERFILE.rindex("\nRUN")
    words = json.loads(dockerfile("HEALTHCHECK")[0].partition("CMD ")[2])
    assert words[0] == "python"
    compile(words[2], "the health check", "exec")
    assert "apt-get" not in DOCKERFILE and "--only-binary :all:" in DOCKERFILE


def test_the_health_check_asks_the_service_under_one_of_its_names():
    heard = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append((self.path, self.headers["Host"]))
            self.send_response(200 if len(heard) == 1 else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = json.loads(dockerfile("HEALTHCHECK")[0].partition("CMD ")[2])[1:]
    environment = os.environ | {"SERVICE_PORT": str(server.server_port), "ALLOWED_HOSTS": "forecast.example, localhost"}
    codes = [subprocess.run([sys.executable, *words], env=environment).returncode for _ in range(2)]
    server.shutdown()
    assert codes == [0, 1] and heard == [("/health", "forecast.example")] * 2


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_closed_limited_and_started_again(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] is True and service["restart"] == "unless-stopped"
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert service.get("healthcheck") or name == "service"  # which has the image's
    for port in service.get("ports", []):
        assert re.sub(r"\$\{\w+:-(.*?)\}", r"\1", port).startswith("127.0.0.1:")
    if name in ("redis", "scheduler", "worker"):
        assert service["networks"] == ["inner"] and "ports" not in service
    assert "privileged" not in service and not any("docker.sock" in str(v) for v in service.get("volumes", []))


def test_the_inner_network_has_no_way_out_and_the_token_is_needed():
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    for name in ("service", "dashboard"):
        assert SERVICES[name]["environment"]["SERVICE_TOKEN"].startswith("${SERVICE_TOKEN:?")
    assert SERVICES["proxy"]["profiles"] == ["tls"]


def test_the_containers_variables_are_settings():
    for name in ("service", "dashboard"):
        assert set(SERVICES[name]["environment"]) <= set(SETTINGS) | FOREIGN
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    assert asked <= set(SETTINGS) | OTHERS
    assert set(re.findall(r"(\w+)=", " ".join(dockerfile("ENV")))) >= {"SERVICE_HOST", "HOME"}


def test_the_containers_dask_is_set_up_as_the_local_pool_is():
    import dask
    import distributed  # noqa: F401  brings its configuration

    for name in SERVICES["worker"]["environment"]:
        assert dask.config.get(name.removeprefix("DASK_").replace("__", ".").lower(), None) is not None, name


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_and_file_of_a_container_exists(name):
    service = SERVICES[name]
    assert "build" in service or re.fullmatch(r"[a-z]+:[\d.]+-alpine", service["image"])
    command = service.get("command", [])
    if "-m" in command:
        assert importlib.util.find_spec(command[command.index("-m") + 1])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_example_of_settings_has_every_setting_with_its_default():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(re.fullmatch(r"#?([A-Z_]+)=(.*)", line).groups() for line in lines if re.match(r"#?[A-Z_]+=", line))
    assert set(given) == set(SETTINGS) | OTHERS
    examples = {"ROOT_PATH", "REDIS_URL", "DASK_SCHEDULER_ADDRESS"}  # whose default is nothing
    wrong = {n: v for n, v in given.items() if n in SETTINGS and n not in examples}
    assert wrong == {name: written(SETTINGS[name].default) for name in wrong}


def test_the_document_s_table_has_every_setting_with_its_default():
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8").partition("## Settings")[2]
    rows = {
        n: (d.strip().replace(", ", ","), about) for n, d, about in re.findall(r"\| `(\w+)` \|(.*?)\| (.+) \|", text)
    }
    assert rows.pop("TRAINING_CACHE")[0] == ".cache/trainings"
    assert rows == {name: (written(field.default), field.description) for name, field in SETTINGS.items()}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_for_little_and_names_what_exists(workflow):
    text = workflow.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["permissions"] in ({}, {"contents": "read"})
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 150
    for line in re.findall(r"uses: (.+)", text):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}  # v[\d.]+", line), "an action is pinned to a commit"
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    commands = "\n".join(step.get("run", "") for step in steps)
    for module in re.findall(r"python -m ([\w.]+)", commands):
        assert importlib.util.find_spec(module)
    named = re.findall(r"(?<![\w/.])[.\w/-]+(?:\.(?:py|txt|sh|yaml|example)|/run)\b", commands)
    assert [name for name in named if not (ROOT / name).exists() and name != "lock.txt"] == []
    assert "secrets." not in text


def test_forms_for_issues_are_complete_and_their_questions_have_names_of_their_own():
    forms = [p for p in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml"]
    for form in (yaml.safe_load(p.read_text(encoding="utf-8")) for p in forms):
        assert {"name", "description", "body"} <= set(form)
        names = [field["id"] for field in form["body"]]
        assert len(set(names)) == len(names) and all(field["attributes"]["label"] for field in form["body"])
        assert {field["type"] for field in form["body"]} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert len(forms) == 3


def test_hooks_before_a_commit_need_no_network_and_no_tool_that_the_lock_lacks():
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    for repository in content["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            words = hook["entry"].split()
            assert hook["language"] == "system" and (words[2] if words[:2] == ["python", "-m"] else words[0]) in locked


def test_tests_run_on_every_version_that_the_project_promises_and_on_two_systems():
    matrix = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text("utf-8"))["jobs"]["fast"]["strategy"]
    versions = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    low, high = map(int, versions.groups())
    assert matrix["matrix"]["python"] == [f"3.{minor}" for minor in range(low, high)]
    assert len(matrix["matrix"]["system"]) == 2


@pytest.mark.parametrize("name", DELIVERED)
def test_no_registry_or_index_is_named(name):
    """An image's short name has no slash, and no option names where packages come from."""
    text = (ROOT / name).read_text(encoding="utf-8")
    images = re.findall(r"(?:FROM|image:|container:|\"image\":) \"?([^\s\",]+)", text)
    assert [image for image in images if "/" in image] == []
    assert not re.search(r"--(extra-)?index-url|--find-links|--registry|(PIP|UV)_\w*INDEX", text, re.IGNORECASE)


def test_secrets_are_kept_out_of_git_and_image():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for name in (".env", "certificate_key.pem"):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in ignored)


def test_binder_installs_the_lock_and_not_the_image():
    named = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").split()
    assert named == ["-r", "../requirements.txt"] and (ROOT / ".binder" / named[1]).exists()
    version = re.search(r"^FROM python:([\d.]+)", DOCKERFILE, re.MULTILINE)[1]
    assert (ROOT / ".binder" / "runtime.txt").read_text(encoding="utf-8").strip() == f"python-{version}"
