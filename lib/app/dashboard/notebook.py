"""The dashboard in a notebook: the same page, whose requests travel over the kernel's own channel."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from contextlib import suppress
from html import escape
from typing import Any

import anywidget
import httpx2 as httpx
import traitlets

from lib import settings as parameters
from lib.app import requests
from lib.app.dashboard import files, start
from lib.app.dashboard.web import Pages
from lib.app.service import environment
from lib.app.service.runs import Runs
from lib.errors import ProjectError
from lib.experiments import pool
from lib.settings import Settings

_HERE = "http://localhost"
_PACKED_FROM = 4096  # bytes; below it compression gains nothing


class _Page(anywidget.AnyWidget):
    """The widget: the page's script and style; it sends requests and gets answers."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)


class Dashboard:
    """What the notebook shows. In a browser it is the page; in a report, which has no process behind it, a table.

    Args:
        chosen: prices (those that the page shows at first), ``threads`` of workers, and ``output_dir``: networks are
            recorded in its folder ``widget``.

    Attributes:
        values: the form as it is first shown, field -> value.
    """

    def __init__(self, chosen: Settings):
        # No port is opened: whoever reaches the kernel's channel is the one visitor.
        self._pages = Pages(
            chosen,
            environment.load(
                service_host="127.0.0.1", service_token="", allowed_hosts=("localhost",), requests_per_minute=10**5
            ),
        )
        self._chosen = chosen
        self.values = start.first_values(chosen, self._pages.sources)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx.AsyncClient | None = None
        self._widget: _Page | None = None

    @property
    def runs(self) -> Runs:
        """Trainings, networks and forecasts, for a program."""
        return self._pages.runs()

    @property
    def widget(self) -> _Page:
        """The widget, made when it is first shown."""
        if self._widget is None:
            self._widget = _Page(_esm=files.script(), _css=files.style())
            self._widget.on_msg(lambda _, asked, __: self._asked(asked))
            threading.Thread(target=self._connect, daemon=True).start()
        return self._widget

    def close(self) -> None:
        """Give up what runs."""
        self._pages.close()

    def _connect(self) -> None:
        """Start the workers before they are needed."""
        with suppress(ProjectError):  # whoever needs them hears of it
            pool.client(parameters.sample().changed(threads=self._chosen.threads))

    def _asked(self, asked: dict[str, Any]) -> None:
        """Answer a request of the page as the server would; from another thread, so that the kernel stays free."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
            self._client = httpx.AsyncClient(
                transport=httpx.ASGITransport(self._pages.app, raise_app_exceptions=False), base_url=_HERE, timeout=None
            )
        asyncio.run_coroutine_threadsafe(self._answer(asked), self._loop)

    async def _answer(self, asked: dict[str, Any]) -> None:
        path, body = str(asked["path"]), asked.get("body")
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        answer = await self._client.request(asked["method"], f"/{path}", content=content, headers=headers)
        # Compressed, as Jupyter drops messages beyond some megabytes in a few seconds.
        whole = answer.content
        packed = len(whole) > _PACKED_FROM
        about = {"id": asked["id"], "status": answer.status_code, "packed": packed}
        self.widget.send(about, [gzip.compress(whole, 5) if packed else whole])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown: Any = self.widget._repr_mimebundle_(include=include, exclude=exclude) or {}
        bundle = shown[0] if isinstance(shown, tuple) else shown  # the rest is metadata, and none is needed
        return {**bundle, "text/html": self.static()}

    def static(self) -> str:
        """The form as plain HTML, for a reader of an executed notebook: fields, values and what is allowed."""
        rows = "".join(
            f"<tr><th scope='row'>{escape(requests.label(name))}</th><td>{escape(str(self.values[name]))}</td>"
            f"<td>{escape(requests.allowed(name))}</td></tr>"
            for name in requests.FIELDS
        )
        return (
            "<p>The dashboard needs a running notebook: open it in JupyterLab, or serve it with"
            " <code>python -m lib.app.serve</code>. Its form:</p><table><thead><tr><th scope='col'>Parameter</th>"
            f"<th scope='col'>Value</th><th scope='col'>Allowed</th></tr></thead><tbody>{rows}</tbody></table>"
        )
