"""A real Redis, which a test may kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

PASSWORD = "a-password-that-no-sentence-shows"


class RedisServer:
    """``redis-server`` on a free port of loopback; it forgets everything when it ends."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url, self._folder, self._process = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0", folder, None
        self.start()

    def start(self):
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        command += ["--requirepass", PASSWORD, "--dir", str(self._folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < until and self._process.poll() is None, "redis-server does not start"
                time.sleep(0.01)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """It takes connections and says nothing, like a host behind a cut line; ``thaw`` ends that."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self._process.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def start_redis(tmp_path_factory):
    """A function that starts one more Redis. Without redis-server tests are skipped; where CI is set, they fail."""
    if shutil.which("redis-server") is None:
        words = "no redis-server here: run tests/browser/install.sh"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    started = []

    def start():
        started.append(RedisServer(tmp_path_factory.mktemp("redis")))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def redis_server(start_redis):
    server = start_redis()
    yield server
    server.kill()
