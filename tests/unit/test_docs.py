"""What the documents say can be done: scenarios load, commands parse, links lead somewhere.

Whether it can be done in fact, tests/virtual/test_docs_run.py finds out.
"""

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documents.pages import PROJECT, Block, Command, Step, blocks, documents, slug, steps, title
from documents.running import EXAMPLE
from documents.table import Instead, treatment

from testbed.cli import main
from testbed.cli.parser import parser
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.pon import PonStandard, capacity_bps, limits
from testbed.scenario import load
from testbed.units import LENGTH, RATE

GUIDE = PROJECT / "docs" / "scenario-files.md"
DOCUMENTS = documents()

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def all_steps(wanted: Callable[[Step], bool]) -> list[Any]:
    return [
        pytest.param(page, step, id=f"{title(page)}:{step.line}")
        for page in DOCUMENTS
        for step in steps(page.read_text())
        if wanted(step)
    ]


def is_scenario(step: Step) -> bool:
    return step.saved is not None and step.saved.language == "yaml"


def faults(words: list[str]) -> list[str]:
    """What would keep a documented command from being understood."""
    words = words[1:] if words[0] == "sudo" else words
    program, arguments = Path(words[0]).name, words[1:]
    check = CHECKS.get(program)
    return check(arguments) if check else []


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
    """Programs and topologies of the project that are named and not there; others are the reader's own."""
    named = [each for each in arguments if re.match(r"(?:bench|tools|topologies|tests)/.*\.py$", each)]
    return [each for each in named if not (PROJECT / each).is_file()]


CHECKS: dict[str, Callable[[list[str]], list[str]]] = {
    "make": unknown_targets,
    "testbed": refused,
    "mn": missing_files,
    "python": missing_files,
}
"""What is known of programs that documents call: given the arguments, what is wrong with them."""


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


@pytest.mark.parametrize(("page", "step"), all_steps(is_scenario))
def test_every_scenario_of_the_documents_loads(page: Path, step: Step, tmp_path: Path) -> None:
    assert step.saved is not None
    # What a scenario names, such as a topology, stands on the same page.
    for each in (other.saved for other in steps(page.read_text()) if other.saved):
        if each.name:
            (tmp_path / each.name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / each.name).write_text(each.text)
    path = tmp_path / (step.saved.name or "documented.yaml")
    path.write_text(step.saved.text)
    assert load(str(path)).variants


@pytest.mark.parametrize(("page", "step"), all_steps(lambda step: step.command is not None))
def test_every_command_of_the_documents_is_understood(page: Path, step: Step) -> None:
    assert step.command is not None
    assert faults(step.command.words) == []
    how = treatment(step.command)
    if isinstance(how, Instead):
        assert faults(shlex.split(how.text)) == []


def python_blocks() -> list[Any]:
    return [
        pytest.param(block, id=f"{title(page)}:{block.line}")
        for page in DOCUMENTS
        for block in blocks(page.read_text())
        if block.language == "python"
    ]


@pytest.mark.parametrize("block", python_blocks())
def test_every_program_of_the_documents_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if "docs" in page.parts], ids=title)
def test_every_page_is_on_the_map(page: Path) -> None:
    the_map = PROJECT / "docs" / "README.md"
    linked = {
        (the_map.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(the_map.read_text())
    }
    assert page in {the_map, *linked}, f"add {title(page)} to docs/README.md"


@pytest.mark.parametrize("document", DOCUMENTS, ids=title)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document, document.read_text()) == []


def test_the_plans_of_the_documents_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    plans = [
        step.command.words[1:]
        for step in steps(GUIDE.read_text())
        if step.command and step.command.words[1] == "plan"
    ]
    assert [main(arguments) for arguments in plans] == [0] * len(plans)
    assert "network elastic_access" in capsys.readouterr().out
    assert plans


def test_pages_that_show_no_my_yaml_have_that_of_the_readme() -> None:
    assert "my.yaml" in {step.saved.name for step in steps(EXAMPLE.read_text()) if step.saved}


def section(heading: str) -> str:
    """The text below a heading of the guide to scenario files, up to the next one."""
    parts = re.split(r"^#+ (.+)$", GUIDE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def test_the_guide_has_the_capacity_and_limits_of_every_standard() -> None:
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
    assert faults(["make", "demo", "dmeo"]) == ["dmeo"]
    assert faults([".venv/bin/testbed", "rnu"]) == ["exit status 2"]
    assert faults(["sudo", "mn", "--custom", "topologies/none.py"]) == ["topologies/none.py"]
    with pytest.raises(LookupError, match="does not know 'frobnicate'"):
        treatment(Command(line=1, text="frobnicate"))
