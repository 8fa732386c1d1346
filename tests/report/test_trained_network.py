"""What notebooks 04 to 07 say of a training that was shorter than the thesis's."""

import pytest

from lib.networks import architectures
from lib.report import trained_network


@pytest.mark.parametrize("network", ["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"])
def test_a_training_that_was_cut_short_is_no_verdict_on_the_thesis(network):
    asked = int(architectures.default_hyperparameters(network)["epochs"])
    assert trained_network.cut_short_in_words(network, asked) == []
    (told,) = trained_network.cut_short_in_words(network, asked - 1)
    assert told.startswith(f"The {network} was trained for at most {asked - 1} of {asked} epochs")
