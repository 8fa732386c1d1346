"""Figures of the thesis and of the evaluation, a function each, in one style."""

from lib.figures.thesis_figures import *  # noqa: F403
