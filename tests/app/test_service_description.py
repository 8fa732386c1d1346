"""Thousands of requests that schemathesis makes from the service's own description: none is answered with a fault."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from lib.settings.places import PROJECT_ROOT

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.timeout(3000)]
TOKEN = "a-token-of-24-characters"
BODY = {"ticker": "BTC-USD", "model": "CNN", "start_date": "2020-01-01", "end_date": "2021-10-27", "epochs": 2}
LIMITS = {"MAX_EPOCHS": "2", "MAX_RUNNING_TRAININGS": "2"}
REQUESTS = 2000


@pytest.mark.parametrize(
    "needed, sent", [("", ""), (TOKEN, TOKEN), (TOKEN, "")], ids=["no token is needed", "a token", "without the token"]
)
def test_schemathesis_finds_nothing(start_service, tmp_path, needed, sent):
    service = start_service(**LIMITS, **({"SERVICE_TOKEN": needed} if needed else {}))
    bearer = {"Authorization": f"Bearer {needed}"} if needed else {}
    trained = httpx.post(f"{service.url}/train?plots=false", json=BODY, headers=bearer, timeout=300, trust_env=False)
    assert trained.status_code == 200, "so that forecasts can be asked for"
    made = 0
    for seed in range(1, 20):
        made += requests_without_fault(service, tmp_path, seed, sent)
        if made >= REQUESTS:
            break
    print(f"{made} requests")
    assert made >= REQUESTS
    assert httpx.get(f"{service.url}/health", trust_env=False).status_code == 200
    assert "Traceback" not in service.log and "nobody foresaw" not in service.log


def requests_without_fault(service, folder, seed, token):
    """How many requests one round of schemathesis made, none of which showed a fault."""
    program = shutil.which("st", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    command = [program, f"--config-file={PROJECT_ROOT / 'schemathesis.toml'}", "run", f"{service.url}/openapi.json"]
    command += ["--url", service.url, "--max-examples", "200", "--seed", str(seed), "--no-color"]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:] + service.log[-2000:]
    return int(re.search(r"(\d+) generated", ended.stdout)[1])
