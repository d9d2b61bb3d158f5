"""The policies by name: those that are shipped, and those that installed packages bring."""

from typing import cast

from testbed.channel.following import Following
from testbed.channel.policy import Answer, ChannelPolicy, Need, Observation
from testbed.channel.signalled import Signalled, Static
from testbed.model.channel import CHANNEL_POLICIES, ResizePolicy
from testbed.plugins import ExtensionError, Origin, methods, place_of
from testbed.text import quoted
from testbed.units import RATE

_SHIPPED: dict[str, ChannelPolicy] = {
    ResizePolicy.STATIC: Static(),
    ResizePolicy.SIGNALLED: Signalled(),
    ResizePolicy.MEASURED: Following(predictive=False),
    ResizePolicy.PREDICTIVE: Following(predictive=True),
}


def policy_called(name: str) -> ChannelPolicy:
    """The policy of a name.

    Raises:
        ExtensionError: Nobody brings it, or what is brought is none.
    """
    shipped = _SHIPPED.get(name)
    return shipped if shipped is not None else CHANNEL_POLICIES.load(name, _PluginPolicy)


class _PluginPolicy:
    """A policy from outside: what it says is looked at, because the network would carry it out."""

    def __init__(self, brought: object, origin: Origin) -> None:
        methods(brought, decide=1)
        for name in ("uses_scenes", "uses_counters"):
            if not isinstance(getattr(brought, name, None), bool):
                raise ValueError(f"has no {name} that is True or False")
        self._policy, self._origin = cast(ChannelPolicy, brought), origin
        self.uses_scenes = self._policy.uses_scenes
        self.uses_counters = self._policy.uses_counters

    def decide(self, observation: Observation) -> Answer:
        """See `ChannelPolicy.decide`.

        Raises:
            ExtensionError: It fails, or its answer is none, or outside the channel's rates.
        """
        try:
            answer = self._policy.decide(observation)
        except Exception as error:  # its author is told where
            raise ExtensionError(f"{self._who(observation)} failed: {place_of(error)}") from error
        if not (isinstance(answer, Answer) and isinstance(answer.need, Need)):
            raise ExtensionError(
                f"{self._who(observation)} answered {quoted(answer)}, which is no Answer with a Need"
            )
        rate_bps = answer.need.rate_bps
        if type(rate_bps) is not int or not observation.committed_bps <= rate_bps <= observation.peak_bps:
            least, most = RATE.format(observation.committed_bps), RATE.format(observation.peak_bps)
            raise ExtensionError(
                f"{self._who(observation)} wants {quoted(rate_bps)} bit/s; it must be a whole number "
                f"from {least} to {most}, the channel's committed and peak rate"
            )
        return answer

    def _who(self, observation: Observation) -> str:
        return f"the channel policy {self._origin}, asked {observation.direction} at {observation.now_ns} ns,"
