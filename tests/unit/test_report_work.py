"""Numbers of work on nodes and of failures, by arithmetic; what no variant has is in no summary."""

import io
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import synthetic_run
import synthetic_work
from recorded import recorded
from rich.console import Console
from synthetic_work import (
    BLOCK_BYTES,
    DURATION_NS,
    FIRST_TOKEN_NS,
    MS,
    OUTAGE_NS,
    PLANE_BACK_NS,
    PLANE_LOST_NS,
    RECOVERY_NS,
    SECOND,
    block_arrivals_ns,
)

from testbed.applications.experts.report import nodes_in_words
from testbed.applications.transfer.summary import transfers, united
from testbed.record.run_directory import RunDirectory
from testbed.report import failures, timeline
from testbed.report.job_tables import refusal_line
from testbed.report.records import VariantRecords
from testbed.report.summary import Summary, VariantSummary, summarise
from testbed.report.terminal import print_table

Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return synthetic_work.make_run(tmp_path_factory.mktemp("work") / "run")


@pytest.fixture(scope="module")
def summary(run: RunDirectory) -> Summary:
    return summarise(run, synthetic_work.expectations(), synthetic_work.references())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """The control: a run with none of this."""
    return summarise(synthetic_run.make_run(tmp_path_factory.mktemp("plain") / "run"), (), ())


@pytest.fixture(scope="module")
def hurt(summary: Summary) -> VariantSummary:
    return summary["variants"]["two_planes"]


@pytest.fixture(scope="module")
def whole(summary: Summary) -> VariantSummary:
    return summary["variants"]["one_plane"]


def test_streams_of_work_have_the_statistics_of_any_stream(hurt: VariantSummary) -> None:
    first = hurt["first_tokens"]["reader"]["downstream"]
    assert (first["sent"], first["lost"]) == (40, 0)
    # 40 requests, eight of each of 0, 10, 20, 30 and 40 ms more.
    assert first["delay_ns"]["p50"] == FIRST_TOKEN_NS["two_planes"] + 20 * MS
    assert first["delay_ns"]["max"] == FIRST_TOKEN_NS["two_planes"] + 40 * MS
    assert hurt["exchanges"]["moe"]["across"]["delay_ns"]["min"] == synthetic_work.EXCHANGE_NS["two_planes"]
    assert hurt["requests"]["web"]["across"]["lost"] == 4
    assert (hurt["recoveries"]["web"]["across"]["sent"], hurt["recoveries"]["web"]["across"]["lost"]) == (
        3,
        1,
    )


def test_a_service_is_summed_up(hurt: VariantSummary) -> None:
    service = hurt["services"]["llm"]
    assert service["utilisation_ppm"] == (450 + 80) * 10**6 // 1800
    assert service["saturation_ppm"] == 100_000
    assert service["token_rate"] == 740 * 1000 // 1800
    assert service["mean_batch"] == 7.4


def test_the_rates_of_a_transfer_before_while_and_after_follow_from_its_blocks(hurt: VariantSummary) -> None:
    transfer = hurt["transfers"]["copy"]
    arrivals_ns = block_arrivals_ns("two_planes")
    while_broken = sum(PLANE_LOST_NS < at_ns <= PLANE_BACK_NS for at_ns in arrivals_ns)
    assert transfer["before_bps"] == transfer["after_bps"] == BLOCK_BYTES * 8 * 10_000 == 4 * 10**9
    assert transfer["broken_bps"] == while_broken * BLOCK_BYTES * 8 * 2
    assert transfer["kept_ppm"] == transfer["broken_bps"] * 10**6 // transfer["before_bps"]
    assert 490_000 < transfer["kept_ppm"] < 500_000  # half of the planes, and what the outage took
    assert (transfer["outage_ns"], transfer["outage_at_ns"]) == (OUTAGE_NS, PLANE_LOST_NS)
    assert [(plane["plane"], plane["alive"]) for plane in transfer["planes"]] == [(2, False), (2, True)]


def test_a_transfer_in_a_whole_fabric_keeps_nothing_and_misses_nothing(whole: VariantSummary) -> None:
    """The control: without a fault there is no rate before one, and the outage is one block's time."""
    transfer = whole["transfers"]["copy"]
    assert transfer["before_bps"] is transfer["broken_bps"] is transfer["kept_ppm"] is None
    assert transfer["outage_ns"] == synthetic_work.BLOCK_EVERY_NS["one_plane"]
    assert transfer["planes"] == []


def blocks_at(*arrivals_ms: int | None) -> pd.DataFrame:
    """Blocks of 1000 bytes, all sent at 1 ms; None is one that never arrived."""
    at_ns = [None if at_ms is None else at_ms * MS for at_ms in arrivals_ms]
    return pd.DataFrame(
        {
            "session": "copy",
            "measure": "block",
            "seq": range(len(at_ns)),
            "sent_at_ns": pd.array([MS] * len(at_ns), dtype="Int64"),
            "received_at_ns": pd.array(at_ns, dtype="Int64"),
            "size_bytes": pd.array([1000] * len(at_ns), dtype="Int64"),
        }
    )


END = recorded(
    [
        {
            "kind": "transfer.end",
            "transfer": "copy",
            "received_bytes": 0,
            "throughput_bps": 0,
            "blocks_sent_again": 0,
            "outage_ns": 0,
            "stalled_ns": 0,
        }
    ]
)


def sampled_until(at_ms: int) -> pd.DataFrame:
    return pd.DataFrame({"session": ["copy"], "at_ns": pd.array([at_ms * MS], dtype="Int64")})


def test_an_outage_that_does_not_end_lasts_until_the_end_of_the_transfer() -> None:
    found = transfers(VariantRecords(blocks_at(2, 3, None, 5), sampled_until(100), END, []))["copy"]
    assert (found["outage_ns"], found["outage_at_ns"]) == (95 * MS, 5 * MS)


def test_what_a_reader_of_the_whole_waits_for_is_longer_than_an_outage() -> None:
    """Block 1 comes last: meanwhile others arrive, and nothing can be read on."""
    found = transfers(VariantRecords(blocks_at(2, 9, 3, 4, 5, 10), sampled_until(10), END, []))["copy"]
    assert (found["outage_ns"], found["stalled_ns"]) == (4 * MS, 7 * MS)


def test_a_block_that_never_comes_stalls_a_transfer_to_its_end() -> None:
    found = transfers(VariantRecords(blocks_at(2, 3, None, 4, 5, 6), sampled_until(6), END, []))["copy"]
    assert (found["outage_ns"], found["stalled_ns"]) == (MS, 3 * MS)
    assert (
        transfers(VariantRecords(blocks_at(None, 3), sampled_until(6), END, []))["copy"]["stalled_ns"] is None
    )


def test_a_transfer_of_which_nothing_arrives_has_no_outage_and_no_rates() -> None:
    fault = fault_from(10, 20)
    found = transfers(VariantRecords(blocks_at(None, None), sampled_until(100), END, [fault]))["copy"]
    assert found["outage_ns"] is found["outage_at_ns"] is None
    assert found["before_bps"] is found["kept_ppm"] is None


def fault_from(at_ms: int, repaired_ms: int | None, *, in_fabric: bool = True) -> failures.FaultSummary:
    return failures.FaultSummary(
        fault="f",
        what="plane 1",
        in_fabric=in_fabric,
        at_ns=at_ms * MS,
        repaired_at_ns=None if repaired_ms is None else repaired_ms * MS,
    )


def test_a_fault_that_is_never_repaired_lasts_until_the_end() -> None:
    found = transfers(
        VariantRecords(blocks_at(*range(2, 21)), sampled_until(20), END, [fault_from(10, None)])
    )["copy"]
    assert found["before_bps"] == found["broken_bps"] == 1000 * 8 * 1000
    assert found["after_bps"] is None
    assert found["kept_ppm"] == 1_000_000


def test_a_node_that_dies_does_not_break_the_fabric() -> None:
    """The control of the share kept: only planes and links count."""
    dead = fault_from(10, 15, in_fabric=False)
    assert (
        transfers(VariantRecords(blocks_at(2, 12, 18), sampled_until(20), END, [dead]))["copy"]["broken_bps"]
        is None
    )


def test_faults_that_overlap_are_counted_once() -> None:
    assert united([(5, 9), (1, 3), (2, 4), (9, 10)]) == [(1, 4), (5, 10)]
    assert united([]) == []


def test_where_ranks_stand_is_said_shortly() -> None:
    assert nodes_in_words(["npu1", "npu1", "npu7"]) == "npu1 (2), npu7"
    assert nodes_in_words([f"n{rank}" for rank in range(20)]) == "n0, n1, n2, n3, n4, n5, n6, n7 and 12 more"


def test_faults_have_words_and_ends(hurt: VariantSummary, whole: VariantSummary) -> None:
    assert [(fault["what"], fault["at_ns"], fault["repaired_at_ns"]) for fault in hurt["faults"]] == [
        ("node npu3", 500 * MS, 900 * MS),
        ("npu7 isolated", 700 * MS, None),
        ("plane 2", PLANE_LOST_NS, PLANE_BACK_NS),
        ("npu5 isolated", 1600 * MS, None),
    ]
    assert "faults" not in whole
    assert failures.broken({"link": {"node": "npu3", "plane": 2}, "plane": None}) == "npu3 to plane 2"


def test_the_parts_of_a_recovery_add_up(hurt: VariantSummary) -> None:
    assert [each["job"] for each in hurt["recovered"]] == [*RECOVERY_NS]
    for each in hurt["recovered"]:
        assert each["recovery_ns"] == sum(each[part] for part in failures.RECOVERY_PARTS)
    assert hurt["gaps"] == [{"session": "player", "gap_ns": 58 * MS, "frames_due": 3, "frames_missed": 3}]


def test_jobs_are_counted_and_none_is_lost_from_sight(hurt: VariantSummary, whole: VariantSummary) -> None:
    assert hurt["placement"] == {
        **{"placed": 6, "refused": 1, "waiting": 1},
        **{"lost": 1, "promoted": 3, "evicted": 1},
    }
    assert whole["placement"] == {**NOTHING_MOVED, "placed": 6, "waiting": 1}
    states = {job: (each["node"], each["state"]) for job, each in hurt["jobs"].items()}
    assert states["web1"] == ("npu9", "completed")
    assert states["web3"] == ("npu3", "lost")
    assert states["web4"] == ("npu6", "completed")
    assert states["web5"] == (None, "waiting")


def test_what_did_not_run_is_told_in_a_table_and_in_the_closing_lines(
    summary: Summary, hurt: VariantSummary, whole: VariantSummary
) -> None:
    why = "no node can take it: npu1: needs 90, 60 of 80 free"
    assert hurt["refused"] == [{"what": "session", "name": "late", "at_ns": 0, "reason": why}]
    assert "refused" not in whole
    text = printed(summary)
    assert "Not run, for lack of a node" in text
    assert "Not run, for lack of a node: two_planes: session late." in text
    assert "needs 90" in text


def test_what_runs_is_not_told_to_have_been_refused(plain: Summary) -> None:
    """The control."""
    assert "lack of a node" not in printed(plain)


def test_of_very_many_refusals_a_few_are_named_and_all_are_counted() -> None:
    events: Events = [event("session.refuse", session=f"s{each}", reason="full") for each in range(9)]
    events += [event("experts.refuse", experts="moe", reason="full")]
    found = cast(Summary, {"variants": {"v": {"refused": failures.refusals(recorded(events))}}})
    assert refusal_line(found) == (
        "Not run, for lack of a node: v: session s0, session s1, session s2, session s3 and 6 more."
    )


def test_a_job_that_waited_until_its_end_counts_as_waiting() -> None:
    """It was given up by then, and had no node."""
    events = recorded([event("job.queue", job="j", reason="full"), event("job.cancel", job="j")])
    assert failures.placement(events, timeline.jobs(events)) == {**NOTHING_MOVED, "waiting": 1}


NOTHING_MOVED = dict.fromkeys(("placed", "refused", "waiting", "lost", "promoted", "evicted"), 0)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"variant": "v", "at_ns": 0, "kind": kind, **fields}


PLACED = event("job.place", job="j", node="a", backup="b", reason="", scores={})


@pytest.mark.parametrize(
    ("happened", "state"),
    [
        ([event("fault", fault="f", node="a")], "lost"),
        ([event("fault", fault="f", node="b")], "placed"),
        ([event("fault", fault="f", node="a"), event("repair", fault="f", node="a")], "lost"),
        ([event("fault", fault="f", isolated="a")], "lost"),
        ([event("fault", fault="f", isolated="a"), event("repair", fault="f", isolated="a")], "placed"),
        ([event("fault", fault="f", plane=1), event("repair", fault="f", plane=1)], "placed"),
        ([event("node.fail", node="a", silent_ns=3)], "lost"),
        (
            [
                event("node.fail", node="a", silent_ns=3),
                event("job.promote", job="j", failed="a", node="b", epoch=2),
            ],
            "placed",
        ),
        (
            [
                event("node.fail", node="a", silent_ns=3),
                event("job.evict", job="j", failed="a", reason="no backup"),
            ],
            "waiting",
        ),
        ([event("node.fail", node="a", silent_ns=3), event("job.complete", job="j")], "lost"),
        ([event("job.complete", job="j"), event("node.fail", node="a", silent_ns=3)], "completed"),
        ([event("job.cancel", job="j")], "cancelled"),
    ],
)
def test_a_job_is_lost_when_its_node_failed_and_nobody_decided_anything(happened: Events, state: str) -> None:
    assert timeline.jobs(recorded([PLACED, *happened]))["j"]["state"] == state


def test_expectations_and_references_can_be_of_all_of_this(summary: Summary) -> None:
    assert [verdict["holds"] for verdict in summary["expectations"]] == [True] * 6 + [False]
    assert [verdict["text"] for verdict in summary["expectations"]][-2:] == [
        "two_planes: jobs promoted at least 3",
        "two_planes: jobs lost at most 0",
    ]
    assert [(each["published"], each["unit"]) for each in summary["references"]] == [
        (83 * MS, "ns"),
        (850_000, "ppm"),
        (4 * 10**9, "bit/s"),
        (2345, "count"),
    ]
    assert [each["measured"] for each in summary["references"]][:2] == [100 * MS, 294_444]


def test_a_run_without_such_work_has_none_of_its_numbers(plain: Summary) -> None:
    """The control: nothing is added to other runs but the count of their jobs."""
    elastic = plain["variants"]["elastic"]
    assert set(elastic) == {
        *("probes", "frames", "packets", "commands", "channels", "admission", "jobs", "flows", "placement")
    }
    assert elastic["placement"] == {**NOTHING_MOVED, "placed": 1, "refused": 1}


def printed(summary: Summary) -> str:
    stream = io.StringIO()
    print_table(summary, Console(file=stream, width=80))
    return stream.getvalue()


def test_the_tables_on_a_terminal_fit_80_columns(summary: Summary) -> None:
    text = printed(summary)
    assert max(len(line.rstrip()) for line in text.splitlines() if "report.html" not in line) <= 80
    for words in (
        *(
            "From a fault until a job serves again, ms",
            "first token",
            "49.8 %",
            "missed/due",
            "mean exchange",
            "stalled",
        ),
        *("Published figures beside ours", "85.0 %", "411"),
    ):
        assert words in text


def test_a_run_without_such_work_prints_no_table_of_it(plain: Summary) -> None:
    """The control of the tables. That of jobs is there for the one that was refused."""
    text = printed(plain)
    assert "Jobs" in text
    for words in ("serves again", "Work on nodes", "Services", "Experts", "Transfers"):
        assert words not in text


def test_very_many_recoveries_are_printed_by_the_longest(summary: Summary) -> None:
    one = summary["variants"]["two_planes"]["recovered"][0]
    many = [
        failures.RecoverySummary(**{**one, "job": f"job{number}", "recovery_ns": number * MS})
        for number in range(300)
    ]
    crowded = VariantSummary(**{**summary["variants"]["two_planes"], "recovered": many})
    text = printed(Summary(**{**summary, "variants": {"two_planes": crowded}}))
    assert "the 12 longest of 300" in text
    assert "job299" in text
    assert "job287 " not in text


def test_the_blocks_of_the_synthetic_transfer_are_as_the_arithmetic_assumes() -> None:
    arrivals_ns = np.array(block_arrivals_ns("two_planes"))
    assert len(np.unique(arrivals_ns)) == len(arrivals_ns)
    assert arrivals_ns[-1] <= 1900 * MS < DURATION_NS == 2 * SECOND
