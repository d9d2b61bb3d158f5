"""How a scenario's PON assigns capacity, in words."""

from collections.abc import Iterator

from testbed.model.pon import Aqm, Eligibility, Pon, PonModel, Reporting, TContClass
from testbed.report.drawing import short_rate
from testbed.units import DURATION, SIZE
from testbed.words import listed


def pon_conditions(pon: Pon) -> Iterator[tuple[str, str]]:
    """What was declared as (what, how): the line, then each T-CONT beside those of the subscriptions."""
    yield "PON", _line(pon)
    for name, tcont in pon.tconts.items():
        yield f"T-CONT {name}", _tcont(tcont)


def _line(pon: Pon) -> str:
    if pon.model is PonModel.SHAPED_LINK:
        return "a shaped link"
    every = "every frame" if pon.report_every == 1 else f"every {pon.report_every} frames"
    reports = "" if pon.reporting is not Reporting.STATUS_REPORTING else f" {every}"
    said = [f"in frames, {_spelt(pon.reporting)}{reports}"]
    if pon.discovery is not None:
        said.append(f"a quiet window every {DURATION.format(pon.discovery.every_ns)}")
    return ", ".join(said)


def _tcont(tcont: TContClass) -> str:
    said = [f"of {listed(tcont.onus)}" if tcont.onus else "of all ONUs"]
    for kind, rate_bps in (("fixed", tcont.fixed_bps), ("assured", tcont.assured_bps)):
        if rate_bps:
            said.append(f"{kind} {short_rate(rate_bps)}")
    said.append(f"at most {short_rate(tcont.most_bps)}")
    if tcont.eligibility is not Eligibility.NONE:
        said.append(f"{_spelt(tcont.eligibility)}, priority {tcont.priority}, weight {tcont.weight}")
    if tcont.fixed_bps:
        said.append(f"{tcont.grants} grants a frame" if tcont.grants > 1 else "1 grant a frame")
    said.append(_spelt(tcont.reporting))
    queue = f"{SIZE.format(tcont.queue_bytes)} may queue"
    said.append(queue if tcont.aqm is Aqm.FIFO else f"{queue}, kept short by {tcont.aqm}")
    return ", ".join(said)


def _spelt(member: Reporting | Eligibility) -> str:
    return member.replace("_", " ")
