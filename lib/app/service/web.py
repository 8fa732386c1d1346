"""The service's HTTP: paths, status codes, and errors that name field, value and rule (Table 5.1, Listings 1 to 6)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import socketio
from anyio import to_thread
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Route

from lib.app import requests
from lib.app.sentences import for_page, without_folders
from lib.app.service import answers, bodies
from lib.app.service.environment import ServiceSettings
from lib.app.service.gate import Gate, refusal
from lib.app.service.live import Live
from lib.app.service.runs import Busy, FailedForNow, NotThere, Over, Runs, new_identity
from lib.app.service.store import Store, StoreError, open_store
from lib.data import market
from lib.errors import ProjectError
from lib.experiments.pool import PoolError

log = logging.getLogger("lib.app.service")
_SHOWN = 40  # letters of a wrong value that an answer repeats
RequestId = Annotated[str, Path(pattern=r"^\d{14}-[0-9a-f]{6}$", description="as POST /train gave it")]
Identity = Annotated[str, Path(max_length=80, description="as GET /networks lists it")]
# The most particular first: what a kind of error means for whoever asked.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (requests.RequestError, 422),
    (NotThere, 404),
    (Over, 409),
    (Busy, 429),
    (FailedForNow, 503),
    (StoreError, 503),
    (PoolError, 503),
    (market.SourceUnavailable, 503),
    (ProjectError, 422),
)
_WORDS = {
    400: "not JSON, or a host name that is not this service's",
    401: "no token, or not the service's",
    403: "a page of another origin",
    404: "there is no such training or network",
    405: "another method is needed",
    415: "the body is not application/json",
    409: "not possible in its present state",
    413: "too large",
    422: "a field is wrong: which, its value, and the rule",
    429: "too many requests or trainings: wait, see Retry-After",
    503: "prices, workers or the shared store cannot be reached now",
}


def _refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    always = 400, 401, 403, 413, 422, 429
    return {code: {"model": answers.Error, "description": _WORDS[code]} for code in (*always, *codes)}


class Service:
    """One process of the service: settings, store, trainings and the application that serves them.

    Args:
        settings: as :func:`lib.app.service.environment.load` gives them.

    Attributes:
        app: the ASGI application.
        runs: trainings, networks, forecasts.
    """

    def __init__(self, settings: ServiceSettings):
        self.settings = settings
        self.store: Store = open_store(settings.redis_url)
        self.live = Live(settings)
        self.runs = Runs(settings, self.store, self.live.tell)
        self.live.follow_with(self.runs.events)
        inner = socketio.ASGIApp(self.live.server, self._fastapi(), socketio_path="socket.io")
        self.app = Gate(inner, settings)

    async def _runs(self) -> Runs:
        return self.runs

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.live.begin(asyncio.get_running_loop())
        yield
        self.close()

    def close(self) -> None:
        """Give up what runs."""
        self.runs.close()
        self.live.end()
        self.store.close()

    def _fastapi(self) -> FastAPI:
        app = FastAPIOffline(
            title="Forecasts of coin prices",
            summary="Train a network, follow it, ask it for a forecast, and hear what that is worth.",
            description=_ABOUT,
            version="1",
            redoc_url=None,
            lifespan=self._lifespan,
            root_path=self.settings.root_path,
            responses=_refusals(),
        )
        if self.settings.cors_origins:
            app.add_middleware(
                CORSMiddleware,
                allow_origins=list(self.settings.cors_origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type"],
            )
        errors(app)
        _home(app)
        paths(app, self._runs)
        _described(app, self.settings)
        return app


_ABOUT = """Every answer with a forecast has the naive one (tomorrow equals today) and the skill against it beside it:
above 0 is better than no model. Bounds are calibrated on days after training: `promised` is the share that they aim at,
`confidence` the share that they held on the test days.

**Events while a network learns.** Connect to this address with Socket.IO: `io(URL, {auth: {token: TOKEN}})`, in Python
`socketio.Client().connect(URL, auth={"token": TOKEN})`. Every client hears the events of all trainings; choose by
`request_id`. Each event has a `number`, from 1 within its training. After a break `emit("follow", {request_id, since})`
sends again all events from number `since` on, and answers `{request_id, sent}` or `{error}`: leave out the numbers that
you have. The same events are at `GET /trainings/{request_id}/events`.

| Event | Fields |
|---|---|
| `stage` | `doing`: what is going on |
| `training_update` | `epoch`, `epochs`, `loss`, `val_loss`, `naive_val_loss` (MSE of scaled closes), \
`progress` (percent), `seconds`, `seconds_left` |
| `validation_update` | scores on the test days in US dollars, `naive` and `skill`; `scores` has those of each split |
| `visualizing_update` | `plot` (a view's name), `image` (`data:` address of a PNG), `identity` (the network) |
| `error_log` | `error`, `temporary`: whether the same may go well later |
| `training_ended` | `status` (done, failed or cancelled), `network`; the last one |"""


def _home(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def home(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


def paths(app: FastAPI, own: Callable[..., Any]) -> None:
    """The paths of Table 5.1 and those that a client needs beside them.

    Args:
        app: gets them.
        own: a dependency that gives the :class:`Runs` of whoever asks.
    """

    @app.get("/health", response_model=answers.Health, summary="Whether the service answers", tags=["health"])
    async def health() -> dict[str, Any]:
        """Listing 5: whether the service answers. Needs no token."""
        return {"status": "healthy", "timestamp": answers.now()}

    @app.post(
        "/train",
        response_model=answers.TrainAnswer,
        responses={202: {"model": answers.Accepted, "description": "with wait=false"}, **_refusals(409, 415, 503)},
        summary="Train a network",
        tags=["training"],
    )
    async def train(
        body: bodies.TrainBody,
        response: Response,
        request: Request,
        wait: Annotated[bool, Query(description="answer when it is done; false: at once, with 202")] = True,
        plots: Annotated[bool, Query(description="draw the twelve views: PNG in the answer, and as events")] = True,
        runs: Any = Depends(own),
    ) -> Any:
        """Listings 1 and 2: train a network. A training that is known is answered from the cache."""
        run = await to_thread.run_sync(runs.train, body.model_dump(), plots)
        if not wait:
            state = dict(run.state)
            path = f"{request.scope.get('root_path', '')}/trainings/{run.request_id}"
            links = {"state": path, "events": f"{path}/events?since=1", "cancel": f"{path}/cancel"}
            headers = {"Location": path}
            return _json(answers.Accepted(**state, links=links), 202, headers)
        await _ended(run)
        return await to_thread.run_sync(runs.answer, run.state, plots)

    @app.get(
        "/trainings",
        response_model=list[answers.TrainingState],
        responses=_refusals(503),
        summary="List trainings",
        tags=["training"],
    )
    def trainings(runs: Any = Depends(own)) -> Any:
        """Trainings that were asked for, newest first."""
        return runs.states()

    @app.get(
        "/trainings/{request_id}",
        response_model=answers.StateAnswer,
        responses=_refusals(404, 503),
        summary="State and result of a training",
        tags=["training"],
    )
    def training(
        request_id: RequestId,
        plots: Annotated[bool, Query(description="with the views")] = False,
        runs: Any = Depends(own),
    ) -> Any:
        """What a training does, and its result once it is done."""
        state = runs.state(request_id)
        data = None
        if state["status"] == "done":
            with suppress(NotThere):  # its network was forgotten since
                data = runs.answer(state, plots)["data"]
        return {**state, "data": data}

    @app.get(
        "/trainings/{request_id}/events",
        response_model=answers.Events,
        responses=_refusals(404, 503),
        summary="Events of a training from a number on",
        tags=["training"],
    )
    def events(
        request_id: RequestId,
        since: Annotated[int, Query(ge=1, le=10**9, description="first number wanted")] = 1,
        runs: Any = Depends(own),
    ) -> Any:
        """A training's events from a number on: what a client that was away has missed."""
        found = runs.events(request_id, since)
        return {"request_id": request_id, "status": runs.state(request_id)["status"], "events": found}

    @app.post(
        "/trainings/{request_id}/cancel",
        response_model=answers.TrainingState,
        responses=_refusals(404, 409, 503),
        summary="Cancel a training",
        tags=["training"],
    )
    def cancel(request_id: RequestId, runs: Any = Depends(own)) -> Any:
        """Give a training up. It stops at its next epoch."""
        return runs.cancel(request_id)

    @app.get(
        "/networks", response_model=list[answers.NetworkSummary], summary="List trained networks", tags=["networks"]
    )
    def networks(runs: Any = Depends(own)) -> Any:
        """Trained networks, newest first."""
        return [summary for _, summary in runs.summaries()]

    @app.get(
        "/networks/{network}",
        response_model=answers.Trained,
        responses=_refusals(404, 503),
        summary="Scores of a trained network",
        tags=["networks"],
    )
    def network(
        network: Identity,
        plots: Annotated[bool, Query(description="with the views")] = False,
        runs: Any = Depends(own),
    ) -> Any:
        """A trained network's scores and history."""
        entry = runs.entry(network)
        return answers.trained_data(entry, runs.images(entry) if plots else None)

    @app.delete(
        "/networks/{network}",
        status_code=204,
        responses=_refusals(404),
        summary="Forget a trained network",
        tags=["networks"],
    )
    def forget(network: Identity, runs: Any = Depends(own)) -> None:
        """Forget a trained network. Its training stays in the cache, so it can be had again in moments."""
        runs.forget(network)

    @app.post(
        "/predict",
        response_model=answers.PredictAnswer,
        responses=_refusals(404, 415, 503),
        summary="Forecast 1 to 30 days",
        tags=["forecast"],
    )
    async def predict(body: bodies.PredictBody, runs: Any = Depends(own)) -> Response:
        """Listings 3 and 4: a forecast of 1 to 30 days, with its calibrated band and the naive forecast."""
        asked = body.network, body.start_date, body.days
        # Under load a change of thread takes longer than the look-up itself.
        data, age = runs.known_forecast(*asked) or await to_thread.run_sync(runs.predict, *asked)
        cached = b"true" if age else b"false"
        head = f'{{"request_id":"{new_identity()}","status":"success","cached":'.encode()
        whole = head + cached + f',"age_seconds":{age:.3f},"data":'.encode() + data + b"}"
        return Response(whole, media_type="application/json")  # the data are kept as JSON, so it is not parsed again


async def _ended(run: Any) -> None:
    """Wait for a training without a thread; a client that is gone ends the waiting, not the training."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def watch() -> None:
        run.ended.wait()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()


def _json(answer: Any, status: int, headers: Mapping[str, str]) -> Response:
    return Response(answer.model_dump_json(), status, dict(headers), "application/json")


# -- errors --------------------------------------------------------------------------------


def errors(app: FastAPI) -> None:
    """What each kind of error is answered with: a status, and a body that names field, value and rule."""

    @app.exception_handler(RequestValidationError)
    async def wrong_fields(_: Request, error: RequestValidationError) -> Response:
        no_json = any(one["type"] == "json_invalid" for one in error.errors())
        return _refused(400 if no_json else 422, *_wrong(error))

    @app.exception_handler(requests.RequestError)
    async def wrong_form(request: Request, error: requests.RequestError) -> Response:
        sent = await _sent(request)
        wrong = [
            {"field": _name(field), "value": _short(sent.get(_name(field))), "rule": _rule(text)}
            for field, text in error.fields.items()
        ]
        return _refused(422, for_page(error), wrong)

    @app.exception_handler(ProjectError)
    async def sentence(_: Request, error: ProjectError) -> Response:
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        text = for_page(error)
        return _refused(status, text[:1].upper() + text[1:])

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # Starlette names those of one route only
            headers["Allow"] = ", ".join(sorted(_methods(app, request.scope["path"])))
        texts = {
            404: "There is no such path. /docs lists those that there are.",
            405: f"This path takes {headers.get('Allow')}, not {request.method}.",
        }
        return _refused(error.status_code, texts.get(error.status_code, str(error.detail)), headers=headers)

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        log.exception("an error that nobody foresaw", exc_info=error)
        return _refused(500, f"An unexpected error ({type(error).__name__}). It was written to the service's log.")


def _methods(app: FastAPI, path: str) -> set[str]:
    routes = [route for route in app.routes if isinstance(route, Route | APIRoute) and route.path_regex.match(path)]
    return {method for route in routes for method in route.methods or ()}


def _refused(status: int, message: str, errors: Any = (), headers: Mapping[str, str] | None = None) -> Response:
    code, body = refusal(status, without_folders(message), errors)
    more = {**(headers or {}), **({"Retry-After": "10"} if status in (429, 503) else {})}
    return Response(body, code, more, "application/json")


def _wrong(error: RequestValidationError) -> tuple[str, list[dict[str, Any]]]:
    found = [_one_wrong(one) for one in error.errors()]
    first, kind = found[0], error.errors()[0]["type"]
    field, rule = first["field"] or "The body", first["rule"]
    words = {
        "missing": f"{field} is missing. Give {rule}.",
        "extra_forbidden": f"{field}: {rule}.",
        "json_invalid": f"{field} is no JSON: {rule}.",
    }
    more = f" And {len(found) - 1} more, see errors." if len(found) > 1 else ""
    return words.get(kind, f"{field}: {first['value']!r} is not allowed. Allowed: {rule}.") + more, found


def _one_wrong(one: Any) -> dict[str, Any]:
    field = str(one["loc"][1]) if len(one["loc"]) > 1 else ""
    rule, value = _RULES.get(field) or _allowed(field, str(one["msg"])), _short(one.get("input"))
    if one["type"] == "missing":
        value = None
    elif one["type"] == "extra_forbidden":
        rule = "there is no such field"
    elif one["type"] == "json_invalid":
        field, value, rule = "", None, str(one["ctx"]["error"])
    return {"field": field, "value": value, "rule": rule}


_RULES = {
    "days": "1 to 30 days, a whole number",
    "since": "a whole number from 1 on",
    "request_id": "a number as POST /train gives it; GET /trainings lists them",
    **dict.fromkeys(("wait", "plots"), "true or false"),
}


def _allowed(field: str, otherwise: str) -> str:
    known = {"model": "network"}.get(field, field)
    return requests.allowed(known) if known in requests.FIELDS else otherwise


def _name(field: str) -> str:
    return {"network": "model"}.get(field, field)


def _rule(text: str) -> str:
    return text.partition(" is not allowed. Allowed: ")[2].removesuffix(".") or text


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return answers.number(value) if not isinstance(value, int) or abs(value) < 2**53 else str(value)[:_SHOWN]
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


async def _sent(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except Exception:  # noqa: BLE001  it was parsed once, so this is a request without a body
        return dict(request.query_params)
    return body if isinstance(body, dict) else {}


def _described(app: FastAPI, settings: ServiceSettings) -> None:
    """Complete the description: the token if one is needed, and this service's own limits."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            body = schema["components"]["schemas"]["TrainBody"]
            for limited in body["properties"]["epochs"]["anyOf"]:
                limited |= {"maximum": settings.max_epochs} if "maximum" in limited else {}
            body["examples"] = [one | {"epochs": min(one["epochs"], settings.max_epochs)} for one in body["examples"]]
            body["properties"]["source"]["anyOf"] = [{"enum": list(settings.price_sources)}, {"type": "null"}]
            if settings.service_token:
                schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                for path, methods in schema["paths"].items():
                    for about in methods.values():
                        about["security"] = [] if path == "/health" else [{"token": []}]
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]
