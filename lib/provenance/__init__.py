"""Whether committed results are what they say: ``python -m lib.provenance --help``.

``committed`` looks at a run's folder alone, ``recompute`` computes its cheap tables again from prices, ``compare`` says
what equal means on another processor, ``price_series`` looks for prices that must not be passed on, ``trainings``
trains a few networks again.
"""
