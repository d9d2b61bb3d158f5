"""When things happen on a PON: ranging, quiet windows, and how long a packet waits on an idle one.

Everything is seen at the OLT: a packet first crosses its ONU's fibre, then waits there for its grant. For
its delay that is the same as waiting at the ONU, because ranging makes all ONUs appear equally far.
"""

from fractions import Fraction

from testbed.pon.standard import FRAMES_PER_SECOND

FRAME_NS = 10**9 // FRAMES_PER_SECOND
"""The frame of every ITU-T PON. 10G-EPON has the cycle of `testbed.pon.capacity` in its place."""

ONU_RESPONSE_NS = 35_000
"""What an ONU takes from a downstream frame's arrival to its own first bit: 35 ± 1 µs (G.9807.1 C.13)."""

OLT_PROCESSING_NS = 125_000
"""What our OLT takes to turn reports into a map: one frame."""

_QUIET_NS = 50_000
_QUIET_NS_PER_M = 10


def equalisation_delay_ns(propagation_ns: int, farthest_ns: int) -> int:
    """How long an ONU holds back so that it appears as far as the farthest one (G.9807.1 C.13).

    Both are one-way propagations; `farthest_ns` may be an assumed reach instead of a real ONU.

    Raises:
        ValueError: The ONU is farther than the farthest.
    """
    if propagation_ns > farthest_ns:
        raise ValueError(
            f"an ONU {propagation_ns} ns away is beyond the farthest, {farthest_ns} ns; "
            f"the farthest must be at least {propagation_ns} ns"
        )
    return 2 * (farthest_ns - propagation_ns)


def upstream_offset_ns(farthest_ns: int) -> int:
    """From the start of a downstream frame, at the OLT, to that of the upstream frame of the same number."""
    return 2 * farthest_ns + ONU_RESPONSE_NS


def quiet_window_ns(differential_m: int) -> int:
    """How long the OLT keeps the upstream silent so that new ONUs may answer at any of these distances.

    There and back takes 10 µs a kilometre, and 50 µs cover the random wait of up to 48 µs that keeps
    newcomers apart, and the spread of their response: 250 µs for 20 km, 450 µs for 40 km (G.9807.1 C.13).
    """
    return _QUIET_NS + _QUIET_NS_PER_M * differential_m


def idle_delay_ns(
    grants_per_frame: int, propagation_ns: int, frame_ns: int = FRAME_NS
) -> tuple[Fraction, Fraction]:
    """Worst and mean one-way delay with nothing queued, by evenly spaced fixed grants.

    The packet crosses the fibre and waits for the next grant; its own serialisation comes on top.
    """
    spacing_ns = Fraction(frame_ns, grants_per_frame)
    return spacing_ns + propagation_ns, spacing_ns / 2 + propagation_ns


def status_report_floor_ns(propagation_ns: int) -> int:
    """The planning figure for the mean delay by status reports: 250 µs and three propagations.

    Half a frame until the report, its way, one frame in the OLT, the grant's way, half a frame until the
    grant, and the packet's way. A system whose phases happen to suit each other may be up to 27.5 µs below:
    `status_report_mean_ns` says what ours does.
    """
    return 2 * FRAME_NS + 3 * propagation_ns


def pipeline_frames(
    farthest_ns: int,
    report_offset_ns: int,
    processing_ns: int = OLT_PROCESSING_NS,
    frame_ns: int = FRAME_NS,
) -> int:
    """Frames from the one whose report is taken to the first one whose map can answer it.

    A report that has fully arrived `report_offset_ns` after the start of an upstream frame has done so
    `upstream_offset_ns` later after the start of the downstream frame of the same number. It is taken at
    the next start of a downstream frame, and after the processing, rounded up to whole frames, the map
    goes out with a downstream frame and governs the upstream frame of the same number.
    """
    arrival_ns = upstream_offset_ns(farthest_ns) + report_offset_ns
    return -(-arrival_ns // frame_ns) + -(-processing_ns // frame_ns)


def status_report_mean_ns(
    propagation_ns: int,
    farthest_ns: int,
    report_offset_ns: int,
    grant_offset_ns: int,
    processing_ns: int = OLT_PROCESSING_NS,
    frame_ns: int = FRAME_NS,
    *,
    taken_offset_ns: int | None = None,
) -> Fraction:
    """Mean one-way delay of a packet on an almost idle PON that asks each T-CONT for a report every frame.

    In the order in which the packet waits:

    - `propagation_ns`, the fibre of its own ONU;
    - half a frame, until the next report, because it arrives at any instant alike;
    - from that report, taken at `report_offset_ns` in its frame, to the start of the frame
      `pipeline_frames` later: those frames less the report's offset. In this are the wait for a frame's
      boundary, the processing, both ways of the farthest ONU, and the response of an ONU;
    - `grant_offset_ns`, where in that frame the grant begins.

    Its serialisation in the burst comes on top. An OLT that does not take a report as soon as it has
    arrived, but all of a frame together when that has arrived whole, is described by `taken_offset_ns`
    equal to `frame_ns`; it is never below the planning figure.
    """
    taken_ns = report_offset_ns if taken_offset_ns is None else taken_offset_ns
    frames = pipeline_frames(farthest_ns, taken_ns, processing_ns, frame_ns)
    answered_ns = frames * frame_ns - report_offset_ns + grant_offset_ns
    return Fraction(frame_ns, 2) + propagation_ns + answered_ns


def lead_frames(offset_ns: int, frame_ns: int = FRAME_NS, processing_ns: int = OLT_PROCESSING_NS) -> int:
    """How many frames ahead the OLT decides, counted from the frame at whose start it takes reports.

    The reports of an upstream frame are taken when it has arrived whole, at the start of the next one,
    number b. Processed, they make the map of the first downstream frame that begins after that, and it
    governs the upstream frame of the same number; `offset_ns` is `upstream_offset_ns`.
    """
    return -(-(offset_ns + processing_ns) // frame_ns)
