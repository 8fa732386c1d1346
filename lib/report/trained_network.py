"""What notebooks 04 to 07 have in common: a network at the thesis's best hyperparameters, trained, shown and scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lib import figures, tables
from lib.data import market, windows
from lib.evaluation import scoring
from lib.experiments import seeds, train
from lib.networks import architectures
from lib.results.artifacts import Store
from lib.settings import Settings

_LAYERS = {  # the layer tables that the thesis prints
    "CNN-LSTM": ("table_4_3", "Table 4.3. Layers of the CNN-LSTM", tables.table_4_3),
    "LSTM-CNN": ("table_4_4", "Table 4.4. Layers of the LSTM-CNN", tables.table_4_4),
}

WINDOWS = "### The windows"
READING = """### The layers

Text, tables and listing of the thesis disagree about a hidden dense layer, the activation at the end, batch
normalisation, clipping and the learning-rate schedule. Each is a parameter above; the defaults are the listing of
Appendix 6, the only code of the networks that the thesis prints."""
LEARNING = """### Learning curves

Loss on training windows is measured while dropout is on, so it may lie above the validation loss. Training stops when
the validation loss has not improved for `patience` epochs and keeps the best epoch's weights, as the thesis's text
says; the author's trials ran every epoch (08b)."""
PREDICTED = """### Predicted against actual prices, in dollars

The validation days steered early stopping, and in the thesis also the choice of hyperparameters; only the test days
were not looked at. The dotted line is the naive forecast."""
SCORES = """### Scores, with the naive forecast beside

`skill` is 1 - MSE / MSE of the naive forecast: above 0 is better than "tomorrow equals today". R2 compares with the
mean of the days scored: a weak rival where prices wander far from it, so read it beside the naive forecast's. The 95 %
interval says how far the skill would move had other days been drawn (how: 09a); where it lies below 0, more than the
chance of days is at work. One seed is one draw: another seed gives other scores, and how far apart they lie is not
shown here (09a does)."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network of each ticker after its training.

    Attributes:
        models: ticker -> Keras model of Keras's own layers.
        data: ticker -> its windows.
        predictions: ticker -> forecasts of every split in US dollars.
        max_epochs: the parameter.
    """

    network: str
    models: Mapping[str, Any]
    data: Mapping[str, windows.Dataset]
    predictions: Mapping[str, pd.DataFrame]
    max_epochs: int

    @property
    def any_model(self) -> Any:
        """The model of the first ticker; all have the same layers."""
        return next(iter(self.models.values()))

    def in_words(self) -> str:
        """A sentence for each ticker: whether it is better than the naive forecast on days that it has not seen.

        Another one if the parameters allow fewer epochs than the hyperparameters ask for.
        """
        found = {t: scoring.network_scores(frame, self.network) for t, frame in self.predictions.items()}
        sentences = [f"{t}: {scoring.network_in_words(scores, self.network)}" for t, scores in found.items()]
        return "\n".join([*sentences, *cut_short_in_words(self.network, self.max_epochs)])

    def response(self, ticker: str) -> pd.Series:
        """:func:`response` to the own close of the first test window."""
        data = self.data[ticker]
        return response(self.models[ticker], data.test.X[0], data.features.index("Close"))


def cut_short_in_words(network: str, max_epochs: int) -> list[str]:
    """A sentence on what scores cannot show after fewer epochs than the thesis's best hyperparameters; else none."""
    asked = int(architectures.default_hyperparameters(network)["epochs"])
    if max_epochs >= asked:
        return []
    return [
        f"The {network} was trained for at most {max_epochs} of {asked} epochs: this shows how the notebook works, not"
        " how good the thesis's network is."
    ]


def response(model: Any, window: np.ndarray, feature: int = 0, step: float = 0.01) -> pd.Series:
    """How far a forecast moves with each day of its window.

    Args:
        model: Keras model that maps (batch, lookback, features) to (batch, 1).
        window: scaled inputs, shape (lookback, features).
        feature: which input of a day is raised.
        step: by how much.

    Returns:
        Change of the scaled forecast over ``step``, by day of the window from 1.
    """
    days = len(window)
    raised = np.repeat(window[None], days + 1, axis=0)
    raised[range(days), range(days), feature] += step  # the last one stays as it is
    forecast = model.predict(raised, verbose=0)[:, 0].astype("float64")
    return pd.Series((forecast[:-1] - forecast[-1]) / step, index=range(1, days + 1))


def show(network: str, settings: Settings, store: Store) -> TrainedNetwork:
    """Train a network for every ticker, save what comes of it and show it in the notebook, with words to each.

    What is cached is not trained again. Saved are, with the network's name in theirs, the tables of windows,
    hyperparameters, layers and scores, the figures of losses and forecasts, forecasts and models of each ticker.
    """
    slug = network.lower().replace("-", "_")
    prices = market.prices_of(settings)
    data = windows.build(prices, settings)
    store.fact(data=market.digest(prices))
    counts = store.table(
        f"windows_{slug}", tables.window_counts(data), "Days, windows and target variance of each part"
    )
    best = "Hyperparameters that the thesis calls best"
    _show(WINDOWS, counts, READING, store.table(f"hyperparameters_{slug}", tables.hyperparameters(network), best))

    trained = seeds.trained(data, network, settings, weights=True)
    store.fact(seeds={ticker: training.seed for ticker, (training, _) in trained.items()})
    models = {ticker: train.model_of(*both) for ticker, both in trained.items()}
    _show_layers(network, slug, next(iter(models.values())), store)
    _show_learning(network, slug, trained, store)

    predictions = {}
    for ticker, both in trained.items():
        predictions[ticker] = store.predictions(ticker, network, seeds.predictions(*both))
        store.model(ticker, network, models[ticker])
    title = f"{network}: predicted and actual closes (USD)"
    _show(PREDICTED)
    _show_figure(f"predicted_{slug}", figures.predicted_and_actual(predictions, network), title, store)

    by_network = {ticker: {network: frame} for ticker, frame in predictions.items()}
    seed_of = {(ticker, network): training.seed for ticker, (training, _) in trained.items()}
    scores = scoring.run_scores(by_network, data, seed_of)
    _show(SCORES, store.table(f"scores_{slug}", scores, f"{network}: scores by part, scaled and in dollars"))
    print(scoring.scores_in_words(scores))
    return TrainedNetwork(network, models, data, predictions, settings.max_epochs)


def _show_layers(network: str, slug: str, model: Any, store: Store) -> None:
    if network in _LAYERS:
        name, title, table = _LAYERS[network]
        _show(store.table(name, table(model), title))
    else:
        _show(store.table(f"layers_{slug}", tables.layers(network, model), f"Layers of the {network}"))
    print(tables.parameter_count_in_words(network, model))


def _show_learning(network: str, slug: str, trained: Mapping[str, Any], store: Store) -> None:
    _show(LEARNING)
    curves = figures.learning_curves({ticker: result for ticker, (_, result) in trained.items()}, network)
    _show_figure(f"learning_{slug}", curves, f"{network}: loss by epoch", store)
    for ticker, (training, result) in trained.items():
        took = f"{result.epochs} epochs in {result.seconds:.1f} s"
        print(f"{ticker}: {took}, best epoch {result.best_epoch}, seed {training.seed}")


def _show(*things: Any) -> None:
    """Show words as Markdown, and tables as they are."""
    from IPython.display import Markdown, display

    for thing in things:
        display(Markdown(thing) if isinstance(thing, str) else thing)


def _show_figure(name: str, figure: Any, title: str, store: Store) -> None:
    from IPython.display import display

    display(store.figure(name, figure, title), metadata={"image/png": {"alt": title}})
