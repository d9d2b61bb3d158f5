"""Which T-CONTs a scenario's PON has: one for each home's subscription, others for classes of traffic."""

from collections.abc import Iterator

from testbed.model.access import Access
from testbed.model.base import UPSTREAM
from testbed.model.network import Network, Role
from testbed.model.pon import Eligibility, Pon, TContClass
from testbed.pon.dba.quiet import QuietWindow
from testbed.pon.standard import PonStandard, line
from testbed.pon.tcont import TCont
from testbed.pon.timing import quiet_window_ns

FIRST_HOME = 0x10
"""Alloc-ID of the subscription of home h: this and h. Class of traffic k adds k times CLASS_STEP."""
CLASS_STEP = 0x100


def alloc_id_of(pon: Pon, name: str | None, home: int) -> int:
    """The Alloc-ID of a home's T-CONT of a class, or of its subscription; also the minor of its class."""
    number = 0 if name is None else list(pon.tconts).index(name) + 1
    return number * CLASS_STEP + FIRST_HOME + home


def quiet_windows(network: Network, pon: Pon) -> tuple[QuietWindow, ...]:
    """When the line is silent for new ONUs."""
    assert network.pon is not None
    if pon.discovery is None:
        return ()
    window_ns = pon.discovery.window_ns or quiet_window_ns(network.pon.farthest_m)
    return (QuietWindow(start_ns=0, length_ns=window_ns, period_ns=pon.discovery.every_ns),)


def has_class(given: TContClass, onu: str) -> bool:
    """Whether an ONU has a T-CONT of this class."""
    return not given.onus or onu in given.onus


def tconts_of(network: Network, access: Access, pon: Pon) -> Iterator[TCont]:
    """Every T-CONT of a network whose PON is emulated frame by frame, home by home."""
    assert network.pon is not None
    line_bps = line(PonStandard(network.pon.standard), UPSTREAM).line_rate_bps
    for home, onu in enumerate(network.having(Role.ONU), start=1):
        yield _subscription(access, pon, home, line_bps)
        for name, given in pon.tconts.items():
            if has_class(given, onu.name):
                yield TCont(
                    alloc_id=alloc_id_of(pon, name, home),
                    onu=home,
                    fixed_bps=given.fixed_bps,
                    assured_bps=given.assured_bps,
                    maximum_bps=given.most_bps,
                    eligibility=given.eligibility,
                    priority=given.priority,
                    weight=given.weight,
                    grants_per_frame=given.grants if given.fixed_bps else 1,
                    reporting=given.reporting,
                )


def _subscription(access: Access, pon: Pon, home: int, capacity_bps: int) -> TCont:
    """The T-CONT of a home's subscription: assured what is committed, best effort up to its rate."""
    offer = access.upstream
    maximum_bps = min(offer.rate_bps, capacity_bps)
    return TCont(
        alloc_id=alloc_id_of(pon, None, home),
        onu=home,
        assured_bps=min(offer.committed_bps, maximum_bps),
        maximum_bps=maximum_bps,
        eligibility=Eligibility.BEST_EFFORT if maximum_bps > offer.committed_bps else Eligibility.NONE,
        reporting=pon.reporting,
    )
