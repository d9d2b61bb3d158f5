"""What a host is tried for follows from the queues and the flows of a scenario, and from nothing else."""

from typing import Any

from fake_network import elastic

from testbed.applications.flows.model import Flow
from testbed.applications.script import Script
from testbed.model.pon import Aqm, Pon, TContClass
from testbed.venue import queue_trials


def flow(**changes: Any) -> Flow:
    common = {"protocol": "tcp", "source": "node1", "destination": "home1", "starts": "0 s", "ends": "1 s"}
    return Flow.model_validate(common | changes)


def tried(script: Script) -> str:
    return "\n".join(queue_trials.trials([script]))  # type: ignore[list-item]


def test_a_scenario_of_fifos_and_default_tcp_needs_nothing_more() -> None:
    assert tried(elastic(background={"download": flow()})) == ""


def test_queues_are_tried_wherever_they_are() -> None:
    given = {"assured": "1 Mbit/s", "aqm": "cake", "downstream": {"aqm": "l4s"}}
    script = elastic(pon=Pon(tconts={"gold": TContClass.model_validate(given)}))
    upstream = script.access.upstream.model_copy(update={"aqm": Aqm.FQ_CODEL})
    script = script.model_copy(update={"access": script.access.model_copy(update={"upstream": upstream})})
    assert [each.split()[0] for each in tried(script).splitlines()] == ["fq_codel", "cake", "l4s"]


def test_only_a_dctcp_that_says_ect1_has_to_be_rewritten() -> None:
    rewritten = tried(elastic(background={"scalable": flow(congestion="dctcp")}))
    as_it_is = tried(elastic(background={"scalable": flow(congestion="dctcp", ecn="ect0")}))
    assert "act_pedit" in rewritten
    assert "tcp_dctcp" in rewritten
    assert as_it_is == "the congestion control dctcp (module tcp_dctcp)"
