"""What a scenario declares, in the words of the page, which has no part without anything in it."""

import re
from pathlib import Path

import pyarrow.parquet as pq
from synthetic_run import VARIANTS, make_run, networks, scenario, write_report
from synthetic_work import write_report as write_work_report

from testbed import report
from testbed.applications.survey.model import Survey
from testbed.applications.user_program.model import UserProgram
from testbed.model.pon import Discovery, Pon, TContClass
from testbed.report.declared import Declared
from testbed.report.words import conditions


def declared(**changes: object) -> dict[str, str]:
    """The conditions of a scenario with some values replaced."""
    return dict(conditions(scenario("best_effort").model_copy(update=changes)))


def test_a_pon_in_frames_says_how_it_is_told_of_demand() -> None:
    assert declared()["PON"] == "in frames, status reporting every frame"
    pon = Pon(report_every=4, discovery=Discovery(every="2 s"))
    assert declared(pon=pon)["PON"] == "in frames, status reporting every 4 frames, a quiet window every 2 s"
    assert declared(pon=Pon(reporting="traffic_monitoring"))["PON"] == "in frames, traffic monitoring"


def test_a_shaped_link_is_called_so() -> None:
    assert declared(pon=Pon(model="shaped_link"))["PON"] == "a shaped link"


def test_a_tcont_is_said_with_its_rates_and_its_queue() -> None:
    gold = TContClass(onus=("onu1",), fixed="200 Mbit/s", grants=8, reporting="fixed")
    silver = TContClass(assured="2 Gbit/s", maximum="5 Gbit/s", eligibility="non_assured", aqm="l4s")
    said = declared(pon=Pon(tconts={"gold": gold, "silver": silver}))
    assert said["T-CONT gold"] == (
        "of onu1, fixed 200 Mbit/s, at most 200 Mbit/s, 8 grants a frame, fixed, 1 MB may queue"
    )
    assert said["T-CONT silver"] == (
        "of all ONUs, assured 2 Gbit/s, at most 5 Gbit/s, non assured, priority 1, weight 1, "
        "status reporting, 1 MB may queue, kept short by l4s"
    )


def test_programs_surveys_and_captures_are_said() -> None:
    ping = UserProgram(host="home1", command=("ping", "-c", "3", "a b"), starts="1 s")
    said = declared(programs={"ping": ping}, survey=Survey(), capture=("onu1", "node1"))
    assert said["program ping"] == "ping -c 3 'a b', on home1, 1 s to the end"
    assert said["survey"] == "100 B each way every 100 ms; placement goes by the median of the last 5"
    assert said["capture"] == "onu1, node1"
    assert {"program ping", "survey", "capture"}.isdisjoint(declared())


def test_parameters_are_written_without_brackets_of_python() -> None:
    network = scenario("elastic").network
    nested = {"devices": {"onu1": ["tablet", "tv"]}, "onus": 4}
    changed = network.model_copy(update={"parameters": nested})
    assert declared(network=changed)["its parameters"] == "devices (onu1 (tablet, tv)), onus 4"


def headings(page: str) -> list[str]:
    """The page's parts but the warnings, which stand above all others."""
    return [name for name in re.findall(r"<h2 id=\"(\w+)\"", page) if name != "warnings"]


def linked(page: str) -> list[str]:
    """The parts that the page's own contents lead to."""
    return re.findall(r"<a href=\"#(\w+)\">", page)


def test_a_page_has_the_parts_that_it_has_something_for(tmp_path: Path) -> None:
    game = write_report(tmp_path / "game").report_path.read_text()
    work = write_work_report(tmp_path / "work")[0].report_path.read_text()
    assert {"delays", "channels", "jobs"} <= set(headings(game))
    assert {"services", "experts", "transfers"}.isdisjoint(headings(game))
    assert {"services", "experts", "transfers", "jobs"} <= set(headings(work))
    assert linked(game) == headings(game)
    assert linked(work) == headings(work)


def test_a_page_of_a_run_without_sessions_and_packets_has_no_empty_parts(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for path in (run.samples_path, run.rates_path):
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    idle = {variant: scenario(variant).model_copy(update={"sessions": {}}) for variant in VARIANTS}
    Declared.of(idle, networks(), (), ()).write(run)
    report.write(run)
    page = run.report_path.read_text()
    assert {"delays", "channels"}.isdisjoint(headings(page))
    assert linked(page) == headings(page)
