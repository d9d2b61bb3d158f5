"""The OLT's control of the upstream line: every frame it takes the reports, decides, and sends the map.

What is granted to whom is decided in `testbed.pon.dba`, which is pure; here are its clock and its line.
The reports of an upstream frame are taken when the whole frame has arrived. The map that answers them
goes out with the first downstream frame that begins once there was time to process them.

This runs 8000 times a virtual second, so it has a loop of its own with few system calls: wait, listen,
send and receive. That a map is handed over one frame after it was decided delays nothing, because every
map is decided at least two frames ahead.
"""

import ctypes
import gc
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.errors import InvariantError, KernelError
from testbed.host.clock import use_exact_timers
from testbed.host.control import Control
from testbed.net.pon_messages import PonStatus
from testbed.net.shaper import PonShaper
from testbed.plan.network_plan import PonPlan, PonPort
from testbed.pon.dba.assign import decide
from testbed.pon.dba.dba_state import DbaState, announce, start, with_tcont, without_tcont
from testbed.pon.dba.grant_map import Burst, GrantMap, QueueReport
from testbed.pon.dba.quiet import QuietWindow
from testbed.pon.tcont import tcont_of
from testbed.pon.timing import lead_frames

_WRAP = 1 << 32
_TIMER_ABSTIME = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Announced:
    """What an application has told the OLT of its packets: when each will be at the OLT, and its bytes there.

    `instants_ns` are of CLOCK_REALTIME, in order; `carried_bytes` count headers and padding.
    """

    alloc_id: int
    carried_bytes: int
    instants_ns: Iterator[int]
    next_ns: int | None = None

    def __post_init__(self) -> None:
        self.next_ns = next(self.instants_ns, None)


class Olt:
    """Runs a PON's upstream line, in a program of its own."""

    def __init__(
        self,
        control: Control,
        plan: PonPlan,
        port: PonPort,
        line: PonShaper,
        announced: Sequence[Announced] = (),
    ) -> None:
        self._control, self._line, self._announced = control, line, announced
        self._ahead_ns = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(
            time.CLOCK_MONOTONIC
        )
        self._frame_ns, self._epoch_ns = port.framing.frame_ns, port.epoch_ns
        self._lead_frames = lead_frames(port.epoch_ns, self._frame_ns)
        self._state: DbaState = start(
            plan.standard,
            plan.tconts,
            quiet=_quiet(plan),
            report_every_frames=plan.report_every_frames,
            frame=self._frame_now(),
        )
        self._bursts: tuple[Burst, ...] | None = None
        self._unsent: GrantMap | None = None
        self._serve_at: int | None = self._frame_now() + 1
        self._late_frames = self._late_maps = 0
        self._just_started = True

    def run(self) -> None:
        """Say ready, wait for go, serve every frame until told to stop, and say what went amiss."""
        use_exact_timers()
        # Nothing here refers to itself, so counting references is enough.
        gc.disable()
        self._control.say("ready")
        self._control.hear()
        while self._listen():
            if self._serve_at is not None:
                self._sleep_until(self._serve_at)
                self._serve(self._serve_at)
                if self._just_started:
                    # A kernel that has just booted has coarse timers until its first tick.
                    self._just_started, self._late_frames = False, 0
        late_ns = self._late_frames * self._frame_ns
        self._control.say("done", received_bytes=0, late_ns=late_ns, remarks=self._remarks())

    def _serve(self, frame: int) -> None:
        """Take the reports of all frames before this one, and decide the next map for which there is time."""
        status = self._line.exchange(self._unsent)
        self._unsent = None
        self._late_maps = status.late_maps
        self._late_frames = max(self._late_frames, status.frame - frame)
        decided = max(status.frame + self._lead_frames, self._state.frame + 1)
        self._take_announcements(decided)
        self._state, grants = decide(self._state, self._reports(status), decided)
        if grants.bursts != self._bursts:
            self._unsent, self._bursts = grants, grants.bursts
        if not grants.repeats:
            self._serve_at = status.frame + 1
            return
        self._send()
        next_frame = grants.next_frame
        self._serve_at = None if next_frame is None else max(status.frame + 1, next_frame - self._lead_frames)

    def _take_announcements(self, frame: int) -> None:
        """Enter what will be at the OLT before the end of a frame, so that the frame's map grants it."""
        end_ns = (frame + 1) * self._frame_ns
        for each in self._announced:
            while each.next_ns is not None:
                at_ns = each.next_ns - self._ahead_ns - self._epoch_ns
                if at_ns >= end_ns:
                    break
                self._state = announce(self._state, each.alloc_id, at_ns, each.carried_bytes)
                each.next_ns = next(each.instants_ns, None)

    def _send(self) -> None:
        """Hand over a map that would otherwise wait for the next frame."""
        if self._unsent is not None:
            self._line.exchange(self._unsent)
            self._unsent = None

    def _reports(self, status: PonStatus) -> list[QueueReport]:
        """The newest word of every T-CONT; of one that does not report, what it has used until now."""
        place_of, tconts = self._state.arrangement.place_of, self._state.tconts
        reports = []
        for minor, report_frame, queued_bytes, used_bytes in status.reports:
            place = place_of.get(minor)
            if place is None:
                continue
            frame = status.frame
            if tconts[place].reports:
                frame -= (status.frame - report_frame) % _WRAP
            reports.append(QueueReport(minor, frame, queued_bytes, used_bytes))
        return reports

    def _listen(self) -> bool:
        """Do what the driver has said meanwhile, waiting if nothing else is to do; whether to go on."""
        message = self._control.heard() if self._serve_at is not None else self._control.hear()
        while message is not None and message["kind"] != "stop":
            self._heed(message)
            message = self._control.heard()
        return message is None

    def _heed(self, message: dict[str, Any]) -> None:
        """Serve a T-CONT (differently), or forget one and say so."""
        match message["kind"]:
            case "tcont":
                self._state = with_tcont(self._state, tcont_of(message["tcont"]))
            case "forget":
                # Its queue is about to go: no map may name it that is not with the kernel already.
                self._send()
                self._state = without_tcont(self._state, message["alloc_id"])
                self._serve(self._frame_now())
                self._send()
                self._control.say("forgotten")
            case unknown:
                raise InvariantError(f"the OLT was told {unknown!r}, which it does not know")
        self._serve_at = self._frame_now() + 1

    def _sleep_until(self, frame: int) -> None:
        """Wait for the start of an upstream frame, when the one before it has arrived whole."""
        at_ns = self._epoch_ns + frame * self._frame_ns
        spec = struct.pack("=qq", *divmod(at_ns, 10**9))
        number = _libc.clock_nanosleep(time.CLOCK_MONOTONIC, _TIMER_ABSTIME, spec, None)
        if number:
            raise KernelError(f"cannot wait for upstream frame {frame}: {os.strerror(number)}")

    def _frame_now(self) -> int:
        now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return max(now_ns - self._epoch_ns, 0) // self._frame_ns

    def _remarks(self) -> list[str]:
        if not self._late_maps:
            return []
        return [
            f"{self._late_maps} bandwidth maps came after their frames had begun: "
            "this machine cannot keep up with the PON's frames"
        ]


def _quiet(plan: PonPlan) -> tuple[QuietWindow, ...]:
    if plan.quiet_every_ns is None:
        return ()
    return (QuietWindow(start_ns=0, length_ns=plan.quiet_window_ns, period_ns=plan.quiet_every_ns),)
