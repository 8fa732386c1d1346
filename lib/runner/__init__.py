"""Everything unattended: the notebooks' order, their processes, what one sees, what stays in run.json.

``command`` is the entrance that ``run_all.py`` calls. Nothing here imports papermill, nbconvert or
TensorFlow in the main process; ``execute`` does, in a process of its own for each notebook.
"""
