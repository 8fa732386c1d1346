"""The one kind of error that is meant for people: what is wrong, where, what to do."""


class ProjectError(Exception):
    """Something a person can mend. Its message is complete; no traceback is needed to act on it."""

    def _render_traceback_(self):
        """IPython calls this: in a notebook the sentence stands alone, without the stack."""
        return [f"{type(self).__name__}: {self}"]
