"""The documents as what they tell a reader to do: files to save, commands to run, and what they print.

A fenced block says by its language what it is:

- `sh`: commands, one a line. A comment `# exit status 1` behind one says how it ends, if not with 0.
- `yaml`, `yml`, `toml`, `python`: a file. A first line that is a comment with a name, as in `# my.yaml`, is
  the name to save it under. Without one a `yaml` block is a whole scenario, a `python` block a program.
- `text output`: what the command or program before it prints, all of it or the lines that are listed
  (`text output 1-9 14`).

Nothing here runs anything; that is in `documents.running`.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w.-]+(?:/[\w.-]+)*\.\w+)\n")
_CODE = re.compile(r"""(?:'[^']*'|"[^"]*"|[^'"#]|(?<=\S)#)*""")
"""What stands before a comment: a # in quotes or within a word begins none."""
_STATUS = re.compile(r"#.*\bexit status (\d+)")
_FILES = ("yaml", "yml", "toml", "python")
LEFT_OUT = "…"
"""Stands between listed lines of an output that do not follow one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, what stands behind the language, its text, and the line it begins at."""

    language: str
    options: str
    text: str
    line: int

    @property
    def name(self) -> str | None:
        """The name to save it under, if its first line is one."""
        found = _NAME.match(self.text)
        return found[1] if found and self.language in _FILES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a step prints, as the document shows it."""

    block: Block

    def shown(self, printed: str) -> str:
        """The part of what was printed that is shown."""
        lines = [line.rstrip() for line in printed.rstrip().splitlines()]
        spans = re.findall(r"(\d+)(?:-(\d+))?", self.block.options)
        parts = [lines[int(first) - 1 : int(last or first)] for first, last in spans] or [lines]
        return f"\n{LEFT_OUT}\n".join("\n".join(part) for part in parts) + "\n"

    def agrees(self, printed: str) -> bool:
        """Whether it is that, but for what depends on the machine's speed."""
        return timeless(self.shown(printed)) == timeless(self.block.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a shell block on one line, and the exit status that it ends with.

    It is as the document has it, but for its comment and the folder of the virtual environment.
    """

    line: int
    text: str
    status: int = 0

    @property
    def words(self) -> list[str]:
        """As a shell splits it."""
        return shlex.split(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: a file to save, a command, or a program without a name, and what is printed then."""

    line: int
    saved: Block | None = None
    command: Command | None = None
    program: Block | None = None
    output: Output | None = None

    @property
    def title(self) -> str:
        """For messages."""
        if self.command:
            return self.command.text
        return f"the block {self.saved.name or ''}".rstrip() if self.saved else "the program"


def documents() -> list[Path]:
    """Every page of the project."""
    return sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def title(path: Path) -> str:
    """A page as messages name it: by its place in the project, or its bare name elsewhere."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else path.name


def blocks(text: str) -> list[Block]:
    """All fenced blocks with a language."""
    return [
        Block(
            language=found[1],
            options=found[2],
            text=found[3],
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def steps(text: str) -> list[Step]:
    """What a document has done, in its order.

    Raises:
        ValueError: An output stands where nothing was run before it.
    """
    found: list[Step] = []
    for block in blocks(text):
        if block.language == "sh":
            found += [Step(line=each.line, command=each) for each in _commands(block)]
        elif block.language == "text" and block.options.startswith(" output"):
            found.append(_with_output(found, block))
        elif block.language == "python" and block.name is None:
            found.append(Step(line=block.line, program=block))
        elif block.language in _FILES:
            found.append(Step(line=block.line, saved=block))
    return found


def is_named(name: str, found: list[Step]) -> bool:
    """Whether a command or another file says what is done with a file."""
    return any(
        (step.command is not None and name in step.command.words)
        or (step.program is not None and name in step.program.text)
        or (step.saved is not None and step.saved.name != name and f'"{name}"' in step.saved.text)
        for step in found
    )


def timeless(text: str) -> str:
    """A text without trailing spaces and without wall time."""
    text = re.sub(r"\d+(\.\d+)? s \(\d+\.\d+ wall seconds", "N s (N wall seconds", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def slug(heading: str) -> str:
    """A heading as the target of a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _code(line: str) -> str:
    found = _CODE.match(line)
    return found[0] if found else ""


def _with_output(found: list[Step], block: Block) -> Step:
    before = found.pop() if found else None
    if before is None or before.saved is not None or before.output is not None:
        raise ValueError(f"line {block.line}: nothing is run before this output")
    return Step(line=before.line, command=before.command, program=before.program, output=Output(block=block))


def _commands(block: Block) -> Iterator[Command]:
    text = ""
    for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
        text += line
        if text.endswith("\\"):
            text = text[:-1] + " "
            continue
        status = _STATUS.search(text)
        command = " ".join(_code(text).replace(".venv/bin/", "").split())
        if command:
            yield Command(line=number, text=command, status=int(status[1]) if status else 0)
        text = ""
