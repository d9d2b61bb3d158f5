"""Mininet's options of a link, as its TCLink has them, read for an interface of ours. Pure.

Carried out: bw, delay, jitter, loss, max_queue_size, speedup. Ours anyway: use_htb, and what a TCLink's
interface does with offloads by default. Refused, each by name: another scheduler, RED, offloads that would
put super-packets into a queue, and whatever is no option at all. Nothing is ignored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testbed.errors import ScenarioError
from testbed.text import listed

DEFAULT_QUEUE_PACKETS = 1000
"""What a queue holds without max_queue_size: as many as Mininet's, which are those of veth interfaces."""
_MEGABIT = 1_000_000
_UNIT_NS = {"": 1000, "s": 10**9, "sec": 10**9, "secs": 10**9, "ms": 10**6, "msec": 10**6, "msecs": 10**6}
_UNIT_NS |= {"us": 1000, "usec": 1000, "usecs": 1000, "ns": 1, "nsec": 1, "nsecs": 1}
"""tc's units of time; a bare number is microseconds."""
_TIME = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*")

_OURS = {"use_htb": True, "gro": False, "disable_gro": True, "txo": True, "rxo": True}
"""Options that are carried out by doing nothing, with the value for which that is so."""
_REFUSED = {
    "use_hfsc": "a shaped link's scheduler is HTB",
    "use_tbf": "a shaped link's scheduler is HTB",
    "latency_ms": "that is of TBF, and a shaped link's scheduler is HTB; max_queue_size bounds its queue",
    "enable_ecn": "a shaped link's queue drops at its end and marks nothing",
    "enable_red": "a shaped link's queue drops at its end",
}
_CARRIED_OUT = ("bw", "delay", "jitter", "loss", "max_queue_size", "speedup")


class LinkOptionError(ScenarioError):
    """An option of a link cannot be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What leaves an interface: its rate, None for none, its delay and loss, and how many packets may
    wait."""

    rate_bps: int | None = None
    delay_ns: int = 0
    jitter_ns: int = 0
    loss: float = 0.0
    queue_packets: int | None = None

    @property
    def in_words(self) -> str:
        """As Mininet prints them."""
        said = [] if self.rate_bps is None else [f"{self.rate_bps / _MEGABIT:.2f}Mbit"]
        said += [f"{self.delay_ns / 1e6:g}ms delay"] if self.delay_ns else []
        said += [f"{self.jitter_ns / 1e6:g}ms jitter"] if self.jitter_ns else []
        said += [f"{self.loss * 100:.5f}% loss"] if self.loss else []
        said += [] if self.queue_packets is None else [f"{self.queue_packets} packets"]
        return " ".join(said)


def link_options(given: Mapping[str, Any], *, is_switch: bool) -> LinkOptions | None:
    """The options of one end, that of a switch or not; None without any. None as a value is not given.

    Raises:
        LinkOptionError: One is unknown, cannot be carried out, or has a value that cannot be.
    """
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in options.items():
        if name in _REFUSED and _truth(value):
            raise LinkOptionError(f"{name}={value}: {_REFUSED[name]}; remove it, or take the link class tc")
        if name in _OURS and _truth(value) is not _OURS[name]:
            raise LinkOptionError(
                f"{name}={value}: on a shaped link it is {_OURS[name]}; remove it, or take the link class tc"
            )
        if name not in (*_CARRIED_OUT, *_REFUSED, *_OURS):
            raise LinkOptionError(
                f"{name}={value}: a shaped link has no such option; it has {listed(_CARRIED_OUT)}"
            )
    rate_bps = _rate_bps(options, is_switch=is_switch)
    found = LinkOptions(
        rate_bps=rate_bps,
        delay_ns=_time_ns("delay", options.get("delay", 0)),
        jitter_ns=_time_ns("jitter", options.get("jitter", 0)),
        loss=_loss(options.get("loss", 0)),
        queue_packets=_packets(options.get("max_queue_size")),
    )
    if found.jitter_ns > found.delay_ns:
        delay = options.get("delay", 0)
        raise LinkOptionError(
            f"jitter={options['jitter']} is more than the delay, {delay}; no packet comes before it is sent"
        )
    return None if found == LinkOptions() else found


def _truth(value: Any) -> bool:
    """Of an option; those of `mn`'s command line are text."""
    return str(value) not in ("False", "false", "0", "0.0", "")


def _rate_bps(options: Mapping[str, Any], *, is_switch: bool) -> int | None:
    """`bw`; on a switch's side `speedup` in its place, if there is one."""
    speedup = options.get("speedup", 0)
    if speedup and "bw" not in options:
        raise LinkOptionError(f"speedup={speedup} is in place of a bw on the switch's side; write bw too")
    name = "speedup" if speedup and is_switch else "bw"
    if name not in options:
        return None
    value = options[name]
    rate_bps = round(_number(name, value) * _MEGABIT)
    if rate_bps < 8:
        raise LinkOptionError(f"{name}={value}: a rate in Mbit/s is at least 0.000008, one byte a second")
    return rate_bps


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise LinkOptionError(f"{name}={value}: that is no number") from None
    if not 0 <= number < float("inf"):
        raise LinkOptionError(f"{name}={value}: it must be 0 or more, and finite")
    return number


def _time_ns(name: str, value: Any) -> int:
    """A time as tc reads it: "10ms", "1.5s", or a number of microseconds."""
    found = _TIME.fullmatch(str(value))
    if found is None or found[2] not in _UNIT_NS:
        raise LinkOptionError(f"{name}={value}: write a time with its unit, as 10ms")
    return round(float(found[1]) * _UNIT_NS[found[2]])


def _loss(value: Any) -> float:
    percent = _number("loss", str(value).removesuffix("%"))
    if percent > 100:
        raise LinkOptionError(f"loss={value}: it is a percentage, at most 100")
    return percent / 100


def _packets(value: Any) -> int | None:
    if value is None:
        return None
    number = _number("max_queue_size", value)
    if number != int(number) or not 1 <= number < 2**32:
        raise LinkOptionError(f"max_queue_size={value}: it must be a whole number of packets from 1 up")
    return int(number)
