"""The seed of every training: one function a purpose, the same on every machine and in every order of work."""

from __future__ import annotations

import hashlib


def derived(seed: int, *names: object) -> int:
    """A seed of 32 bits for one piece of work: the first four bytes of SHA-256 over the run's seed and the names."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def of_network(seed: int, ticker: str, network: str, number: int = 1) -> int:
    """Of a network at the thesis's best hyperparameters. Number 1 is the training of notebooks 04 to 07."""
    names = (ticker, network) if number == 1 else ("seeds", ticker, network, number)
    return derived(seed, *names)


def of_trial(seed: int, ticker: str, network: str, number: int) -> int:
    """Of trial ``number`` (from 1) of a search: of its training and of the sampler that proposes it."""
    return derived(seed, ticker, network, number)


def of_replay(seed: int, ticker: str, network: str, trial: int, number: int) -> int:
    """Of training ``number`` (from 1) of a printed trial."""
    return derived(seed, "replay", ticker, network, trial, number)


def of_fold(seed: int, ticker: str, network: str, fold: int, trial: int) -> int:
    """Of a trial in one fold of the walk-forward."""
    return derived(seed, "walk-forward", ticker, network, fold, trial)


def of_fold_trials(seed: int, ticker: str, network: str, fold: int) -> int:
    """Of the generator that draws a fold's sets of hyperparameters."""
    return derived(seed, "fold trials", ticker, network, fold)


def of_control(seed: int, series: str, network: str, run: int) -> int:
    """Of a network on one simulated series."""
    return derived(seed, "controls", series, network, run)
