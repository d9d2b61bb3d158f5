"""QoS profiles: the JSON of the qos-profiles API 1.1.0, and the file that maps each to a channel."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, Strict, ValidationError, model_validator

from testbed.api.base_models import ApiModel, QosProfileName, RequestModel, Text
from testbed.api.devices import Device
from testbed.api.measures import Rate, TimeSpan, rate_at_most, time_span
from testbed.channel import policy_called
from testbed.errors import ScenarioError
from testbed.model.base import DOWNSTREAM, FROM_TEXT, UPSTREAM, Direction, FieldError, Name
from testbed.model.channel import ChannelRequest
from testbed.plugins import ExtensionError
from testbed.record.bounded import SETTINGS_BYTES, read_bounded
from testbed.scenario.compose import compose
from testbed.scenario.problems import problems_of, refusal
from testbed.units import DURATION, RATE

SHIPPED = Path(__file__).with_name("profiles.yaml")
"""The profiles that come with the testbed; users edit a copy."""


class ProfileStatus(StrEnum):
    """Whether a profile can be had."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    DEPRECATED = "DEPRECATED"


class QueueType(StrEnum):
    """The kind of queue for L4S (RFC 9330)."""

    NON_L4S = "non-l4s-queue"
    L4S = "l4s-queue"
    MIXED = "mixed-queue"


ServiceClass = Literal[
    "microsoft_voice",
    "microsoft_audio_video",
    "real_time_interactive",
    "multimedia_streaming",
    "broadcast_video",
    "low_latency_data",
    "high_throughput_data",
    "low_priority_data",
    "standard",
]
"""Service classes of RFC 4594 and of Microsoft, as the specification spells them."""


class Country(ApiModel):
    """A country, and networks in it, in which a profile can be had."""

    country_name: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    networks: tuple[str, ...] | None = None


class ProfileFields(ApiModel):
    """What a profile promises."""

    description: Text | None = None
    status: ProfileStatus
    country_availability: tuple[Country, ...] | None = None
    target_min_upstream_rate: Rate | None = None
    max_upstream_rate: Rate | None = None
    max_upstream_burst_rate: Rate | None = None
    target_min_downstream_rate: Rate | None = None
    max_downstream_rate: Rate | None = None
    max_downstream_burst_rate: Rate | None = None
    min_duration: TimeSpan | None = None
    max_duration: TimeSpan | None = None
    priority: Annotated[int, Strict(), Field(ge=1, le=100)] | None = None
    packet_delay_budget: TimeSpan | None = None
    jitter: TimeSpan | None = None
    packet_error_loss_rate: Annotated[int, Strict(), Field(ge=1, le=10)] | None = None
    l4s_queue_type: Annotated[QueueType | None, Field(alias="l4sQueueType")] = None
    service_class: ServiceClass | None = None


class QosProfile(ProfileFields):
    """A profile as the API tells of it."""

    name: QosProfileName


class QosProfileDeviceRequest(RequestModel):
    """Profiles are asked for: those of a device, a name or a status."""

    device: Device | None = None
    name: QosProfileName | None = None
    status: ProfileStatus | None = None


class ProfileEntry(ProfileFields):
    """A profile in the file: what it promises, the channel that keeps it, and the hosts that may have it.

    Rates, priority and delay budget that are not written are those of the channel.
    """

    model_config = ConfigDict(extra="forbid")

    channel: ChannelRequest
    devices: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _kept(self) -> "ProfileEntry":
        channel = self.channel
        try:
            policy_called(channel.policy)
        except ExtensionError as error:
            raise FieldError(("channel", "policy"), str(error)) from error
        if channel.lifetime_ns is not None:
            raise FieldError(("channel", "lifetime"), "is decided by the session's duration; leave it out")
        for key, promised, kept_bps in self._promises():
            if promised is not None and promised.rate_bps > kept_bps:
                raise FieldError(
                    key,
                    f"promises {RATE.format(promised.rate_bps)}; the channel carries {RATE.format(kept_bps)}",
                )
        if "priority" in channel.model_fields_set and self.priority not in (None, channel.priority):
            raise FieldError(
                "priority", f"is {self.priority}, the channel's {channel.priority}; write it once"
            )
        budget_ns = None if self.packet_delay_budget is None else self.packet_delay_budget.span_ns
        kept_ns = channel.delay_budget_ns
        if budget_ns is not None and kept_ns is not None and budget_ns != kept_ns:
            raise FieldError(
                "packetDelayBudget",
                f"is {DURATION.format(budget_ns)}, the channel's {DURATION.format(kept_ns)}; write it once",
            )
        if self.min_duration and self.max_duration and self.min_duration.span_ns > self.max_duration.span_ns:
            raise FieldError("maxDuration", "is shorter than minDuration")
        return self

    def _promises(self) -> Iterator[tuple[str, Rate | None, int]]:
        for direction, way in ((UPSTREAM, "Upstream"), (DOWNSTREAM, "Downstream")):
            channel, name = self.channel.towards(direction), direction.value
            yield f"targetMin{way}Rate", getattr(self, f"target_min_{name}_rate"), channel.committed_bps
            yield f"max{way}Rate", getattr(self, f"max_{name}_rate"), channel.peak_bps
            yield f"max{way}BurstRate", getattr(self, f"max_{name}_burst_rate"), channel.peak_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile with the channel that it stands for.

    Only the hosts `open_to` may have it; None stands for all. `shortest_s` and `longest_s` bound a
    session's duration; `longest_s` None is without end.
    """

    shown: QosProfile
    channel: ChannelRequest
    open_to: frozenset[str] | None
    shortest_s: int
    longest_s: int | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.shown.name

    def is_open_to(self, host: str) -> bool:
        """Whether a host may have it."""
        return self.open_to is None or host in self.open_to


def load_profiles(path: Path | None = None) -> tuple[Profile, ...]:
    """Read a file of profiles; the shipped one, if none is named.

    Raises:
        ScenarioError: It cannot be read or is refused; one line a fault, with file, line, profile and key.
    """
    path = path if path is not None else SHIPPED
    root = compose(read_bounded(path, "profiles", SETTINGS_BYTES), path.name)
    if not isinstance(root.value, dict) or set(root.members) != {"profiles"}:
        raise ScenarioError(f"{path.name}: the one key of a file of profiles is 'profiles'")
    try:
        checked = _File.model_validate_json(
            json.dumps(root.plain()), strict=True, context=FROM_TEXT, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise refusal(problems_of(error, root, _File)) from error
    return tuple(profile_of(name, entry) for name, entry in checked.profiles.items())


class _File(ApiModel):
    profiles: Annotated[dict[QosProfileName, ProfileEntry], Field(min_length=1)]


def profile_of(name: str, entry: ProfileEntry) -> Profile:
    """A profile of a file's entry, with all that follows from its channel."""
    channel = entry.channel.model_copy(
        update={
            "priority": entry.priority if entry.priority is not None else entry.channel.priority,
            "delay_budget_ns": (
                entry.packet_delay_budget.span_ns
                if entry.packet_delay_budget is not None
                else entry.channel.delay_budget_ns
            ),
        }
    )
    promised = {key: value for key, value in dict(entry).items() if key not in ("channel", "devices")}
    promised["priority"] = channel.priority
    if channel.delay_budget_ns is not None:
        promised["packet_delay_budget"] = time_span(channel.delay_budget_ns)
    inexact: dict[str, list[str]] = {}
    for key, rate_bps, direction in _rates(channel):
        if promised[key] is None:
            promised[key] = rate_at_most(rate_bps)
            if promised[key].rate_bps != rate_bps and direction not in inexact.setdefault(
                RATE.format(rate_bps), []
            ):
                inexact[RATE.format(rate_bps)].append(direction)
    promised["description"] = _description(entry.description, inexact)
    return Profile(
        shown=QosProfile(name=name, **promised),
        channel=channel,
        open_to=None if entry.devices is None else frozenset(entry.devices),
        shortest_s=1 if entry.min_duration is None else -(-entry.min_duration.span_ns // 10**9),
        longest_s=None if entry.max_duration is None else entry.max_duration.span_ns // 10**9,
    )


def _rates(channel: ChannelRequest) -> Iterator[tuple[str, int, Direction]]:
    for direction in (DOWNSTREAM, UPSTREAM):
        rates = channel.towards(direction)
        yield f"target_min_{direction}_rate", rates.committed_bps, direction
        yield f"max_{direction}_rate", rates.peak_bps, direction


def _description(written: str | None, inexact: dict[str, list[str]]) -> str | None:
    """What the file says, and which rates the API can only give the nearest lower value of."""
    sentences = [] if written is None else [written]
    for rate, directions in inexact.items():
        sentences.append(
            f"The exact rate is {rate} {' and '.join(directions)}; this API cannot express it and gives the "
            f"nearest lower one."
        )
    return " ".join(sentences) or None
