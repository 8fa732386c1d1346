"""What a training costs in seconds on this machine: measured, by training each preset for a few epochs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lib.app import jobs, requests
from lib.data.market import sample
from lib.errors import ProjectError
from lib.experiments import train
from lib.settings import NETWORKS

_PAUSE_SECONDS = 1.0
_SHORT, _LONG = 2, 6  # epochs: their difference is what an epoch costs, the rest is paid once


class Costs:
    """Measures in a thread, when it is first asked; both trainings are in the cache afterwards.

    Args:
        threads: TensorFlow threads of a worker.
        busy: whether somebody's training runs, which these small ones let pass.
    """

    def __init__(self, threads: int, busy: Callable[[], bool] = lambda: False):
        self._threads, self._busy = threads, busy
        self._lock = threading.Lock()
        self._begun: set[str] = set()
        self._known: dict[str, dict[str, float]] = {}

    def ask(self, network: str) -> dict[str, Any]:
        """What is known of a network by now.

        Returns:
            ``presets``: "PRESET of NETWORK" -> ``once`` (seconds) and ``epoch`` (seconds for 1,000 windows), and
            ``whole``: whether these are all.

        Raises:
            RequestError: there is no such network.
        """
        if network not in NETWORKS:
            rule = requests.allowed("network")
            raise requests.RequestError({"network": f"Network: {network[:40]} is not allowed. Allowed: {rule}."})
        wanted = [f"{preset} of {network}" for preset in requests.PRESET_NAMES]
        with self._lock:
            known = {name: self._known[name] for name in wanted if name in self._known}
            whole = len(known) == len(wanted)
            if not whole and network not in self._begun:
                self._begun.add(network)
                threading.Thread(target=self._measure, args=(network,), daemon=True).start()
        return {"presets": known, "whole": whole}

    def _measure(self, network: str) -> None:
        try:
            # Without a pool nothing can be trained: whoever trains hears of it, and the next who asks tries again.
            with suppress(ProjectError):
                for preset in requests.PRESET_NAMES:
                    found = self._measured({**requests.preset(preset, network), "network": network})
                    with self._lock:
                        self._known[f"{preset} of {network}"] = found
        finally:
            with self._lock:
                self._begun.discard(network)

    def _measured(self, preset: dict[str, Any]) -> dict[str, float]:
        values = {**requests.defaults("sample", sample.TICKER, sample.START_DATE, sample.END_DATE), **preset}
        while self._busy():
            time.sleep(_PAUSE_SECONDS)
        seconds: dict[int, float] = {}
        for epochs in (1, _SHORT, _LONG):  # the first is not counted: a worker's first training of a kind takes longer
            request, chosen = requests.check({**values, "epochs": epochs}, None, self._threads)
            _, training = jobs.described(request, chosen)
            seconds[epochs] = train.train(training).result().seconds
        epoch = (seconds[_LONG] - seconds[_SHORT]) / (_LONG - _SHORT)
        if epoch <= 0:  # something else kept the processor busy meanwhile
            epoch = seconds[_LONG] / _LONG
        return {"once": max(seconds[_SHORT] - _SHORT * epoch, 0.0), "epoch": 1000 * epoch / len(training.data.train.y)}
