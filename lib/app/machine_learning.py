"""The machine learning widget (thesis section 6.3.3, Figures 6.4 to 6.9): six phases, drawn from the controller."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import ipywidgets as ui
import pandas as pd

from lib.app import charts, requests
from lib.app.controller import FORECASTING, IDLE, PHASES, TRAINING, Controller, Refused
from lib.app.events import ErrorLog, Event, ForecastUpdate, Stage, TrainingUpdate
from lib.app.figure_box import Gallery, replace
from lib.app.form import Field, TrainingForm
from lib.app.html_table import table
from lib.app.page_thread import PageThread
from lib.data import cleaning
from lib.errors import ProjectError
from lib.evaluation import baselines, scoring
from lib.experiments import forecast
from lib.results.progress import clock

REDRAW_S = 0.25  # epochs may come faster than a page can draw


class MachineLearning:
    """The widget of one controller; ``box`` is shown.

    Args:
        controller: states and rules.
        gallery: makes the charts.
        say: shows a sentence on the page's line, as (text, urgent).
        values, sources, tickers: of the form, see :class:`lib.app.form.TrainingForm`.
    """

    def __init__(
        self,
        controller: Controller,
        gallery: Gallery,
        say: Callable[[str, bool], None],
        values: Mapping[str, Any],
        sources: Sequence[str],
        tickers: Sequence[str],
    ):
        self._controller, self._gallery, self._say = controller, gallery, say
        self._drawn, self._chart = 0.0, None
        self.pages = {phase: ui.VBox().add_class(f"phase-{phase}") for phase in PHASES}
        self._parameters(values, sources, tickers)
        self._training()
        self._predicting()
        self._tabs = ui.Tab(
            children=list(self.pages.values()), titles=[f"{n}. {p.capitalize()}" for n, p in enumerate(PHASES, 1)]
        )
        self._tabs.observe(self._tab_chosen, "selected_index")
        self.box = ui.VBox([self._tabs]).add_class("learning")
        page = PageThread()
        controller.listen(lambda event: page.run(self._happened, event))
        self.refresh()

    # -- the phases --------------------------------------------------------------------------

    def _parameters(self, values: Mapping[str, Any], sources: Sequence[str], tickers: Sequence[str]) -> None:
        self.start = ui.Button(description="Train", button_style="primary", icon="")
        self.start.on_click(lambda _: self._try(lambda: self._controller.train(self.form.values)))
        self.form = TrainingForm(
            values,
            sources,
            tickers,
            self._controller.data_dir,
            lambda right: setattr(self.start, "disabled", not right or self._busy),
        )
        self.saved = ui.Dropdown(description="Saved networks", options=[("none yet", "")])
        self.use = ui.Button(description="Use it", disabled=True)
        self.use.on_click(lambda _: self._try(lambda: self._controller.pick(self.saved.value)))
        self.pages["parameters"].children = [
            self.form.box,
            self.start,
            ui.HTML("<h3>Or use a network that was trained before</h3>"),
            ui.HBox([self.saved, self.use]).add_class("row"),
        ]

    def _training(self) -> None:
        self.progress = ui.FloatProgress(min=0, max=100, description="Progress")
        self.status = ui.HTML("<p>Nothing was trained on this page yet: see Parameters.</p>")
        self.cancel = ui.Button(description="Cancel", disabled=True)
        self.cancel.on_click(lambda _: self._try(self._cancel))
        self.live = ui.Box().add_class("chart")
        self._log = ui.HTML()
        log = ui.Accordion([self._log], titles=["Log"])
        self.pages["training"].children = [
            ui.HBox([self.progress, self.cancel]).add_class("row"),
            self.status,
            self.live,
            log,
        ]

    def _predicting(self) -> None:
        self.ask = ui.Button(description="Forecast", button_style="primary")
        self.ask.on_click(lambda _: self._try(lambda: self._controller.predict(self.first_day.value, self.days.value)))
        self.first_day = Field("start", ui.DatePicker(description="Start date"), "", self._check_forecast)
        self.days = Field(
            "days",
            ui.Text(str(forecast.DEFAULT_DAYS), description="Days", continuous_update=True),
            "1 to 30 days",
            self._check_forecast,
        )
        self._about = ui.HTML()
        self.stop = ui.Button(description="Cancel", disabled=True)
        self.stop.on_click(lambda _: self._try(self._cancel))
        grid = ui.Box([self.first_day.box, self.days.box]).add_class("form-grid")
        self._ready_to_ask = [self._about, grid, ui.HBox([self.ask, self.stop]).add_class("row")]

    # -- what a person does ------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return self._controller.state != IDLE

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except requests.RequestError as error:
            (self.form.say if self._controller.phase in ("parameters", "training") else self._say_at_forecast)(
                error.fields
            )
            self._say("Some fields are wrong; each says what is allowed.", True)
        except ProjectError as error:
            self._say(str(error), True)

    def _cancel(self) -> None:
        what = "training" if self._controller.state == TRAINING else "forecast"
        self._controller.cancel()
        self._say(f"The {what} was cancelled. Saved networks are unchanged.", False)

    def _tab_chosen(self, change: Mapping[str, Any]) -> None:
        phase = PHASES[change["new"]] if change["new"] is not None else self._controller.phase
        if phase != self._controller.phase:
            with suppress(Refused):  # the page itself says what is missing
                self._controller.go(phase)

    def _say_at_forecast(self, wrong: Mapping[str, str]) -> None:
        for field in (self.first_day, self.days):
            field.say(wrong.get(field.name, ""))

    def _check_forecast(self) -> None:
        if self._controller.network is None:
            return
        wrong = requests.check_forecast(self.first_day.value, self.days.value, *self._starts)
        self._say_at_forecast(wrong)
        self.ask.disabled = bool(wrong) or self._busy

    # -- what happens ------------------------------------------------------------------------

    def _happened(self, event: Event | None) -> None:
        if isinstance(event, TrainingUpdate):
            self._epoch(event)
            return
        if isinstance(event, Stage):
            self.status.value = f"<p>{escape(event.doing)} ...</p>"
            self._show_log()
            return
        if isinstance(event, ErrorLog):
            self.status.value = f'<p class="field-error" role="alert">{escape(event.error)}</p>'
            self._say(event.error, True)
        elif isinstance(event, ForecastUpdate):
            self._say(f"The forecast from {event.days['date'][0]} on is done.", False)
        elif event is not None and event.kind == "visualizing_update":
            self._finish_chart()
            network = self._controller.network
            where = " (found in the cache of trainings)" if network.result.cached else ""
            self.status.value = f"<p>Done after {network.result.epochs} epochs{where}; the network is saved.</p>"
            self._say(f"{network.title}: done and saved.", False)
        self.refresh()

    def _epoch(self, event: TrainingUpdate) -> None:
        now = time.monotonic()
        if self._chart is None:
            self._begin_chart(event)
        elif now - self._drawn < REDRAW_S and event.epoch < event.epochs:
            return
        self._drawn = now
        self.progress.value = event.progress
        self.status.value = (
            f"<p>Epoch {event.epoch} of at most {event.epochs}. Loss {event.loss:.3g}, validation loss"
            f" {event.val_loss:.3g}, of the naive forecast {event.naive_val_loss:.3g} (scaled MSE)."
            f" {clock(event.seconds)} spent, at most {clock(event.seconds_left)} left.</p>"
        )
        self._finish_chart()

    def _begin_chart(self, event: TrainingUpdate) -> None:
        ticker, network = self._controller.subject
        figure = charts.live_history(ticker, network, event.epochs, event.naive_val_loss)
        self._chart = self._gallery.widget(figure, charts.config(f"{ticker}_{network}_live"))
        replace(self.live, self._chart)

    def _finish_chart(self) -> None:
        updates = list(self._controller.updates)
        if self._chart is not None and updates:
            charts.extend_history(
                self._chart, {"loss": [u.loss for u in updates], "val_loss": [u.val_loss for u in updates]}
            )

    # -- drawing -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw everything again from the controller."""
        state, phase = self._controller.state, self._controller.phase
        self.form.lock(state == TRAINING)
        self.start.disabled = self._busy or not self.form.check()
        self.start.description = "Training ..." if state == TRAINING else "Train"
        self.cancel.disabled, self.stop.disabled = state != TRAINING, state != FORECASTING
        self._list_saved()
        self._show_log()
        if state == TRAINING and not self._controller.updates:
            self.progress.value, self.status.value, self._chart = 0, "<p>Starting ...</p>", None
            replace(self.live)
        self._draw_network()
        self._draw_results()
        if self._tabs.selected_index != PHASES.index(phase):
            self._tabs.selected_index = PHASES.index(phase)

    def _list_saved(self) -> None:
        saved = self._controller.collection.entries()
        options = [(entry.title, entry.identity) for entry in saved] or [("none yet", "")]
        if tuple(self.saved.options) != tuple(options):
            self.saved.options = options
        self.use.disabled = self._busy or not saved

    def _show_log(self) -> None:
        rows = "".join(
            f"<li><code>{escape(r['time'][11:19])} {escape(r['kind'])}</code> {escape(_short(r))}</li>"
            for r in reversed(self._controller.log[-30:])
        )
        self._log.value = f"<ol class='log'>{rows}</ol>" if rows else "<p>Nothing has happened yet.</p>"

    def _draw_network(self) -> None:
        network = self._controller.network
        if getattr(self, "_shown_network", "") == (network and network.identity):
            self._check_forecast()
            return
        self._shown_network = network and network.identity
        if network is None:
            for phase in ("evaluating", "visualizing", "predicting"):
                self.pages[phase].children = [
                    ui.HTML("<p>Train a network first, or use a saved one: see Parameters.</p>")
                ]
            return
        words = scoring.network_in_words(network.scores, network.network)
        self.pages["evaluating"].children = [
            ui.HTML(
                f"<p><strong>{escape(network.title)}</strong></p><p>{escape(words)}</p>"
                f"{scores_table(network.scores)}<p>{_SCORES}</p>"
            )
        ]
        self._draw_views(network)
        self._starts = self._controller.starts()
        gaps = cleaning.gaps_in_words(network.ticker, network.prices, network.training.settings.max_gap_days)
        first, last = self._starts
        self.first_day.hint = f"{first} to {last}, after the days of training"
        self._about.value = (
            f"<p>{escape(network.title)}. Closes are known until {network.observed.index[-1].date()}."
            f" {escape(gaps)}</p>"
        )
        self.first_day.show(last)
        self.pages["predicting"].children = self._ready_to_ask
        self._check_forecast()

    def _draw_views(self, network: Any) -> None:
        finished = charts.Finished(
            network.ticker, network.network, network.result.history, network.predictions, network.prices
        )
        choice = ui.ToggleButtons(
            options=[(view.title, key) for key, view in charts.VIEWS.items()], description="View"
        ).add_class("views")
        place = ui.Box().add_class("chart")

        def draw(_: Any = None) -> None:
            view = charts.VIEWS[choice.value]
            replace(place, self._gallery.widget(view.draw(finished), charts.config(f"{network.identity}_{view.stem}")))

        choice.observe(draw, "value")
        draw()
        self.pages["visualizing"].children = [choice, place]

    def _draw_results(self) -> None:
        made, network = self._controller.forecast, self._controller.network
        if made is getattr(self, "_shown_forecast", "nothing"):
            return
        self._shown_forecast = made
        page = self.pages["results"]
        if made is None:
            page.children = [ui.HTML("<p>Ask for a forecast first: see Predicting.</p>")]
            return
        frame = forecast_frame(made)
        known = network.observed.loc[: made.origin]
        coverage = frame["coverage"].iloc[-1]
        figure = charts.forecast(
            frame, known, network.ticker, network.network, None if pd.isna(coverage) else float(coverage)
        )
        chart = self._gallery.widget(figure, charts.config(f"{network.identity}_forecast"))
        name = f"{network.ticker}_{network.network}_from_{made.days['date'][0]}.csv"
        page.children = [
            ui.HTML(f"<p>{escape(made.sentence)}</p>"),
            ui.Box([chart]).add_class("chart"),
            ui.HTML(download(frame, name) + forecast_table(frame)),
        ]


def _short(row: Mapping[str, Any]) -> str:
    kind = row["kind"]
    if kind == "training_update":
        return f"epoch {row['epoch']}, loss {row['loss']:.3g}, validation loss {row['val_loss']:.3g}"
    return {
        "stage": row.get("doing"),
        "error_log": row.get("error"),
        "visualizing_update": row.get("identity"),
        "forecast_update": row.get("sentence"),
    }.get(kind) or ""


_SCORES = (
    "MAE, RMSE in US dollars, MSE in US dollars squared, MAPE in percent. Skill is 1 - MSE / MSE of the naive forecast"
    " 'tomorrow equals today'. Its interval says how far it may move on other days like these: a network is shown to be"
    " better than no network only where the whole interval is above 0. The network was fitted to training days, stopped"
    " by validation days; only test days are unseen."
)


def scores_table(scores: pd.DataFrame) -> str:
    """Scores as an HTML table: a row for each split and model, a skill together with its interval."""
    names = ["MAE", "RMSE", "R2", "MAPE", "MSE"]
    rows = [
        [escape(r["part"]), escape(r["model"]), str(r["days"]), _skill(r), *(charts.readable(r[n]) for n in names)]
        for r in scores.to_dict("records")
    ]
    return table("Scores", ["Split", "Model", "Days", "Skill (95 % interval)", *names], rows)


def _skill(row: Mapping[str, Any]) -> str:
    """A skill with its interval; empty for the naive forecast, against which skills are measured."""
    if row["model"] == baselines.NAIVE:
        return ""
    if pd.isna(row["skill"]):
        return "none, as the price did not change"
    if pd.isna(row["skill_lower"]):
        return f"{row['skill']:+.2f} (too few days for an interval)"
    return f"{row['skill']:+.2f} ({row['skill_lower']:+.2f} to {row['skill_upper']:+.2f})"


def forecast_frame(made: ForecastUpdate) -> pd.DataFrame:
    """The forecast's days as a frame, with its level."""
    frame = pd.DataFrame(dict(made.days))
    return frame.assign(date=pd.to_datetime(frame["date"]), level=made.level)


def forecast_table(frame: pd.DataFrame) -> str:
    """The forecast as an HTML table: a row for each day."""
    names = {
        "path_usd": "Forecast",
        "lower_usd": "Lower",
        "upper_usd": "Upper",
        "naive_usd": "Naive",
        "actual_usd": "Actual",
        "coverage": "Coverage",
        "evaluated_on": "of forecasts",
    }

    def cell(name: str, value: float) -> str:
        return f"{value:.0%}" if name == "coverage" and pd.notna(value) else charts.readable(value)

    rows = [[f"{r['date']:%Y-%m-%d}", *(cell(n, r[n]) for n in names)] for r in frame.to_dict("records")]
    return table("Forecast, US dollars", ["Day", *names.values()], rows)


def download(frame: pd.DataFrame, name: str) -> str:
    """A link that saves the frame as CSV; nothing is asked of a server."""
    text = frame.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    content = base64.b64encode(text.encode()).decode()
    link = f'<a class="download" download="{escape(name)}" href="data:text/csv;base64,{content}">Download as CSV</a>'
    return f"<p>{link}</p>"
