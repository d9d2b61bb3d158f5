"""Elastic access links emulated on the real Linux stack, in virtual time.

    import testbed
    run = testbed.run("cloud_gaming", seed=7)
    run.summary      # one row per variant, session, direction and measure
    run.samples      # one row per packet

Heavy parts are loaded when they are used, so that importing this package costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from testbed.cli.python import Run

__all__ = ["run"]
__version__ = "0.1.0"


def run(
    scenario: str | Path | Mapping[str, Any],
    *,
    seed: int | None = None,
    variants: Sequence[str] = (),
    settings: Sequence[str] = (),
    venue: str | None = None,
    out: str | Path | None = None,
    force: bool = False,
) -> Run:
    """Run a scenario, named as on the command line or built in code as a mapping, and report on it.

    The venue is `virtual` unless given. With `force`, the host venue runs even what this machine cannot carry
    in real time.

    Raises:
        testbed.errors.TestbedError: As `testbed run` would; a failed expectation is not an error.
    """
    from testbed.cli.python import run_and_report

    return run_and_report(
        scenario, seed=seed, variants=variants, settings=settings, venue=venue, out=out, force=force
    )
