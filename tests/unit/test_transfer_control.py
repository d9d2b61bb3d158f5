"""What is made of transfers in a run: programs at the right hosts, events and rates."""

from fake_run import FakeRun

from testbed.applications.transfer.control import RunningTransfers
from testbed.applications.transfer.model import Transfer, Transfers

SECOND = 10**9
TRANSFER = Transfer.model_validate(
    {"source": "npu1", "destination": "npu2", "starts": "1 s", "ends": "3 s", "sample": "1 s"}
)


def transfers(sent: int, received: int) -> FakeRun:
    """A transfer that sent and received so many blocks, from its start to its end."""
    run = FakeRun(Transfers(transfers={"bulk": TRANSFER}))
    run.children.outcomes = {
        "bulk source": {"blocks": sent, "blocks_sent_again": 7},
        "bulk sink": {"blocks": received, "in_time_bytes": 1_000, "outage_ns": 5, "stalled_ns": 6},
    }
    running = RunningTransfers(run.context)
    running.start()
    plane = {"kind": "plane", "at_ns": 9, "plane": 1, "alive": False, "after_ns": 4, "blocks": 2}
    run.children.on_message["bulk source"](None, plane)
    run.children.on_message["bulk sink"](None, {"kind": "rate", "at_ns": 2 * SECOND, "throughput_bps": 800})
    running.stop()
    return run


def test_a_transfer_is_started_at_both_ends_and_recorded() -> None:
    run = transfers(sent=10, received=10)
    assert run.children.started == {"bulk source": "npu1", "bulk sink": "npu2"}
    assert run.children.gone == ["bulk source", "bulk sink"]
    assert run.events.kinds() == ["transfer.plane", "transfer.end"]
    plane, end = run.events.written
    assert (plane["at_ns"], plane["transfer"], plane["plane"], plane["alive"]) == (9, "bulk", 1, False)
    assert end["throughput_bps"] == 1_000 * 8 // 2
    assert (end["received_bytes"], end["blocks_sent_again"]) == (1_000, 7)
    assert run.rates.written == [
        {"at_ns": 2 * SECOND, "session": "bulk", "direction": "across", "throughput_bps": 800}
    ]


def test_blocks_that_never_arrived_are_a_warning() -> None:
    events = transfers(sent=10, received=8).events
    assert events.kinds() == ["transfer.plane", "warning", "transfer.end"]
    assert events.written[1]["text"] == "transfer bulk: 2 of 10 blocks never arrived"
