"""What a survey asks of the machine."""

from collections.abc import Iterator

from testbed.applications.application import PacketLoad, Rules
from testbed.applications.script import Script
from testbed.applications.survey.model import Surveys
from testbed.model.network import Network, Role


class SurveyRules(Rules):
    """Of the key `survey`."""

    def processes(self, script: Script) -> int:
        """One, which takes as long to start as two."""
        return 2 * (Surveys.of(script).survey is not None)

    def packet_load(self, script: Script, network: Network) -> Iterator[PacketLoad]:
        """A packet between each node and each other node and home."""
        survey = Surveys.of(script).survey
        if survey is not None:
            nodes = len(network.having(Role.COMPUTE))
            pairs = nodes * (nodes + len(network.having(Role.HOME)))
            yield PacketLoad("survey", 0, script.duration_ns, pairs * 10**9 / survey.interval_ns)


PART = SurveyRules()
