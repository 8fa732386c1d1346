"""TensorFlow with a fixed number of threads, so that results repeat to the last bit.

The number of threads decides in which order sums are added, so it is part of a result. It can be
set only before TensorFlow is imported; every room that needs TensorFlow asks :func:`keras` for it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from lib.errors import ProjectError


class RuntimeStartError(ProjectError):
    """TensorFlow is missing or broken."""


_threads: int | None = None
_starting = threading.Lock()


def start(threads: int) -> None:
    """Fix the number of threads of this process's TensorFlow. May be repeated with the same number, in any thread.

    Raises:
        ProjectError: TensorFlow already runs with another number of threads.
        RuntimeStartError: TensorFlow cannot be loaded.
    """
    global _threads
    with _starting:
        if _threads != threads:
            _refuse_to_change_to(threads)
            _start(threads)
            _threads = threads


def _refuse_to_change_to(threads: int) -> None:
    if _threads is not None or "tensorflow" in sys.modules:
        running = f" with {_threads} threads" if _threads else ""
        raise ProjectError(
            f"TensorFlow already runs in this process{running}, and cannot change to {threads}."
            " Restart the kernel and run the notebook from its first cell"
        )


def _start(threads: int) -> None:
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[variable] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    # Below 3 TensorFlow reports as errors that there is no GPU and that its own graph is newer.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _keep_freed_memory()
    # Loaded after TensorFlow, curl_cffi (which yfinance downloads with) can no longer open a session.
    with suppress(ImportError):
        importlib.import_module("curl_cffi.requests")
    tf = _loaded()
    # Every shape is traced, so TensorFlow would warn of tracing again and again.
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    # Clearing a session collects garbage, and would look through all that was imported each time: some tenths of a
    # second.
    gc.collect()
    gc.freeze()


def _loaded() -> ModuleType:
    try:
        with _compiled_chatter_held_back():
            import tensorflow as tf

            tf.config.list_physical_devices("GPU")
    except Exception as error:  # missing, torn, of another Python, beside a library of another version: many kinds
        raise RuntimeStartError(
            f"TensorFlow cannot be loaded by this Python ({type(error).__name__}: {error})."
            " Install the packages again: pip install -r requirements.txt"
        ) from error
    return tf


def _keep_freed_memory() -> None:
    """Let this process keep memory that it frees, as every training step asks for the same blocks again.

    The GNU C library gives large blocks back at once, and then the system hands them out page by page.
    Other C libraries have no ``mallopt``, and on Windows none can be asked; nothing depends on it.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-3, 32 * 2**20)  # M_MMAP_THRESHOLD, at its largest
        mallopt(-1, 512 * 2**20)  # M_TRIM_THRESHOLD


@contextmanager
def _compiled_chatter_held_back() -> Iterator[None]:
    """Keep what TensorFlow's compiled part writes to stderr while it loads; show it only if loading fails.

    Its first lines come before any log level is obeyed, and would stand in every report.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        before = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(before, held.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


def keras() -> ModuleType:
    """Keras, once :func:`start` has been called.

    Raises:
        ProjectError: the number of threads was never chosen.
    """
    if _threads is None:
        raise ProjectError("call runtime.start(threads) before building or training a network")
    import keras

    return keras
