"""The reference of the command line: every command with its arguments and options, from the parser."""

import argparse
from collections.abc import Iterator

from documents.tables import table
from testbed.cli.parser import parser

INTRODUCTION = """\
# Reference: commands

Every command has `--help`, with examples. [Exit statuses](results.md#exit-statuses) tell how it ended.
"""


def page() -> str:
    """The whole page."""
    commands = dict(_commands(parser(), ()))
    rows = [
        (f"[`{' '.join(words)}`](#{'-'.join(words)})", command.description or "")
        for words, command in commands.items()
    ]
    sections = [_written(" ".join(words), command) for words, command in commands.items()]
    return "\n".join([INTRODUCTION, table(("Command", "What it does"), rows), *sections])


def _commands(
    command: argparse.ArgumentParser, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command that does something, by the words that call it."""
    below = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    if words and not below:
        yield words, command
    for action in below:
        for name, each in action.choices.items():
            yield from _commands(each, (*words, name))


def _written(name: str, command: argparse.ArgumentParser) -> str:
    rows = [_row(action) for action in command._actions if not isinstance(action, argparse._HelpAction)]
    options = table(("Argument", "Meaning"), rows) if rows else "It takes no arguments.\n"
    return f"## `{name}`\n\n{command.description}\n\n{options}"


def _row(action: argparse.Action) -> tuple[str, str]:
    meaning = (action.help or "") % vars(action)
    if not action.option_strings:
        several = " …" if action.nargs == "+" else ""
        return f"`{action.metavar or action.dest}{several}`", meaning
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    shown = "" if action.nargs == 0 else f" {value}"
    return f"`{action.option_strings[0]}{shown}`", meaning
