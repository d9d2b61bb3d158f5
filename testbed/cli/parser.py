"""The command line as argparse knows it: commands, options, and help with examples."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.scenario import shipped
from testbed.text import instead, nearest
from testbed.venue.registry import VENUES, default_venue
from testbed.venue.venue import STALL_LIMIT_S, WALL_LIMIT_S

_EXIT_STATUSES = """\
exit status: 0 all expectations hold, 1 one does not, 2 your file or command line, 3 a kernel refused or
died, 4 something needed is not there, 5 ended at a limit, 70 a defect of the testbed, 128 and its number
after a signal that ended it (130 after Ctrl-C, 143 after SIGTERM)"""


def parser() -> argparse.ArgumentParser:
    """The whole parser; each command sets `command` to its function's name in `testbed.cli.commands`."""
    top = _Parser(
        prog="testbed",
        description="Emulate an elastic access network, run a session over it and measure its delay.",
        epilog="examples:\n  testbed list\n  testbed run cloud_gaming\n  testbed check my.yaml\n\n"
        + _EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(command=None)
    top.add_argument("--version", action="version", version=f"testbed {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    _that_run(commands)
    _that_look(commands)
    return top


def _that_run(commands: Any) -> None:
    """The commands that run a network, and that report on it."""
    _run(_command(commands, "run", "run a scenario and report", [
        "testbed run cloud_gaming",
        "testbed run cloud_gaming --variant elastic --seed 3",
        "testbed run my.yaml --set network.parameters.onus=8 --out results --json",
        "testbed run cloud_gaming --live",
    ]))  # fmt: skip
    _sweep(_command(commands, "sweep", "run a scenario at every combination of values and seeds", [
        "testbed sweep cloud_gaming --set network.parameters.onus=8,16,32 --seeds 10",
        "testbed sweep my.yaml --set pon.model=frames,shaped_link --seeds 5 --jobs 2",
        "testbed sweep cloud_gaming --seeds 100 --scheduler tcp://cluster:8786",
    ]))  # fmt: skip
    _compare(_command(commands, "compare", "set finished runs side by side", [
        "testbed compare runs/cloud_gaming-7-20260101T120000 runs/cloud_gaming-7-20260101T130000",
        "testbed compare runs/before runs/after --out before_after.html",
    ]))  # fmt: skip
    _exec(_command(commands, "exec", "run a scenario with a program of yours on one of its hosts", [
        "testbed exec cloud_gaming home1 -- ping -c 3 10.2.0.1",
        "testbed exec my.yaml node1 --variant elastic --starts '1 s' -- irtt client 10.1.1.1",
    ]))  # fmt: skip
    _serve(_command(commands, "serve", "run a network in real time, with its API on this machine", [
        "testbed serve cloud_gaming",
        "testbed serve cloud_gaming --variant elastic --listen 127.0.0.1:9000",
        "testbed serve my.yaml --profiles my_profiles.yaml --tokens tokens.yaml --state sessions.db",
    ]))  # fmt: skip
    _report(_command(commands, "report", "report on a finished run again", [
        "testbed report runs/cloud_gaming-7-20260101T120000",
        "testbed report runs/cloud_gaming-7-20260101T120000 --csv tables",
    ]))  # fmt: skip


def _that_look(commands: Any) -> None:
    """All others: about files, kernels and what is on this machine."""
    _command(commands, "list", "the scenarios and topologies that come with it", ["testbed list"])
    check = _command(
        commands, "check", "check scenario files without running them", ["testbed check a.yaml b.yaml"]
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="scenario file, or the name of a shipped one")
    _scenario(
        _command(commands, "plan", "print the network of a scenario as text", ["testbed plan cloud_gaming"])
    )
    schema = _command(commands, "schema", "the JSON Schema of scenario files, for editors", [
        "testbed schema --out scenario.schema.json",
    ])  # fmt: skip
    schema.add_argument("--out", type=Path, metavar="FILE", help="write it there (default: print it)")
    _kernel(_command(commands, "kernel", "the embedded kernel, and a module for this machine's", [
        "testbed kernel build",
        "testbed kernel info",
        "sudo testbed kernel module --load",
    ]))  # fmt: skip
    _command(commands, "clean", "remove what crashed runs on the host venue left", ["sudo testbed clean"])
    shell = _command(commands, "shell", "Mininet's command line on a scenario's network", [
        "testbed shell cloud_gaming",
    ])  # fmt: skip
    _scenario(shell)
    shell.add_argument(
        "--venue", choices=tuple(VENUES), default=default_venue(), help="where (default: virtual)"
    )


class _Parser(argparse.ArgumentParser):
    """Says where help is, beside what was wrong and what was probably meant."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse, and with the choice that was probably meant."""
        choices = None if action.choices is None else [str(choice) for choice in action.choices]
        if choices is not None and value not in choices and (meant := nearest(str(value), choices)):
            raise argparse.ArgumentError(action, f"there is no {value!r}; did you mean {meant!r}?")
        super()._check_value(action, value)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but every command refuses what it does not know itself, knowing its own options."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [option for option in self._option_string_actions if option.startswith("--")]
            self.error(f"unknown argument {unknown[0]!r}; {instead(unknown[0], options)}")
        return found, unknown

    def error(self, message: str) -> Any:
        self.exit(2, f"error: {message}\nTry `{self.prog} --help`.\n")


def _command(commands: Any, name: str, help_text: str, examples: list[str]) -> argparse.ArgumentParser:
    lines = "\n".join(f"  {example}" for example in examples)
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(command=name)
    return made


def _scenario(command: argparse.ArgumentParser) -> None:
    _one_scenario(command)
    command.add_argument(
        "--variant", action="append", default=[], metavar="V", help="only this variant; repeatable"
    )


def _one_scenario(command: argparse.ArgumentParser) -> None:
    named: Any = command.add_argument(
        "scenario", help="scenario file, or the name of a shipped one (see testbed list)"
    )
    named.completer = _complete_scenario
    command.add_argument("--seed", type=int, metavar="N", help="instead of the scenario's own seed")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a value of the scenario, as in network.parameters.onus=8; repeatable",
    )  # fmt: skip


def _run(command: argparse.ArgumentParser) -> None:
    _scenario(command)
    command.add_argument(
        "--venue", choices=tuple(VENUES), default=default_venue(),
        help="the embedded kernel in virtual time (default), or this machine's in real time",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="run directory (default: a new one below runs/)"
    )
    _force(command)
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    command.add_argument(
        "--live", action="store_true",
        help="show rates, delays, channels, jobs and events while it runs; an error if standard error is "
        "no terminal; the results are the same with and without it",
    )  # fmt: skip
    _limits(command)


def _limits(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--wall-limit", type=_seconds, default=WALL_LIMIT_S, metavar="S",
        help="longest wall time of a variant, in seconds (default: %(default)g)",
    )  # fmt: skip
    command.add_argument(
        "--stall-limit", type=_seconds, default=STALL_LIMIT_S, metavar="S",
        help="longest that a variant may compute while virtual time stands still, in seconds of CPU time, "
        "which other work of the machine does not use up (default: %(default)g)",
    )  # fmt: skip


def _force(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--force", action="store_true",
        help="with --venue host: run it even if this machine cannot carry it in real time",
    )  # fmt: skip


def _exec(command: argparse.ArgumentParser) -> None:
    command.usage = "%(prog)s [options] scenario host -- COMMAND [ARGUMENT ...]"
    _one_scenario(command)
    command.add_argument("host", help="the host that it runs on, as the scenario's network names it")
    command.add_argument("program", nargs="+", metavar="-- COMMAND", help="the program and its arguments")
    command.add_argument("--variant", metavar="V", help="which variant (default: the first)")
    command.add_argument(
        "--starts", default="0 s", metavar="T", help="when it is started (default: %(default)s)"
    )
    command.add_argument(
        "--venue", choices=tuple(VENUES), default=default_venue(), help="where (default: virtual)"
    )
    _force(command)
    _limits(command)
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="keep the run directory there (default: it is removed)"
    )


def _sweep(command: argparse.ArgumentParser) -> None:
    named: Any = command.add_argument(
        "scenario", help="scenario file, or the name of a shipped one (see testbed list)"
    )
    named.completer = _complete_scenario
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=V,V", dest="settings",
        help="give a value of the scenario each of these in turn; lists are put in [], what has a "
        "comma in quotes; repeatable, for all combinations",
    )  # fmt: skip
    command.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="run each with so many seeds (default: %(default)d)"
    )
    command.add_argument("--seed", type=int, metavar="N", help="the first seed (default: the scenario's own)")
    command.add_argument(
        "--variant", action="append", default=[], metavar="V", help="only this variant; repeatable"
    )
    command.add_argument(
        "--jobs", type=int, metavar="N", help="runs at a time (default: as many as there are processors)"
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="hand the runs to the Dask cluster of this scheduler"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR",
        help="the sweep's directory (default: below runs/, the same for the same sweep); one that was begun "
        "is carried on",
    )  # fmt: skip
    _limits(command)


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("runs", nargs="+", metavar="RUN", help="run directory; the first is the measure")
    command.add_argument(
        "--out", type=Path, default=Path("compare.html"), metavar="FILE",
        help="where to write the page (default: %(default)s)",
    )  # fmt: skip


def _serve(command: argparse.ArgumentParser) -> None:
    _one_scenario(command)
    command.add_argument("--variant", metavar="V", help="which variant (default: the first)")
    command.add_argument(
        "--venue", choices=tuple(VENUES), default=default_venue(),
        help="the embedded kernel without virtual time (default), or this machine's kernel",
    )  # fmt: skip
    _force(command)
    command.add_argument(
        "--listen", default="127.0.0.1:8080", metavar="HOST:PORT",
        help="where the API is (default: %(default)s); port 0 takes any that is free",
    )  # fmt: skip
    command.add_argument(
        "--profiles", type=Path, metavar="FILE", help="QoS profiles (default: those that are shipped)"
    )
    command.add_argument(
        "--tokens", type=Path, metavar="FILE", help="who may call (default: a token made for this time)"
    )
    command.add_argument("--state", type=Path, metavar="FILE", help="keep sessions here over a restart")
    command.add_argument(
        "--allow-sink", action="append", default=[], metavar="HOST",
        help="a host, address or network that events may be sent to (default: none); repeatable",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="run directory (default: a new one below runs/)"
    )


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", metavar="RUN", help="run directory, or its name below runs/")
    command.add_argument("--csv", type=Path, metavar="DIR", help="also write the tables as CSV files there")
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def _kernel(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _command(actions, "build", "build the embedded kernel if need be", ["testbed kernel build"])
    _command(actions, "info", "tell which embedded kernel there is", ["testbed kernel info"])
    module = _command(actions, "module", "build sch_pon and sch_fabric for --venue host", [
        "testbed kernel module",
        "sudo testbed kernel module --load",
        "testbed kernel module --headers /usr/src/linux-headers-6.12.117+deb12-amd64",
    ])  # fmt: skip
    module.add_argument("--load", action="store_true", help="load it into the kernel that runs, as root")
    module.add_argument(
        "--headers",
        type=Path,
        metavar="DIR",
        help="the kernel's headers (default: those of the one that runs)",
    )
    for action in actions.choices.values():
        action.set_defaults(command="kernel")


def _seconds(text: str) -> float:
    """A limit of time, which must be some.

    Raises:
        argparse.ArgumentTypeError: It is no number, or none above 0.
    """
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return found


def _complete_scenario(prefix: str, **_: Any) -> list[str]:
    from argcomplete.completers import FilesCompleter

    files: Callable[[str], list[str]] = FilesCompleter(("yaml", "yml"))
    return [name for name in shipped() if name.startswith(prefix)] + list(files(prefix))
