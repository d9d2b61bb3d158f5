"""What the documents say can be done: scenarios load, commands parse, links lead somewhere, keys exist."""

import ast
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from testbed.cli import main
from testbed.cli.parser import parser
from testbed.model.base import DOWNSTREAM, UPSTREAM, Value
from testbed.model.channel import ChannelRange, ChannelRequest, Channels
from testbed.model.command import UserProgram
from testbed.model.fabric_work import Experts, Transfer
from testbed.model.failure import FabricLink, Fault, Health
from testbed.model.job import JobGroup, Requests
from testbed.model.northbound import ChannelBooking, Northbound
from testbed.model.pon import Discovery, Pon, TContClass, Towards
from testbed.model.quantity import OWN_STATISTICS, Expectation, Measure, Reference
from testbed.model.scenario import (
    Commands,
    Flow,
    Job,
    NetworkChoice,
    Placement,
    Probes,
    Repeat,
    Scene,
    Session,
    Subscription,
)
from testbed.model.serving import Clients, DecodePoint, Service
from testbed.model.survey import Survey
from testbed.pon import PonStandard, capacity_bps, limits
from testbed.scenario import load
from testbed.scenario.shape import Layout
from testbed.units import DURATION, LENGTH, RATE, SIZE

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
REFERENCE = PROJECT / "docs" / "scenario-files.md"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \|", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a document in one language."""
    return [block for tag, block in _BLOCK.findall(text) if tag == language]


def all_blocks(language: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{name(path)}-{number}")
        for path in DOCUMENTS
        for number, block in enumerate(blocks(path.read_text(), language), start=1)
    ]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a document's shell blocks, as words, without what follows a #."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


def all_commands() -> list[Any]:
    return [
        pytest.param(words, id=f"{name(path)}-{number}")
        for path in DOCUMENTS
        for number, words in enumerate(commands(path.read_text()), start=1)
    ]


def faults(words: list[str]) -> list[str]:
    """What would keep a documented command from being understood."""
    words = words[1:] if words[0] == "sudo" else words
    program, arguments = Path(words[0]).name, words[1:]
    if program not in CHECKS:
        return [f"no test knows the command {words[0]}"]
    return CHECKS[program](arguments)


def unknown_targets(arguments: list[str]) -> list[str]:
    makefile = (PROJECT / "Makefile").read_text()
    return [target for target in arguments if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def refused(arguments: list[str]) -> list[str]:
    try:
        parser().parse_args(arguments)
    except SystemExit as ended:
        return [f"exit status {ended.code}"]
    return []


def missing_files(arguments: list[str]) -> list[str]:
    return [each for each in arguments if each.endswith(".py") and not (PROJECT / each).is_file()]


CHECKS: dict[str, Callable[[list[str]], list[str]]] = {
    "make": unknown_targets,
    "testbed": refused,
    "mn": missing_files,
    "python": missing_files,
    "ruff": missing_files,
    "vagrant": lambda _: [],
}
"""What is known of each program that documents call: given its arguments, what is wrong with them."""


def slug(heading: str) -> str:
    """A heading as the target of a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(document: Path, text: str) -> list[str]:
    """The links of a document to files and headings that do not exist; the web's are not looked at."""
    broken = []
    for link in _LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, heading = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        if not target.exists():
            broken.append(link)
        elif heading:
            linked = text if target == document else target.read_text()
            if heading not in {slug(title) for _, title in _HEADING.findall(linked)}:
                broken.append(link)
    return broken


@pytest.mark.parametrize("block", all_blocks("yaml"))
def test_every_scenario_of_the_documents_loads(block: str, tmp_path: Path) -> None:
    path = tmp_path / "documented.yaml"
    path.write_text(block)
    assert load(str(path)).variants


@pytest.mark.parametrize("words", all_commands())
def test_every_command_of_the_documents_is_understood(words: list[str]) -> None:
    assert faults(words) == []


@pytest.mark.parametrize("block", all_blocks("python"))
def test_every_program_of_the_documents_is_python(block: str) -> None:
    ast.parse(block)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document, document.read_text()) == []


def test_the_plans_of_the_documents_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    plans = [words[1:] for words in commands(REFERENCE.read_text()) if words[1] == "plan"]
    assert [main(arguments) for arguments in plans] == [0] * len(plans)
    assert "network elastic_access" in capsys.readouterr().out
    assert plans


def topology(stem: str) -> Any:
    return importlib.import_module(f"topologies.{stem}")


SECTIONS: dict[str, type[Value]] = {
    "The whole file": Layout,
    "`network`": NetworkChoice,
    "`access.downstream`, `access.upstream`": Subscription,
    "`pon`": Pon,
    "`pon.discovery`": Discovery,
    "`pon.tconts.NAME`": TContClass,
    "`pon.tconts.NAME.downstream`": Towards,
    "`placement`": Placement,
    "`survey`": Survey,
    "`programs.NAME`": UserProgram,
    "`channels`": Channels,
    "`northbound`": Northbound,
    "`sessions.NAME.booking`": ChannelBooking,
    "`sessions.NAME`": Session,
    "`sessions.NAME.repeat`": Repeat,
    "`sessions.NAME.job`": Job,
    "`sessions.NAME.scenes[]`": Scene,
    "`sessions.NAME.commands`": Commands,
    "`sessions.NAME.probes`": Probes,
    "`sessions.NAME.channel`": ChannelRequest,
    "`sessions.NAME.channel.downstream`, `sessions.NAME.channel.upstream`": ChannelRange,
    "`background.NAME`": Flow,
    "`health`": Health,
    "`jobs.NAME`": JobGroup,
    "`jobs.NAME.requests`": Requests,
    "`faults.NAME`": Fault,
    "`faults.NAME.link`": FabricLink,
    "`services.NAME`": Service,
    "`services.NAME.decode[]`": DecodePoint,
    "`services.NAME.clients.NAME`": Clients,
    "`transfers.NAME`": Transfer,
    "`experts.NAME`": Experts,
    "`expect[]`": Expectation,
    "`references[]`": Reference,
    "Topology `pon_tree`": topology("pon_tree").Parameters,
    "Topology `compute_mesh`": topology("compute_mesh").Parameters,
    "`nodes.NAME`": topology("compute_mesh").Node,
    "`pairs[]`": topology("compute_mesh").Pair,
    "Topology `supernode`": topology("supernode").Parameters,
    "`sites.NAME`": topology("supernode").Site,
    "Topology `cluster`": topology("cluster").Parameters,
}
"""Each section of the reference with the type whose keys it lists."""


def written_default(model: type[Value], field_name: str) -> str:
    """A field's default as the reference writes it."""
    field = model.model_fields[field_name]
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default in ({}, ()):
        return "none"
    return "see below" if isinstance(default, Value | dict) else written(default, field_name)


def written(value: Any, field_name: str) -> str:
    """A single value, with the unit that its field's name ends in."""
    for suffix, dimension in (("_bps", RATE), ("_ns", DURATION), ("_bytes", SIZE), ("_m", LENGTH)):
        if field_name.endswith(suffix):
            return dimension.format(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value) if isinstance(value, Enum) else f"{value:g}"


def keys_with_defaults(model: type[Value]) -> dict[str, str]:
    return {field.alias or each: written_default(model, each) for each, field in model.model_fields.items()}


def section(title: str) -> str:
    """The text below a heading of the reference, up to the next one."""
    parts = re.split(r"^#+ (.+)$", REFERENCE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def listed(title: str) -> dict[str, str]:
    """The keys of a section's first table with their defaults."""
    table = section(title).partition("|---|---|---|---|\n")[2].partition("\n\n")[0] + "\n"
    return {key: default.strip() for key, _, default in _ROW.findall(table)}


@pytest.mark.parametrize("title", SECTIONS)
def test_the_reference_has_every_key_with_its_default(title: str) -> None:
    assert listed(title) == keys_with_defaults(SECTIONS[title])


def test_the_reference_explains_every_statistic_of_a_channel() -> None:
    table = (
        section("`expect[]`").partition("| Statistic | Of | Bounded by | Meaning |")[2].partition("\n\n")[0]
    )
    explained = [name for row in re.findall(r"^\| ([^|`-]+) \|", table, re.M) for name in row.split(", ")]
    assert explained == [str(each) for each in OWN_STATISTICS[Measure.CHANNEL]]


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("elastic_access", "compute_mesh"),
        ("elastic_supernode", "supernode"),
        ("elastic_cluster", "cluster"),
    ],
)
def test_a_whole_network_has_the_parameters_of_its_parts_and_those_listed(whole: str, part: str) -> None:
    own = keys_with_defaults(topology(whole).Parameters)
    parts = keys_with_defaults(topology("pon_tree").Parameters)
    parts |= keys_with_defaults(topology(part).Parameters)
    assert own == parts | listed(f"Topology `{whole}`")


def test_the_reference_has_the_capacity_and_limits_of_every_standard() -> None:
    table = section("Topology `pon_tree`").partition("|---|---|---|---|---|---|\n")[2].partition("\n\n")[0]
    most = {standard: limits(standard) for standard in PonStandard}
    assert table.splitlines() == [
        f"| `{standard}` | {RATE.format_down(capacity_bps(standard, DOWNSTREAM, 4))} "
        f"| {RATE.format_down(capacity_bps(standard, UPSTREAM, 4))} "
        f"| {LENGTH.format(most[standard].reach_m)} | {LENGTH.format(most[standard].differential_m)} "
        f"| {most[standard].split} |"
        for standard in PonStandard
    ]


def test_the_checks_find_what_they_look_for(tmp_path: Path) -> None:
    """The control: what is wrong in a document is seen."""
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](none.md) [b](#one-thing) [c](#two) [d](https://x.example)\n")
    assert broken_links(page, page.read_text()) == ["none.md", "#two"]
    assert list(commands("```sh\nmake demo # all\n\n# nothing\n```\n")) == [["make", "demo"]]
    assert faults(["make", "demo", "dmeo"]) == ["dmeo"]
    assert faults([".venv/bin/testbed", "rnu"]) == ["exit status 2"]
    assert faults(["sudo", "mn", "--custom", "topologies/none.py"]) == ["topologies/none.py"]
    assert faults(["frobnicate"]) == ["no test knows the command frobnicate"]
