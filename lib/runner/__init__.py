"""Everything unattended: the order of the notebooks, their processes, what one sees, and ``run.json``.

``command`` is what ``run_all.py`` calls. Nothing here imports papermill, nbconvert or TensorFlow in the
main process; ``execute`` does, in a process of its own for each notebook.
"""
