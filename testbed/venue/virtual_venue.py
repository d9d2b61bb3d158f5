"""The embedded kernel as a venue: virtual time in a run, real time while a network is served."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

from testbed.scenario import ScenarioFile
from testbed.venue import kernel
from testbed.venue.line import carry
from testbed.venue.progress import Progress
from testbed.venue.search_path import within_reach
from testbed.venue.venue import GUEST_MAIN, GuestProgram, Limits, Variant
from testbed.venue.virtual import OUTPUT_IN_GUEST, SERIAL_IN_GUEST, Boot, boot, serving


class VirtualVenue:
    """A User-Mode Linux kernel for each variant; see `testbed.venue.venue.Venue`."""

    parallel = True

    def require(self, scenario_file: ScenarioFile, *, force: bool) -> dict[str, Any]:
        """The embedded kernel has every feature and computes in no time, whatever the scenario."""
        del scenario_file, force
        found = kernel.require()
        facts = {"release": found.version, "kind": "User-Mode Linux", "key": found.key}
        return {"kernel": {**facts, "sha256": found.sha256}}

    def launch(self, variant: Variant, limits: Limits, on_progress: Callable[[Progress], None]) -> int:
        """Boot, run the variant in virtual time, power off."""
        request = _boot(variant, limits)
        return boot(kernel.require(), request, on_progress).exit_status

    @asynccontextmanager
    async def serve(self, variant: Variant) -> AsyncIterator[tuple[GuestProgram, socket.socket]]:
        """Boot in real time; the line for orders is the kernel's serial line."""
        request = _boot(variant, Limits(), "--real-time", "--serve", SERIAL_IN_GUEST)
        ours, theirs = socket.socketpair()
        outside, serial = socket.socketpair()
        with serving(kernel.require(), request, serial) as program:
            carrying = asyncio.create_task(carry(theirs, outside))
            try:
                yield program, ours
            finally:
                carrying.cancel()
                # The result of a cancelled task is of no interest; the error of a failed one is.
                (result,) = await asyncio.gather(carrying, return_exceptions=True)
                if isinstance(result, Exception):
                    raise result

    def shell(self, variant: Variant, foreground: Callable[[], AbstractContextManager[None]]) -> int:
        """The kernel's console is this terminal: interrupts reach the program inside as characters."""
        from testbed.venue.terminal import interact

        del foreground
        return interact(kernel.require(), _boot(variant, Limits(), "--shell"))


def _boot(variant: Variant, limits: Limits, *options: str) -> Boot:
    return Boot(
        command=(*GUEST_MAIN, OUTPUT_IN_GUEST, variant.name, *options),
        output_dir=variant.folder,
        seed=variant.seed,
        wall_limit_s=limits.wall_s,
        stall_limit_s=limits.stall_s,
        **within_reach(variant.folder),
    )
