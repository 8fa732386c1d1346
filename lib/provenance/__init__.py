"""Whether results in the repository come from the code and the parameters in the repository.

``sources`` takes the stamp that ``run.json`` keeps for each notebook, ``committed`` holds a run's
folder against the present project, ``prices`` looks for price series in it, ``recheck`` computes a
quick part of it again. ``python -m lib.provenance --help`` is the command.
"""
