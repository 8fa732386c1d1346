"""A pruned training: the same one whether it is stopped while it runs or was trained whole before."""

import numpy as np
import pytest

from lib.data import windows
from lib.experiments import seeds, train
from lib.results import training_cache


@pytest.mark.slow
@pytest.mark.parametrize("better_from", [1, 3])
def test_what_is_cached_does_not_change_what_is_pruned(
    tiny, random_walk, pool, tmp_path, monkeypatch, capfd, better_from
):
    """Five earlier trials that were worse until an epoch and better from then on: there the median pruner stops."""
    settings = tiny(tickers=["BTC-USD"], max_epochs=5, patience=5)
    training = seeds.training(windows.build(random_walk(), settings)["BTC-USD"], "CNN", settings)
    before = [[1e9] * (better_from - 1) + [0.0] * (5 - better_from + 1)] * 5
    results = {}
    for name in ("trained", "cached"):
        monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path / name))
        if name == "cached":
            whole = train.train(training).result()
        results[name] = train.train(training, losses_before=before).result()
    assert whole.epochs == 5 and results["cached"].cached and not results["trained"].cached
    for result in results.values():
        assert result.pruned and result.epochs == better_from
        np.testing.assert_array_equal(result.val_loss, whole.val_loss[:better_from])
    assert train.train(training, losses_before=[[1e9] * 5] * 5).result().epochs == 5
    assert "study created" not in capfd.readouterr().err
