"""Kernels that run on this very interpreter, started a second apart."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS_APART = 1.0


def wait_for_turn(gate: str | Path) -> None:
    """Return when the last start through this gate, by any process, is a second ago."""
    with open(gate, "a+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle.fileno()).st_size:
            time.sleep(min(max(os.fstat(handle.fileno()).st_mtime + SECONDS_APART - time.time(), 0), SECONDS_APART))
        handle.write(b".")


def kernel_manager_class(gate: str | Path, tell: Callable[[int], None]) -> type:
    """A kernel manager class for nbclient.

    Its kernel is ``sys.executable`` whatever kernel named python3 the user has registered, so a
    run uses the packages that it was started with even if its environment is not activated.

    Args:
        gate: file shared by all processes of a run, see :func:`wait_for_turn`.
        tell: called with the kernel's process number as soon as it is started.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
            )

        async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
            wait_for_turn(gate)
            await super()._async_launch_kernel(kernel_cmd, **kw)
            tell(self.provisioner.pid)

        _launch_kernel = _async_launch_kernel

    return OwnKernelManager
