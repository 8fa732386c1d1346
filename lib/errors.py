"""The one kind of error that is meant for people: what is wrong, where, what to do; and how a process died."""

import signal


class ProjectError(Exception):
    """Something a person can mend. Its message is complete; no traceback is needed to act on it."""

    def _render_traceback_(self):
        """IPython calls this: in a notebook the sentence stands alone, without the stack."""
        return [f"{type(self).__name__}: {self}"]


def how_it_died(exit_code: int | None, if_memory: str) -> str:
    """Why a process is gone, in words that tell lack of memory from a processor or a package that does not fit.

    Args:
        exit_code: as ``subprocess`` gives it, below 0 for a signal; None if it is not known.
        if_memory: what to do if memory ran out, as a sentence.
    """
    if exit_code is not None and exit_code >= 0:
        return f"it ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name if exit_code else ""
    except ValueError:
        name = f"signal {-(exit_code or 0)}"
    if name == "SIGILL":
        return (
            "illegal instruction (SIGILL): this processor lacks instructions that a package was built for, as"
            " TensorFlow is for AVX. Run it on another machine"
        )
    if name in ("", "SIGKILL", "SIGTERM"):  # the system's way, and Dask's
        return f"it was killed{f' ({name})' if name else ''}, most often because memory ran out. {if_memory}"
    return (
        f"it crashed ({name}) in a package's compiled code. If that happens again, install the packages anew:"
        " pip install -r requirements.txt"
    )
