"""Whether this machine's kernel has our disciplines, tried with the requests of a run itself.

`tc` cannot ask for a discipline that it does not know; so `python -m testbed.venue.pon_trial` does, on the
loopback interface of the namespace that it is in: for a PON frame by frame, or with `fabric` for the ports of
a fabric. What else a host must have is tried by `venue.host`.
"""

import shlex
import sys
from collections.abc import Iterable

from testbed.applications.script import Scenario
from testbed.errors import KernelError
from testbed.model.network import Network
from testbed.model.pon import PonModel
from testbed.venue import host, queue_trials

FEATURE = (
    "PON frames (module sch_pon): `sudo testbed kernel module --load`, or set pon.model to shaped_link, "
    "which needs no module"
)
TRIAL = shlex.join([sys.executable, "-m", "testbed.venue.pon_trial"])
FABRIC_FEATURE = "ports of a fabric (module sch_fabric): `sudo testbed kernel module --load`"
FABRIC_TRIAL = f"{TRIAL} fabric"
_LOOPBACK = 1
"""The number of the one interface in a network namespace just made."""


def trials(scenarios: Iterable[Scenario], networks: Iterable[Network]) -> dict[str, str]:
    """What to try beside the usual, as shell commands by what they stand for."""
    scenarios = list(scenarios)
    wanted = queue_trials.trials(scenarios)
    if any(scenario.pon.model is PonModel.FRAMES for scenario in scenarios):
        wanted[FEATURE] = TRIAL
    if any(network.fabric is not None for network in networks):
        wanted[FABRIC_FEATURE] = FABRIC_TRIAL
    return wanted


def require_host(scenarios: Iterable[Scenario], networks: Iterable[Network]) -> None:
    """Raises:
    KernelError: This machine's kernel lacks something that one of the scenarios needs; all is listed.
    """
    host.require(trials(scenarios, networks))


def try_pon() -> None:
    """Make the loopback interface a PON's downstream line with its map, and ask for its state.

    Raises:
        KernelError: The kernel does not have the discipline, or another edition of it.
    """
    from testbed.model.base import DOWNSTREAM
    from testbed.net.netlink import NetlinkSocket
    from testbed.net.shaper import PON_MAJOR, PonShaper, apply, downstream_requests
    from testbed.plan.network_plan import PonPort
    from testbed.plan.pon_ports import SHARED
    from testbed.pon.dba.grant_map import Allocation, Burst, GrantMap
    from testbed.pon.framing import framing
    from testbed.pon.standard import PonStandard

    frame = framing(PonStandard.XGS_PON, DOWNSTREAM)
    grant = Allocation(
        alloc_id=SHARED,
        start_byte=0,
        skip_bytes=0,
        grant_bytes=frame.unit_bytes,
        end_byte=frame.frame_bytes,
        report=False,
    )
    burst = Burst(onu=0, start_byte=0, end_byte=frame.frame_bytes, allocations=(grant,))
    permanent = GrantMap(frame=0, bursts=(burst,), next_frame=None)
    socket = NetlinkSocket()
    apply(socket, downstream_requests(_LOOPBACK, PonPort(framing=frame, epoch_ns=0, permanent=permanent)))
    reports = PonShaper(socket, _LOOPBACK).exchange().reports
    if [report.minor for report in reports] != [SHARED]:
        raise KernelError(f"the PON {PON_MAJOR:x}: on loopback reports {reports}, not on its one class")


def try_fabric() -> None:
    """Make the loopback interface a port of a fabric.

    Raises:
        KernelError: The kernel does not have the discipline, or another edition of it.
    """
    from testbed.net.fabric_messages import fabric
    from testbed.net.messages import TC_H_ROOT
    from testbed.net.netlink import NetlinkSocket
    from testbed.net.shaper import FABRIC_MAJOR
    from testbed.plan.network_plan import FabricPort

    port = FabricPort(rate_bps=10**12, queue_bytes=10**6, delays_ns=(0, 929))
    NetlinkSocket().ask([fabric(_LOOPBACK, FABRIC_MAJOR << 16, TC_H_ROOT, port)])


def main() -> int:
    """Try it; the status is 0 if the kernel can."""
    try:
        if sys.argv[1:] == ["fabric"]:
            try_fabric()
        else:
            try_pon()
    except KernelError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
