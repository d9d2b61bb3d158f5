"""Whatever `check` accepts can be planned, and its requests encoded: shipped scenarios with extreme values.

Each quantity and number of a scenario is set, one by one, to nothing, to the least that its unit can say, to
values at powers of two and ten, and to more than 64 bits. What is refused is refused with a message.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from testbed.errors import ScenarioError
from testbed.net.shaper import interface_requests
from testbed.plan.make import make_plan
from testbed.plan.plan_text import plan_text
from testbed.scenario import load
from testbed.scenario.source import scenario_path
from testbed.units import DURATION, LENGTH, RATE, SIZE, Dimension, QuantityError

SCENARIOS = ("cloud_gaming", "dba_classes")
POWERS = (0, 1, 7, 2**31, 2**32, 10**13, 2**62, 2**64)


def leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key not in ("expect", "references"):
                yield from leaves(member, (*keys, str(key)))
    elif not isinstance(value, list | bool):
        yield keys, value


def dimension_of(value: Any) -> Dimension | None:
    for dimension in (RATE, DURATION, SIZE, LENGTH):
        try:
            dimension.parse(str(value))
        except QuantityError:
            continue
        return dimension
    return None


def cases(name: str) -> Iterator[str]:
    document = yaml.safe_load(scenario_path(name).read_text(encoding="utf-8"))
    for keys, value in leaves(document):
        dimension = dimension_of(value)
        unit = "" if dimension is None else f" {min(dimension.units, key=dimension.units.__getitem__)}"
        if dimension is not None or isinstance(value, int | float):
            yield from (f"{'.'.join(keys)}={power}{unit}" for power in POWERS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_accepted_can_be_planned_and_encoded(name: str) -> None:
    accepted = refused = 0
    for setting in cases(name):
        try:
            scenario = load(name, settings=[setting])
        except ScenarioError:
            refused += 1
            continue
        accepted += 1
        for variant, script in scenario.variants.items():
            plan = make_plan(scenario.networks[variant], script.access, script.pon)
            assert plan_text(plan)
            # A port without delay, class or queue of its own needs no request; some of a network do.
            assert [request for each in plan.interfaces for request in interface_requests(1, each)]
    assert accepted > 0
    assert refused > 0
