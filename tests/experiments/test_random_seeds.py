"""Seeds: of a run's seed and a name alone, different for every purpose, and the same as ever."""

import hashlib

from lib.experiments import random_seeds as seeds


def test_a_seed_is_the_first_bytes_of_a_digest():
    expected = int(hashlib.sha256(b"42/BTC-USD/CNN").hexdigest()[:8], 16)
    assert seeds.derived(42, "SOL-USD", "LSTM") == 0x4AC27BA1  # worked out with the tool sha256sum
    assert seeds.of_network(42, "BTC-USD", "CNN") == seeds.derived(42, "BTC-USD", "CNN") == expected < 2**32


def test_every_purpose_ticker_network_and_number_has_its_own():
    names = [(t, n) for t in ("BTC-USD", "ETH-USD") for n in ("CNN", "LSTM")]
    found = []
    for ticker, network in names:
        for k in (1, 2):
            found += [seeds.of_network(1, ticker, network, k), seeds.of_trial(1, ticker, network, k)]
            found += [seeds.of_replay(1, ticker, network, t, k) for t in (1, 2)]
            found += [seeds.of_fold(1, ticker, network, f, k) for f in (1, 2)]
            found += [seeds.of_fold_trials(1, ticker, network, k), seeds.of_control(1, ticker, network, k)]
    assert len(set(found)) == len(found) == 4 * 2 * 8
    assert seeds.of_network(1, "BTC-USD", "CNN") != seeds.of_network(2, "BTC-USD", "CNN")
