"""What each command does; each takes its options and returns the exit status."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable

from testbed.cli.interrupts import held, keys_for_child, unwinding
from testbed.cli.live import LiveView, require_terminal
from testbed.cli.opening import opened
from testbed.cli.progress import ProgressView
from testbed.cli.running import plan_texts, run_scenario
from testbed.errors import EXPECTATION_FAILED, ScenarioError
from testbed.record.guest_files import temporary_folder
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile, load
from testbed.venue.registry import find_venue
from testbed.venue.venue import SCENARIO_FILE, Variant


def run(options: argparse.Namespace) -> int:
    """`testbed run`."""
    if options.live:
        require_terminal(sys.stderr)
    scenario_file = _loaded(options)
    title = f"{scenario_file.name}, {options.venue} venue"
    with (
        unwinding(),
        LiveView(title, [*scenario_file.variants]) if options.live else ProgressView() as view,
    ):
        run_directory = run_scenario(
            scenario_file,
            venue=options.venue,
            out=options.out,
            settings=options.settings,
            show=view,
            begun=view.begun,
            wall_limit_s=options.wall_limit,
            stall_limit_s=options.stall_limit,
            force=options.force,
        )
    try:
        return _reported(run_directory, as_json=options.json)
    except KeyboardInterrupt as interruption:
        interruption.add_note(f"the run is whole, and `testbed report {run_directory.path}` reports on it")
        raise


def show_help(_options: argparse.Namespace) -> int:
    """`testbed` without a command: what there is, and the status of a command line that is at fault."""
    from testbed.cli.parser import parser

    parser().print_help(sys.stderr)
    return ScenarioError.exit_status


def list_shipped(options: argparse.Namespace) -> int:
    """`testbed list`."""
    from testbed.cli.shipped import show

    return show(options)


def check(options: argparse.Namespace) -> int:
    """`testbed check`: every file is looked at, whatever the others are."""
    status = 0
    for name in options.files:
        try:
            print(load(name).summary())
        except ScenarioError as error:
            print(error, file=sys.stderr)
            status = error.exit_status
    return status


def plan(options: argparse.Namespace) -> int:
    """`testbed plan`."""
    print(plan_texts(_loaded(options)), end="")
    return 0


def schema(options: argparse.Namespace) -> int:
    """`testbed schema`."""
    from testbed.scenario.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2)
    if options.out is None:
        print(text)
        return 0
    try:
        options.out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"--out {options.out}: cannot be written: {error.strerror}") from error
    return 0


def serve(options: argparse.Namespace) -> int:
    """`testbed serve`."""
    # The web framework is loaded by those who serve, not by those who check a file.
    from testbed.cli.serve import serve as serve_scenario

    return serve_scenario(options)


def sweep(options: argparse.Namespace) -> int:
    """`testbed sweep`."""
    from testbed.cli.sweep import sweep as sweep_scenario

    return sweep_scenario(options)


def compare(options: argparse.Namespace) -> int:
    """`testbed compare`."""
    from testbed.cli.compare import compare as compare_runs

    return compare_runs(options)


def report(options: argparse.Namespace) -> int:
    """`testbed report`."""
    with opened([options.run]) as (run_directory,):
        status = _reported(run_directory, as_json=options.json)
        if options.csv:
            from testbed.report import to_csv

            with unwinding():
                for path in to_csv(run_directory, options.csv):
                    print(f"wrote {path}", file=sys.stderr)
    return status


def kernel(options: argparse.Namespace) -> int:
    """`testbed kernel build`, `testbed kernel info` and `testbed kernel module`."""
    from testbed.venue import kernel as kernels
    from testbed.venue.steps import StepPrinter

    if options.action == "module":
        with unwinding():
            return _module(options)
    if options.action == "build":
        printer = StepPrinter(sys.stderr)
        with unwinding():
            try:
                kernels.build(printer)
            finally:
                printer.end()
    print(kernels.info())
    return 0


def _module(options: argparse.Namespace) -> int:
    """Build our disciplines for this machine's kernel or another one, and load them if asked to."""
    from testbed.venue import module
    from testbed.venue.steps import StepPrinter

    headers = module.headers_in(options.headers) if options.headers else module.headers_of_this_kernel()
    if options.load:
        module.require_loadable(headers)
    printer = StepPrinter(sys.stderr)
    try:
        built = module.build(headers, printer)
    finally:
        printer.end()
    for path in built.paths:
        print(f"module   {path}")
    print(f"kernel   Linux {built.release}")
    if options.load:
        module.load(built)
        print("loaded   until the next boot")
    else:
        where = "" if built.release == os.uname().release else f", on a machine that runs {built.release}"
        for path in built.paths:
            print(f"to load  sudo insmod {shlex.quote(str(path))}{where}; it stays until the next boot")
    return 0


def execute(options: argparse.Namespace) -> int:
    """`testbed exec`."""
    from testbed.cli.execute import execute as execute_program

    return execute_program(options)


def clean(_options: argparse.Namespace) -> int:
    """`testbed clean`."""
    from testbed.net.ledger import clean as clean_ledger
    from testbed.net.ledger import is_under_way, ledger_folder

    ledgers = sorted(ledger_folder().glob("*.jsonl"))
    for path in ledgers:
        if is_under_way(path):
            print(f"run {path.stem}: is under way, and left alone")
            continue
        ended = clean_ledger(path)
        print(f"run {path.stem}: ended {len(ended)} processes")
    if not ledgers:
        print("nothing to clean: no run on this machine left a ledger behind")
    return 0


def shell(options: argparse.Namespace) -> int:
    """`testbed shell`."""
    scenario_file = _loaded(options)
    variant = next(iter(scenario_file.variants))
    with unwinding(), temporary_folder("testbed-shell-") as folder:
        (folder / SCENARIO_FILE).write_text(scenario_file.text, encoding="utf-8")
        seed = scenario_file.variants[variant].seed
        shown = Variant(folder=folder, name=variant, seed=seed)
        return find_venue(options.venue).shell(shown, keys_for_child)


def _loaded(options: argparse.Namespace) -> ScenarioFile:
    return load(options.scenario, seed=options.seed, settings=options.settings, variants=options.variant)


def _reported(run_directory: RunDirectory, *, as_json: bool) -> int:
    """Write the report, print it, and judge: 0 if all expectations hold, else 1."""
    with held():
        from rich.console import Console

        from testbed.report import all_hold, print_table, write

    with unwinding():
        summary = write(run_directory)
    if as_json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        print_table(summary, Console())
    return 0 if all_hold(summary) else EXPECTATION_FAILED


_TELLING = frozenset({None, "list", "check", "plan", "schema", "report", "compare"})
"""Commands whose purpose is what they print."""


def only_tells(options: argparse.Namespace) -> bool:
    """Whether a command has failed if what it prints cannot be written; all others keep their results."""
    return options.command in _TELLING or (options.command == "kernel" and options.action == "info")


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "list": list_shipped,
    "check": check,
    "plan": plan,
    "schema": schema,
    "serve": serve,
    "report": report,
    "sweep": sweep,
    "compare": compare,
    "kernel": kernel,
    "exec": execute,
    "clean": clean,
    "shell": shell,
}
