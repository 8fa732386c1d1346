"""Prices in, checked and cleaned; indicators; windows for the networks."""

# The splits of the days, in time order. In result files their column is called ``part``.
SPLITS = ("train", "validation", "test")
