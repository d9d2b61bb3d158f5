"""How a document is done as it says: what is a file, what is run, what is compared, and what is told."""

from pathlib import Path

import pytest
from documents import running
from documents.pages import Command, blocks, is_named, steps
from documents.running import follow
from documents.table import AsItStands, Elsewhere, Instead, Left, Served, treatment

import docs

PAGE = """\
# A page

```python
# made/say.py
print("said")
```

```sh
python made/say.py            # exit status 0: "it's fine"
grep -c '#' made/say.py && cat \\
  made/say.py
python none.py                # exit status 2: there is no such file
```

```python
print("one\\ntwo\\nthree")
print("4.0 s of virtual time in 0.5 s (0.12 wall seconds per virtual second)")
```

```text output 1-2 4
one
two
…
4.0 s of virtual time in 99.9 s (24.98 wall seconds per virtual second)
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_commands_are_told_from_comments_and_continued_lines_from_new_ones() -> None:
    found = [step.command for step in steps(PAGE) if step.command]
    assert [command.text for command in found] == [
        "python made/say.py",
        "grep -c '#' made/say.py && cat made/say.py",
        "python none.py",
    ]
    assert [command.status for command in found] == [0, 0, 2]
    assert [PAGE.splitlines()[command.line - 1].split()[0] for command in found] == [
        "python",
        "made/say.py",
        "python",
    ]


def test_a_first_line_with_a_name_makes_a_file_of_a_block() -> None:
    text = (
        "```yaml\n# a.yaml\nx: 1\n```\n```yaml\n# not a name\n```\n```yml\nx: 1\n```\n```text\n# b.txt\n```\n"
    )
    assert [block.name for block in blocks(text)] == ["a.yaml", None, None, None]


def test_a_file_that_nothing_names_is_not_run_by_its_name() -> None:
    found = steps("```yaml\n# a.yaml\nx: 1\n```\n```sh\ntestbed check b.yaml\n```\n")
    assert is_named("b.yaml", found)
    assert not is_named("a.yaml", found)


def test_a_page_is_done_in_its_order_and_its_outputs_agree(page: Path, folder: Path) -> None:
    course = follow(page, folder)
    assert course.faults == []
    [(output, printed)] = course.printed
    assert printed.splitlines()[2] == "three"
    assert output.agrees(printed)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("python none.py ", "page.md:12: python none.py: exit status 2, not 0"),
        ("python made/say.py  # exit status 3", "page.md:9: python made/say.py: exit status 0, not 3"),
        ("frobnicate", "documents/table.py does not know 'frobnicate'"),
    ],
)
def test_a_command_that_ends_otherwise_or_is_unknown_is_a_fault(
    page: Path, folder: Path, wrong: str, told: str
) -> None:
    lines = PAGE.splitlines()
    line = 11 if "none" in wrong else 8
    lines[line] = wrong
    page.write_text("\n".join(lines) + "\n")
    [fault] = follow(page, folder).faults
    assert told in fault


def test_an_output_that_is_another_now_is_seen_and_put_right(page: Path, folder: Path) -> None:
    page.write_text(PAGE.replace("one\ntwo\n…", "one\nzwei\n…"))
    course = follow(page, folder)
    assert course.faults == []
    assert [output.agrees(printed) for output, printed in course.printed] == [False]
    renewed = docs.renewed(page.read_text(), course)
    assert "one\ntwo\n…\n4.0 s of virtual time in 0.5 s" in renewed
    assert renewed.partition("```text")[0] == PAGE.partition("```text")[0]


def test_an_output_before_anything_was_run_is_refused() -> None:
    with pytest.raises(ValueError, match="line 4: nothing is run before this output"):
        steps("```yaml\nx: 1\n```\n```text output\nx\n```\n")


def test_an_output_of_what_is_not_run_here_is_a_fault(page: Path, folder: Path) -> None:
    page.write_text("```sh\nmake test\n```\n\n```text output\nall is well\n```\n")
    [fault] = follow(page, folder).faults
    assert "has an output, and is not run here" in fault


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MOST_S", 0.2)
    page.write_text("```sh\ncat < /dev/zero > /dev/null\n```\n")
    [fault] = follow(page, folder).faults
    assert "exit status -9, not 0" in fault
    assert "stopped after 0.2 s" in fault


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("testbed run my.yaml", AsItStands),
        ("testbed serve my.yaml --venue host", Served),
        ("make demo", Elsewhere),
        ("sudo testbed run x.yaml --venue host", Elsewhere),
        ("make check", Left),
        ("python bench/build.py", Instead),
    ],
)
def test_every_command_has_one_treatment(text: str, kind: type) -> None:
    assert isinstance(treatment(Command(line=1, text=text)), kind)
