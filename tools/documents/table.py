"""What becomes of each command of the documents: run as it stands, shortened, or run elsewhere, and why.

Every command is run as it stands, in the order of its page, unless its line is here. A command of a
program that is neither in `RUN` nor here is a fault, so that nothing is left out by accident.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from documents.pages import Command

RUN = ("testbed", "python", "pytest", "ls", "cat", "grep")
"""Programs whose commands are run as they stand."""


@dataclass(frozen=True, slots=True)
class AsItStands:
    """Run without a change."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Run with another line in its place, which does the same and is over sooner."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Served:
    """Started on any free port, waited for until it serves, and interrupted."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Run by a test of its own."""

    test: str

    @property
    def reason(self) -> str:
        """For those who read what was left out."""
        return f"run by {self.test}"


@dataclass(frozen=True, slots=True)
class Left:
    """Not run by any test."""

    reason: str


Treatment = AsItStands | Instead | Served | Elsewhere | Left

_SUITE = Left("runs the suite that this belongs to")

TABLE: dict[str, Treatment] = {
    "make demo": Elsewhere("tests/virtual/test_docs_run.py"),  # as `testbed run cloud_gaming`, of README.md
    "make setup": Elsewhere("tests/unit/test_venue_setup.py"),
    "make check": _SUITE,
    "make test": _SUITE,
    "python -m pytest tests/*": _SUITE,
    "pip install -e .": Instead(
        "python -m pip install --quiet --no-index --no-deps --no-build-isolation --target . .",
        "leaves this environment as it is: the current folder is on the path as well",
    ),
    "ruff format *": Left("checks the files of the whole project, as `make check` does"),
    "python tools/reference.py": Elsewhere("tests/unit/test_docs_reference.py"),
    "python tools/docs.py *": Left("does a page as it says, as this does"),
    "pytest test_delay.py": Elsewhere("tests/virtual/test_pytest_plugin_run.py"),
    "testbed run * --live": Elsewhere("tests/virtual/test_live_run.py"),
    "curl *": Elsewhere("tests/virtual/test_live_page.py"),
    "testbed run my.yaml --json": Elsewhere("tests/virtual/test_docs_run.py"),  # both on the page README.md
    "testbed serve *": Served(),
    "testbed shell *": Elsewhere("tests/virtual/test_venue_terminal.py"),
    "testbed run dba_classes": Elsewhere("tests/virtual/test_pon_scenarios.py"),
    "testbed run channel_scenes": Elsewhere("tests/virtual/test_channel_scenarios.py"),
    "testbed run render_failover": Elsewhere("tests/virtual/test_failover.py"),
    "testbed sweep * --scheduler tcp://*": Elsewhere("tests/virtual/test_sweep_run.py"),
    "python bench/fidelity.py": Instead(
        "python bench/fidelity.py --only restoration", "all groups take minutes"
    ),
    "python bench/pon_scale.py": Left("has no smaller setting, and takes minutes"),
    "python bench/resize.py": Elsewhere("tests/virtual/test_resize_many.py"),
    "python bench/channel_sharing.py": Instead(
        "python bench/channel_sharing.py 100 --repeat 1", "10,000 channels take a minute"
    ),
    "python bench/build.py": Instead("python bench/build.py --hosts 8", "384 hosts take minutes"),
    "python bench/placement.py": Instead(
        "python bench/placement.py --quick | grep '^optimal '",
        "800,000 nodes take minutes; its exit status is about this machine's speed, its last line is not",
    ),
    "sudo testbed kernel module --load": Elsewhere("tests/kernel/test_module_compiles.py"),
    "sudo testbed run * --venue host": Elsewhere("tests/virtual/test_host_runs.py"),
    "sudo testbed clean": Elsewhere("tests/virtual/test_host_life.py"),
    "vagrant up && *": Elsewhere("tests/slow/test_vagrant_provision.py"),
    "vagrant ssh *": Elsewhere("tests/slow/test_vagrant_provision.py"),
    "python bench/host_distance.py": Instead(
        "python bench/host_distance.py --seconds 2", "ten seconds in each of two variants take a minute"
    ),
    "sudo mn *": Elsewhere("tests/virtual/test_mininet.py"),
}
"""By the line of the command, where `*` stands for anything."""


def treatment(command: Command) -> Treatment:
    """What is done about a command.

    Raises:
        LookupError: Nobody has said what is to be done about it.
    """
    for line, how in TABLE.items():
        if fnmatchcase(command.text, line):
            return how
    program = command.text.split()[0]
    if program in RUN:
        return AsItStands()
    raise LookupError(f"line {command.line}: documents/table.py does not know {program!r}: {command.text}")
