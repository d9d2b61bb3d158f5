"""T-CONTs: what an ONU's queue was promised, and what a promise must look like.

Whether several promises fit one PON is in `testbed.pon.dba`, which knows how bursts are laid out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.model.pon import Eligibility, Reporting
from testbed.units import RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class TCont:
    """A transmission container: the unit in which an ONU is granted upstream capacity (G.9807.1 C.7).

    Fixed is reserved with or without traffic, as `grants_per_frame` evenly spaced bursts; assured is
    granted whenever asked for; maximum is never exceeded. The rates count bytes as the PON carries them,
    with headers and padding. Of what is left over, non-assured T-CONTs are served first, in proportion
    to fixed + assured; then best effort ones, lower `priority` first, inside a priority by `weight`.
    """

    alloc_id: int
    onu: int
    fixed_bps: int = 0
    assured_bps: int = 0
    maximum_bps: int
    eligibility: Eligibility = Eligibility.NONE
    priority: int = 1
    weight: int = 1
    grants_per_frame: int = 1
    reporting: Reporting = Reporting.STATUS_REPORTING

    @property
    def guaranteed_bps(self) -> int:
        """What it has whenever it asks."""
        return self.fixed_bps + self.assured_bps

    @property
    def reports(self) -> bool:
        """Whether its queue is reported."""
        return self.reporting in (Reporting.STATUS_REPORTING, Reporting.COOPERATIVE)

    @property
    def type_number(self) -> int:
        """The T-CONT type, 1 to 5, that this mixture of rates is."""
        match (self.fixed_bps > 0, self.assured_bps > 0, self.eligibility):
            case (True, False, Eligibility.NONE):
                return 1
            case (False, True, Eligibility.NONE):
                return 2
            case (False, True, Eligibility.NON_ASSURED):
                return 3
            case (False, False, Eligibility.BEST_EFFORT):
                return 4
            case _:
                return 5


def tcont_of(fields: Mapping[str, Any]) -> TCont:
    """The T-CONT that `dataclasses.asdict` and JSON have carried as plain values.

    Enumerations arrive as their text, which equals a member but is not one: left as it is, no T-CONT
    that joins a running OLT would be without surplus, or watched, or cooperative.
    """
    plain = {**fields, "eligibility": Eligibility(fields["eligibility"])}
    return TCont(**{**plain, "reporting": Reporting(fields["reporting"])})


def check_tcont(tcont: TCont) -> None:
    """Make sure that a T-CONT's parameters make sense together.

    Raises:
        ValueError: They do not; the message says what would.
    """
    fault = _fault(tcont)
    if fault is not None:
        raise ValueError(f"T-CONT {tcont.alloc_id}: {fault}")


def check_distinct(tconts: Iterable[TCont]) -> None:
    """Make sure that no Alloc-ID is used twice.

    Raises:
        ValueError: One is; the message says one that is free.
    """
    used: dict[int, TCont] = {}
    for tcont in tconts:
        if tcont.alloc_id in used:
            raise ValueError(
                f"Alloc-ID {tcont.alloc_id} is used by ONU {used[tcont.alloc_id].onu} "
                f"and by ONU {tcont.onu}; {max(used) + 1} is free"
            )
        used[tcont.alloc_id] = tcont


def _fault(tcont: TCont) -> str | None:
    if min(tcont.alloc_id, tcont.onu, tcont.fixed_bps, tcont.assured_bps) < 0:
        return "Alloc-ID, ONU and rates are at least 0"
    for name in ("maximum_bps", "priority", "weight", "grants_per_frame"):
        if getattr(tcont, name) < 1:
            return f"{name} is {getattr(tcont, name)}; it is at least 1"
    return _fault_of_rates(tcont) or _fault_of_reporting(tcont)


def _fault_of_rates(tcont: TCont) -> str | None:
    maximum, guaranteed = RATE.format(tcont.maximum_bps), RATE.format(tcont.guaranteed_bps)
    if tcont.maximum_bps < tcont.guaranteed_bps:
        return (
            f"maximum {maximum} is below fixed + assured, {guaranteed}; "
            f"raise the maximum to at least {guaranteed}"
        )
    if tcont.eligibility is Eligibility.NONE and tcont.maximum_bps > tcont.guaranteed_bps:
        return (
            f"maximum {maximum} is above fixed + assured, {guaranteed}, but nothing above is given "
            f"with eligibility none; lower the maximum to {guaranteed} or choose another eligibility"
        )
    if tcont.eligibility is not Eligibility.NONE and tcont.maximum_bps == tcont.guaranteed_bps:
        return (
            f"eligibility is {tcont.eligibility}, but the maximum is fixed + assured, {guaranteed}: there is "
            "no surplus for it; raise the maximum or choose eligibility none"
        )
    if tcont.eligibility is Eligibility.NON_ASSURED and not tcont.guaranteed_bps:
        return (
            "non-assured capacity is shared in proportion to fixed + assured, which is 0; "
            "give it at least 1 bit/s assured, or choose best_effort"
        )
    return None


def _fault_of_reporting(tcont: TCont) -> str | None:
    if tcont.grants_per_frame > 1 and not tcont.fixed_bps:
        return f"{tcont.grants_per_frame} grants per frame have no fixed rate to carry; only 1 fits"
    if tcont.reporting is not Reporting.FIXED:
        return None
    if not tcont.fixed_bps:
        return "fixed reporting needs a fixed rate of at least 1 bit/s"
    if tcont.assured_bps or tcont.eligibility is not Eligibility.NONE:
        return (
            "with fixed reporting the OLT does not learn of demand, so only a fixed rate fits: "
            "assured 0 bit/s and eligibility none"
        )
    return None
