"""Prices in, checked and cleaned; indicators; windows for the networks."""
