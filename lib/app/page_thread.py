"""The one thread that draws a page. Threads that wait for something hand their news to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


class PageThread:
    """The thread that made this; :meth:`run` has functions called there, one after the other.

    If several threads drew, a click and an event could overtake each other and leave the page in neither's state.
    Where no event loop runs, as in a script, functions are called at once by whoever asks.
    """

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def run(self, what: Callable[..., None], *values: Any) -> None:
        """Call ``what(*values)`` on the page's thread: at once if this is it, else as soon as it is free, in order."""
        if self._loop is None or threading.current_thread() is self._thread:
            what(*values)
        else:
            self._loop.call_soon_threadsafe(what, *values)
