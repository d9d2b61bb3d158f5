"""How far the numbers of a run in real time may be off, and why; virtual time has nothing of this."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from testbed.host.load import LATE_NS
from testbed.record.event import RecordedEvent
from testbed.record.events import HostLoaded, HostWasLate, RunWarning
from testbed.units import milliseconds, percent

if TYPE_CHECKING:
    from testbed.report.summary import Summary


class HostLoadSummary(TypedDict):
    """The load of the machine while a variant ran.

    `late_…_ns` are of timers, `latest_program` is the one that was latest, by so much; `off_by_ns` is the
    most that anything was late. Shares are of all processors' time, `waiting_ppm` of the time in which some
    program waited for one; None where the kernel does not count that. `late_seconds` are those in which
    something was late or lost.
    """

    off_by_ns: int
    timers: int
    late_p50_ns: int
    late_p99_ns: int
    late_max_ns: int
    latest_program: str | None
    program_late_ns: int
    busy_ppm: int
    steal_ppm: int
    waiting_ppm: int | None
    dropped: int
    squeezed: int
    late_seconds: int


def host_load(events: Sequence[RecordedEvent]) -> HostLoadSummary | None:
    """What the events of a variant say of the machine; None in virtual time."""
    told = next((each.event for each in events if isinstance(each.event, HostLoaded)), None)
    if told is None:
        return None
    program_late_ns, latest = max([(told.driver_late_ns, "driver"), *_late_programs(events)])
    return HostLoadSummary(
        off_by_ns=max(told.late_max_ns, program_late_ns),
        timers=told.timers,
        late_p50_ns=told.late_p50_ns,
        late_p99_ns=told.late_p99_ns,
        late_max_ns=told.late_max_ns,
        busy_ppm=told.busy_ppm,
        steal_ppm=told.steal_ppm,
        waiting_ppm=told.waiting_ppm,
        dropped=told.dropped,
        squeezed=told.squeezed,
        latest_program=latest if program_late_ns > LATE_NS else None,
        program_late_ns=program_late_ns,
        late_seconds=sum(isinstance(each.event, HostWasLate) for each in events),
    )


def _late_programs(events: Iterable[RecordedEvent]) -> Iterator[tuple[int, str]]:
    """How late a program was, and its name."""
    for each in events:
        match each.event:
            case RunWarning(late_ns=int(late_ns), program=str(program)):
                yield late_ns, program


def words(load: HostLoadSummary) -> str:
    """One sentence on how far the results may be off, and what the machine did meanwhile."""
    lost = f", and {load['dropped']} packets were lost on the way to a queue" if load["dropped"] else ""
    by = f" (program {load['latest_program']})" if load["latest_program"] else ""
    p50, p99, most = (milliseconds(load[key]) for key in ("late_p50_ns", "late_p99_ns", "late_max_ns"))
    return (
        f"results of this run are off by up to {milliseconds(load['off_by_ns'])}{by}{lost}; "
        f"timers were late by {p50} (p50), {p99} (p99), {most} (max); "
        f"processors busy {percent(load['busy_ppm'])}"
    )


def lines(summary: "Summary") -> Iterator[str]:
    """For a report: what was doubtful before the run, then a sentence for each variant in real time."""
    yield from summary.get("host_doubts", ())
    loads = _loads(summary["variants"])
    for variant, load in loads:
        yield f"{variant}: {words(load)}"


def warnings(events: Sequence[RecordedEvent]) -> Iterator[tuple[str, str]]:
    """The warnings of a run as (variant, text); the late programs of a variant together in one."""
    late: dict[str, list[tuple[int, str]]] = {}
    for each in events:
        match each.event:
            case RunWarning(text=text, program=None):
                yield each.variant, text
            case RunWarning():
                late.setdefault(each.variant, []).extend(_late_programs([each]))
    for variant, programs in late.items():
        latest_ns, latest = max(programs)
        those = "1 program was" if len(programs) == 1 else f"{len(programs)} programs were"
        yield (
            variant,
            f"{those} more than {milliseconds(LATE_NS)} late, {latest} the most, "
            f"by {milliseconds(latest_ns)}: this machine cannot carry the scenario in real time; "
            "the events name each",
        )


def _loads(variants: Mapping[str, Any]) -> Iterable[tuple[str, HostLoadSummary]]:
    return [(name, numbers["host_load"]) for name, numbers in variants.items() if "host_load" in numbers]
