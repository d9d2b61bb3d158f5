"""The jobs of a run: given to nodes by the scheduler, and written down with its reasons."""

from itertools import combinations

from testbed.model.network import Role
from testbed.model.scenario import Scenario, Session
from testbed.placement import Delays, JobRequest, Node, PlacementState, Refused, complete, place
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import delay_ns
from testbed.program.clock import Clock
from testbed.record.logs import EventLog


class Jobs:
    """Places a session's render job, with the plan's distances, and completes it."""

    def __init__(self, scenario: Scenario, plan: NetworkPlan, events: EventLog, clock: Clock) -> None:
        self._scenario, self._events, self._clock = scenario, events, clock
        nodes = plan.network.having(Role.COMPUTE)
        self._state = PlacementState(
            nodes=tuple(Node(name=node.name, capacity=node.capacity) for node in nodes),
            policy=scenario.placement,
            seed=scenario.seed,
        )
        players = {session.player for session in scenario.sessions.values()}
        players |= {each.host for one in scenario.services.values() for each in one.clients.values()}
        pairs = [*combinations((node.name for node in nodes), 2)]
        pairs += [(node.name, player) for node in nodes for player in sorted(players)]
        self._delays = Delays({pair: delay_ns(plan.network, *pair) for pair in pairs})

    def of_session(self, name: str, session: Session) -> JobRequest:
        """A session's job: it belongs near its player."""
        return JobRequest(
            name=name,
            weight=session.job.weight,
            partners={session.player: 1.0},
            backup=self._scenario.placement.backup,
        )

    def place(self, request: JobRequest) -> str | None:
        """Find a node for a job; None if no node can take it."""
        self._state, result = place(self._state, request, self._delays)
        now_ns = self._clock.now_ns()
        self._events.write(result.kind, now_ns, **result.fields)
        return None if isinstance(result, Refused) else result.node

    def measured(self, a: str, b: str, delay_ns: int) -> None:
        """Place by a measured delay between two stations from now on, in place of the plan's."""
        self._delays = self._delays.with_measured(a, b, delay_ns)

    def complete(self, name: str) -> None:
        """Free what the job holds."""
        self._state, result = complete(self._state, name)
        self._events.write(result.kind, self._clock.now_ns(), **result.fields)
