"""The processes behind open pages: when one may be ended."""

from __future__ import annotations

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class PageKernels(AsyncMappingKernelManager):
    """Ends a process that no page is connected to, but not at the first look.

    A process that is ready for the next visitor has been idle for long when he comes, and his browser needs a few
    seconds to connect: a look in between would take it from him. So two looks in a row have to find it alone.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self._seen_alone: set[str] = set()

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Called for each process every ``cull_interval`` seconds."""
        if self.kernel_model(kernel_id)["connections"]:
            self._seen_alone.discard(kernel_id)
        elif kernel_id not in self._seen_alone:
            self._seen_alone.add(kernel_id)
        else:
            await super().cull_kernel_if_idle(kernel_id)
        self._seen_alone.intersection_update(self.list_kernel_ids())
