"""Who is trained on what: the one way to train, search, replay, seeds, walk-forward, leakage, controls, forecast."""
