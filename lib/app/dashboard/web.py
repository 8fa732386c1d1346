"""The dashboard's HTTP: the service's own paths for each visitor by himself, and what the page draws beside them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from anyio import sleep, to_thread
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from lib import settings as parameters
from lib.app import charts, requests
from lib.app.charts import THEMES
from lib.app.dashboard import files, forecasts, start
from lib.app.dashboard.costs import Costs
from lib.app.dashboard.prices import Market, Sources
from lib.app.service import environment
from lib.app.service.gate import Gate
from lib.app.service.runs import ENDED, Runs
from lib.app.service.store import open_store
from lib.app.service.web import Identity, RequestId, errors, paths
from lib.data.market import sample
from lib.data.technical import TechnicalError, TechnicalSettings
from lib.experiments import forecast
from lib.settings import Day, Settings
from lib.settings.consistency import today

NOBODY = "local"  # whose trainings these are where no browser says so
_VISITOR = re.compile(r"[0-9a-f]{32}")
_FORGOTTEN_SECONDS = 3600.0  # a visitor who asks nothing so long, and for whom nothing runs, costs no memory
_FOLLOW_SECONDS = 10.0  # a page that follows a training is answered after so long even if nothing happened
_PAUSE_SECONDS = 0.1
# A page asks several times a second while it follows a training or a person drags a slider.
_REQUESTS_FACTOR = 20
_POLICY = (
    "default-src 'self'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_MOST_CURVES = 12
ThemeName = Annotated[str, Query(pattern=f"^({'|'.join(THEMES)})$", description="light or dark")]


class ForecastBody(BaseModel):
    """What the page asks a network for."""

    model_config = ConfigDict(extra="forbid")

    network: str = Field(max_length=80)
    start_date: Day | None = None
    days: StrictInt = forecast.DEFAULT_DAYS
    theme: Literal["light", "dark"] = "light"


class Pages:
    """The application behind the page, for all visitors.

    Args:
        chosen: prices, ``threads`` of workers, and ``output_dir``: networks are recorded in its folder ``widget``, a
            folder for each visitor.
        access: address, token, names and limits.

    Attributes:
        app: the ASGI application.
    """

    def __init__(self, chosen: Settings, access: environment.ServiceSettings):
        self.chosen = chosen
        self.root = parameters.output_root(chosen.output_dir) / "widget"
        self.settings = access.model_copy(
            update={
                "price_sources": tuple(self.sources),
                "price_folder": chosen.data_dir or "",
                "requests_per_minute": access.requests_per_minute * _REQUESTS_FACTOR,
                "redis_url": "",
                "root_path": "",  # the page's addresses are relative, so it works under any
            }
        )
        self.market = Market(lambda: self.sources, chosen.data_dir, chosen.max_daily_factor)
        self.costs = Costs(chosen.threads, self._busy)
        self._store = open_store("")
        self._visitors: dict[str, tuple[float, Runs]] = {}
        self._lock = threading.Lock()
        self.app = Gate(self._fastapi(), self.settings)

    @property
    def sources(self) -> Sources:
        """Source -> its coins, first and last day; the run's own first."""
        return offered(self.chosen)

    def runs(self, visitor: str = NOBODY) -> Runs:
        """Trainings and networks of one visitor."""
        with self._lock:
            now = time.monotonic()
            for name, (seen, idle) in list(self._visitors.items()):
                if name != visitor and now - seen > _FORGOTTEN_SECONDS and not idle.busy:
                    self._visitors.pop(name)[1].close()
            _, found = self._visitors.get(visitor) or (now, self._made(visitor))
            self._visitors[visitor] = now, found
            return found

    def _made(self, visitor: str) -> Runs:
        own = self.settings.model_copy(update={"service_folder": self.root / visitor})
        chosen = self.chosen
        return Runs(own, self._store, lambda *_: None, True, chosen.threads, chosen.max_daily_factor)

    def _busy(self) -> bool:
        with self._lock:
            return any(runs.busy for _, runs in self._visitors.values())

    def close(self) -> None:
        """Give up what runs; what was finished is saved."""
        with self._lock:
            for _, runs in self._visitors.values():
                runs.close()
        self._store.close()

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        yield
        self.close()

    def _fastapi(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._lifespan)

        async def own(x_visitor: Annotated[str, Header()] = "") -> Runs:
            return self.runs(x_visitor if _VISITOR.fullmatch(x_visitor) else NOBODY)

        errors(app)
        paths(app, own)
        _page(app)
        _market(app, self)
        _trainings(app, own)
        return app


def offered(chosen: Settings) -> Sources:
    """The sources that a page offers, the run's own first: source -> coins, first and last day.

    Where Yahoo is not the run's source, it goes on to yesterday: a page that stays open moves on with the days.
    """
    coins = chosen.tickers if chosen.source != "sample" else ("ADA-USD", "ETH-USD", "SOL-USD", "BTC-USD")
    own = chosen.tickers if chosen.source != "sample" else (sample.TICKER,)
    others: Sources = {
        "sample": ((sample.TICKER,), sample.START_DATE, sample.END_DATE),
        "yahoo": (coins, date(2021, 1, 1), today() - timedelta(days=1)),
    }
    rest = {name: what for name, what in others.items() if name != chosen.source}
    return {chosen.source: (own, chosen.start_date, chosen.end_date), **rest}


def _page(app: FastAPI) -> None:
    @app.get("/")
    def home() -> HTMLResponse:
        return HTMLResponse(
            files.home().replace("VERSION", files.version()),
            headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"},
        )

    @app.get("/page/{name}")
    def file(name: str) -> Response:
        """Script, style sheet and chart libraries; the page names them with a version, so they never change."""
        if name not in files.NAMES:
            return Response(status_code=404)
        headers = {"Content-Encoding": "gzip", "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(files.packed(name), media_type=_KINDS[name.rpartition(".")[2]], headers=headers)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(_ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0A5FA8"/>'
    '<path d="M3 11l3-4 3 2 4-6" fill="none" stroke="#FFFFFF" stroke-width="1.8"/></svg>'
)


def _market(app: FastAPI, pages: Pages) -> None:
    market = pages.market

    @app.get("/dashboard/start")
    def begin() -> Any:
        return start.start(pages.chosen, pages.sources, bool(pages.settings.service_token))

    @app.get("/dashboard/market")
    def watchlist(source: str, more: Annotated[str, Query(max_length=400)] = "") -> Any:
        return _json(market.watchlist(source, tuple(filter(None, map(str.strip, more.upper().split(","))))))

    @app.get("/dashboard/coin")
    def coin(request: Request, source: str, ticker: Annotated[str, Query(max_length=40)]) -> Response:
        chosen = _indicator_settings(request.query_params)
        return Response(market.coin(source, ticker.strip().upper(), chosen), media_type="application/json")

    @app.get("/dashboard/costs")
    def costs(network: Annotated[str, Query(max_length=40)]) -> Any:
        return pages.costs.ask(network)


def _indicator_settings(given: Mapping[str, str]) -> TechnicalSettings:
    """Settings of the indicators from a query.

    Raises:
        RequestError: with the sentence at the field that is wrong.
    """
    values = {f.name: _number(given[f.name]) for f in fields(TechnicalSettings) if f.name in given}
    try:
        return TechnicalSettings(**values)
    except TechnicalError as error:
        wrong = {}
        for sentence in str(error).split("; "):
            # Of two that contradict each other, at the one that was given.
            name = next((name for name in values if re.search(rf"\b{name}\b", sentence)), "")
            wrong[name] = _for_people(sentence)
        raise requests.RequestError(wrong) from None


def _for_people(sentence: str) -> str:
    for f in sorted(fields(TechnicalSettings), key=lambda f: -len(f.name)):
        sentence = sentence.replace(f.name, start.label_of(f.name))
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text.replace(",", "."))
        except ValueError:
            continue
    return text[:40]  # the settings say what is wrong with it


def _trainings(app: FastAPI, own: Callable[..., Any]) -> None:
    @app.post("/dashboard/check")
    def check(body: dict[str, Any], runs: Any = Depends(own)) -> Any:
        """What is wrong with a form, by field; nothing is trained."""
        try:
            runs.checked(body)
        except requests.RequestError as error:
            return {"wrong": error.fields}
        return {"wrong": {}}

    @app.get("/dashboard/trainings/{request_id}/follow")
    async def follow(
        request_id: RequestId, since: Annotated[int, Query(ge=1, le=10**9)] = 1, runs: Any = Depends(own)
    ) -> Any:
        """A training's state and its events from a number on; waits for the next one for a while."""
        end = time.monotonic() + _FOLLOW_SECONDS
        while True:
            state = runs.state(request_id)
            if state["events"] >= since or state["status"] in ENDED or time.monotonic() > end:
                return _json({"state": state, "events": runs.events(request_id, since)})
            await sleep(_PAUSE_SECONDS)

    @app.get("/dashboard/networks")
    def networks(runs: Any = Depends(own)) -> Any:
        """Trained networks with their badges, newest first."""
        return _json(
            [
                {**summary, "badge": forecasts.next_day(entry), "seconds": entry.record.get("seconds")}
                for entry, summary in runs.summaries()
            ]
        )

    @app.get("/dashboard/networks/{network}")
    def network(network: Identity, runs: Any = Depends(own)) -> Any:
        """One of them: scores, badge, days that a forecast may begin on."""
        loaded = runs.network(network)
        first, last = forecast.allowed_starts(loaded.training.data, loaded.observed)
        return _json({**forecasts.evaluated(loaded), "starts": [str(first), str(last)]})

    @app.get("/dashboard/networks/{network}/views/{view}")
    def view(network: Identity, view: str, theme: ThemeName = "light", runs: Any = Depends(own)) -> Any:
        if view not in charts.VIEWS:
            raise requests.RequestError({"view": f"View: {view[:40]} is not one of {', '.join(charts.VIEWS)}."})
        return _json(forecasts.view(runs.network(network), view, theme))

    @app.get("/dashboard/curves")
    def curves(
        networks: Annotated[str, Query(max_length=2000)], theme: ThemeName = "light", runs: Any = Depends(own)
    ) -> Any:
        chosen = [runs.network(name) for name in networks.split(",")[:_MOST_CURVES] if name]
        return _json(forecasts.curves(chosen, theme))

    @app.post("/dashboard/forecast")
    async def predict(body: ForecastBody, runs: Any = Depends(own)) -> Any:
        made = await to_thread.run_sync(runs.forecast, body.network, body.start_date, body.days)
        return _json(await to_thread.run_sync(forecasts.shown, runs.network(body.network), made, body.theme))


def _json(content: Any) -> Response:
    return Response(json.dumps(content), media_type="application/json")
