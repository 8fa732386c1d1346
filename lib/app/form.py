"""The training form: fields that are checked as one types, each with its message beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ui

from lib.app import requests
from lib.app.html_table import table
from lib.settings import NETWORKS

WHOLE = ("lookback", "batch_size", "epochs", "seed")
RATES = ("learning_rate", "dropout_rate")


class Field:
    """A named input with a hint and a place for its message.

    Args:
        name: the request's field.
        control: the ipywidget; its ``value`` is what was typed.
        hint: range and unit, always shown.
        on_change: called after each change.
    """

    def __init__(self, name: str, control: ui.Widget, hint: str, on_change: Callable[[], None]):
        self.name, self.control, self.hint = name, control, hint
        self._message = ui.HTML()
        control.observe(lambda _: on_change(), "value")
        self.box = ui.VBox([control, self._message]).add_class("field")
        self.say("")

    @property
    def value(self) -> Any:
        """What was typed, as a number where it is one."""
        typed = self.control.value
        if self.name in WHOLE + RATES + ("days",):
            return _number(typed, whole=self.name not in RATES)
        return typed

    def show(self, value: Any) -> None:
        """Put a value into the control."""
        self.control.value = str(value) if isinstance(self.control, ui.Text) else value

    def say(self, error: str) -> None:
        """Show an error, or the hint if there is none."""
        shown = (
            f'<span class="field-error" role="alert">{escape(error)}</span>'
            if error
            else f'<span class="field-hint">{escape(self.hint)}</span>'
        )
        if self._message.value != shown:
            self._message.value = shown
        (self.control.add_class if error else self.control.remove_class)("wrong")

    def lock(self, locked: bool) -> None:
        """Whether typing is possible."""
        self.control.disabled = locked


def _number(typed: str, whole: bool) -> Any:
    text = typed.strip().replace(",", ".") if not whole else typed.strip()
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return typed  # the check says what is wrong with it


class TrainingForm:
    """Phase 1. ``values`` are what :func:`lib.app.requests.check` takes.

    Args:
        values: what is shown at first.
        sources: sources that this page offers.
        tickers: suggestions; any other may be typed.
        data_dir: folder of price files, if any.
        on_change: called after each change with whether the form is right.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        sources: Sequence[str],
        tickers: Sequence[str],
        data_dir: str | None,
        on_change: Callable[[bool], None],
    ):
        self._data_dir, self._on_change = data_dir, on_change
        controls = {
            "source": ui.Dropdown(options=list(sources)),
            "ticker": ui.Combobox(options=list(tickers), continuous_update=True, ensure_option=False),
            "network": ui.Dropdown(options=list(NETWORKS)),
            "start_date": ui.DatePicker(),
            "end_date": ui.DatePicker(),
            **{name: ui.Text(continuous_update=True) for name in (*WHOLE, *RATES)},
        }
        self.fields = {
            name: Field(name, controls[name], requests.allowed(name), self._changed) for name in requests.FIELDS
        }
        for name, field in self.fields.items():
            field.control.description = requests.label(name)
        self._quiet = False
        self._whole = ui.HTML()
        self.presets = ui.ToggleButtons(
            options=["quick", "balanced", "thesis best"],
            value=None,
            description="Preset",
            tooltips=[
                "a small network and few epochs: seconds",
                "a usual network: a minute or two",
                "what the thesis calls best for the chosen network",
            ],
        )
        self.presets.observe(
            lambda change: (
                change["new"] and self.fill(requests.preset(change["new"], self.fields["network"].control.value))
            ),
            "value",
        )
        grid = ui.Box([f.box for f in self.fields.values()]).add_class("form-grid")
        self.box = ui.VBox([self.presets, grid, self._whole])
        self.fill(values)

    @property
    def values(self) -> dict[str, Any]:
        """Field -> value."""
        return {name: field.value for name, field in self.fields.items()}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Put values into some fields and check the form."""
        self._quiet = True
        for name, value in values.items():
            self.fields[name].show(value)
        self._quiet = False
        self.check()

    def _changed(self) -> None:
        """A person changed a field: the form is no preset any more, which can then be chosen again."""
        if not self._quiet:
            self.presets.value = None
            self.check()

    def check(self) -> bool:
        """Say what is wrong at each field; returns whether all is well."""
        if self._quiet:
            return False
        wrong: Mapping[str, str] = {}
        try:
            requests.check(self.values, self._data_dir)
        except requests.RequestError as error:
            wrong = error.fields
        self.say(wrong)
        self._on_change(not wrong)
        return not wrong

    def say(self, wrong: Mapping[str, str]) -> None:
        """Show errors by field."""
        for name, field in self.fields.items():
            field.say(wrong.get(name, ""))
        rest = " ".join(text for name, text in wrong.items() if name not in self.fields)
        self._whole.value = f'<p class="field-error" role="alert">{escape(rest)}</p>' if rest else ""

    def lock(self, locked: bool) -> None:
        """Whether the form can be changed."""
        self.presets.disabled = locked
        for field in self.fields.values():
            field.lock(locked)


def static(values: Mapping[str, Any]) -> str:
    """The form as plain HTML, for a reader of an executed notebook: fields, values and what is allowed."""
    rows = [
        [escape(text) for text in (requests.label(name), str(values[name]), requests.allowed(name))]
        for name in requests.FIELDS
    ]
    return table("Parameters", ["Parameter", "Value", "Allowed"], rows, kind="form")
