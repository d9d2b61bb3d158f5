"""The command line: help with examples, hints for what was meant, and the exit status of every outcome."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from example_install import install, lies_on_the_path

from testbed.cli import INTERRUPTED, commands, main
from testbed.cli.commands import COMMANDS
from testbed.cli.parser import parser
from testbed.errors import InvariantError, KernelError, NotReadyError, ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.scenario import shipped, shipped_topologies
from testbed.venue import host, module
from testbed.venue.pon_trial import FEATURE

REJECTED = Path(__file__).parents[1] / "golden" / "rejected"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """The status with which the parser ends the program, and what it says."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    assert output.out == ""
    return ended.value.code, output.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_examples_that_parse(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    lines = [line.split() for line in examples.splitlines() if line.strip()]
    assert lines
    for line in lines:
        words = line[1:] if line[0] == "sudo" else line
        assert words[:2] == ["testbed", command]
        assert parser().parse_args(words[1:]).command == command


def test_the_program_s_own_help_lists_all_commands_and_exit_statuses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert [command for command in COMMANDS if f"\n    {command} " not in text] == []
    assert "exit status: 0 all expectations hold, 1 one does not" in text


def test_every_command_of_the_parser_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    _, message = refused(["no-such-command"], capsys)
    for command in COMMANDS:
        assert f"'{command}'" in message


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["rum"], "there is no 'rum'; did you mean 'run'?"),
        (["frobnicate"], "Try `testbed --help`."),
        (["run"], "Try `testbed run --help`."),
        (["run", "cloud_gaming", "--sede", "3"], "did you mean '--seed'?"),
        (["run", "cloud_gaming", "--vanue", "host"], "did you mean '--venue'?"),
        (["run", "cloud_gaming", "--venue", "moon"], "(choose from"),
        (["run", "cloud_gaming", "--seed", "x"], "--seed: invalid int value: 'x'"),
        (["check", "--json", "a.yaml"], "unknown argument '--json'"),
        (["run", "cloud_gaming", "--wall-limit", "-3"], "'-3' is not a number of seconds above 0"),
        (["sweep", "cloud_gaming", "--wall-limit", "soon"], "'soon' is not a number of seconds above 0"),
        (["kernel", "destroy"], "(choose from"),
        (["kernel", "biuld"], "did you mean 'build'?"),
        (["kernel"], "Try `testbed kernel --help`."),
        (["kernel", "build", "--load"], "unknown argument '--load'"),
        (["kernel", "module", "--header", "x", "--lod"], "did you mean '--load'?"),
        (["plan", "cloud_gaming", "another"], "unknown argument 'another'"),
    ],
)
def test_what_the_parser_does_not_know_ends_with_status_2_and_a_hint(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, message = refused(arguments, capsys)
    assert status == 2
    assert message.startswith("error: ")
    assert hint in message
    assert "Try `testbed" in message


def test_without_a_command_the_help_is_shown_and_the_status_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "testbed run cloud_gaming" in output.err


def test_the_list_has_all_that_is_shipped_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ")}
    assert list(named) == [*shipped(), *shipped_topologies()]
    assert all(len(words) > 3 for words in named.values())


def test_the_list_names_what_other_packages_bring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("acme", "other"):
        points = {"testbed.channel_policies": {"stepwise": "acme_policy", f"of_{name}": "acme_policy"}}
        install(tmp_path / name, {}, points, name=name)
        lies_on_the_path(monkeypatch, tmp_path / name)
    assert main(["list"]) == 0
    _, _, brought = capsys.readouterr().out.partition("Installed, from other packages:\n")
    assert brought.splitlines() == [
        "  channel policy of_acme, of acme 3.1",
        "  channel policy of_other, of other 3.1",
        "  channel policy stepwise: acme 3.1 and other 3.1 both bring a channel policy 'stepwise'; "
        "uninstall one of them",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["home9", "--", "true"], "host: 'home9' is no host of elastic_access; did you mean 'home4'?"),
        (["home1", "--starts", "3", "--", "true"], "starts: '3' has no unit; "),
        (
            ["home1", "--starts", "300 s", "--", "true"],
            "starts: 5 min is not before the scenario's end at 32 s",
        ),
        (["home1", "--set", "sead=3", "--", "true"], "--set sead=3: sead: unknown key; did you mean 'seed'?"),
    ],
)
def test_what_is_wrong_with_a_program_for_exec_is_told_by_its_argument(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exec", "cloud_gaming", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {told}")


def test_every_shipped_scenario_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *shipped()]) == 0
    output = capsys.readouterr()
    assert [line.partition(":")[0] for line in output.out.splitlines()] == shipped()
    assert output.err == ""


def test_a_wrong_file_is_status_2_and_its_message_names_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(REJECTED / "key_misspelt.yaml")]) == 2
    output = capsys.readouterr()
    assert "key_misspelt.yaml:" in output.err
    assert output.out == ""


def test_a_wrong_file_does_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(REJECTED / "key_misspelt.yaml"), "cloud_gaming", str(REJECTED / "unit_missing.yaml")]
    assert main(["check", *files]) == 2
    output = capsys.readouterr()
    assert output.out.startswith("cloud_gaming: ")
    assert "key_misspelt.yaml:" in output.err
    assert "unit_missing.yaml:" in output.err


def test_a_scenario_that_does_not_exist_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "cloud_gamming"]) == 2
    assert "cloud_gaming" in capsys.readouterr().err


def test_a_plan_is_printed_and_follows_what_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "cloud_gaming"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("variants best_effort, elastic\nnetwork elastic_access: 17 nodes")
    assert main(["plan", "cloud_gaming", "--set", "network.parameters.onus=5"]) == 0
    assert "network elastic_access: 19 nodes" in capsys.readouterr().out


def test_a_setting_that_cannot_be_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "cloud_gaming", "--set", "network.parameters.onuss=5"]) == 2
    assert "onus" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"), [(ScenarioError, 2), (KernelError, 3), (NotReadyError, 4), (InvariantError, 70)]
)
def test_every_error_of_ours_is_one_line_and_its_status(
    error: type[Exception], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> int:
        raise error("it could not be; do this")

    monkeypatch.setitem(commands.COMMANDS, "clean", fail)
    assert main(["clean"]) == status
    assert capsys.readouterr().err == "error: it could not be; do this\n"


def test_an_interrupted_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.COMMANDS, "clean", interrupt)
    assert main(["clean"]) == INTERRUPTED
    assert "nothing is left running" in capsys.readouterr().err


def test_what_nobody_has_foreseen_is_a_line_and_a_file_with_the_details(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> int:
        raise KeyError("no such thing\nand more of it")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(commands.COMMANDS, "clean", fail)
    assert main(["clean"]) == 70
    said = capsys.readouterr().err
    (details,) = tmp_path.iterdir()
    assert said == (
        f"error: a defect of the testbed: KeyError: 'no such thing\\nand more of it'; its traceback is in "
        f"{details}, please report it\n"
    )
    assert "in fail" in details.read_text()
    monkeypatch.setenv("TESTBED_DEBUG", "1")
    assert main(["clean"]) == 70
    assert "in fail" in capsys.readouterr().err
    monkeypatch.delenv("TESTBED_DEBUG")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert main(["clean"]) == 70
    assert "in fail" in capsys.readouterr().err


def module_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: str) -> tuple[int, list[str]]:
    """The status of `testbed kernel module`, and what it did: the module itself is not built."""
    done = []
    paths = (tmp_path / "sch_pon.ko", tmp_path / "sch_fabric.ko")
    built = module.Modules(paths=paths, release=os.uname().release)
    monkeypatch.setattr(
        module, "require_loadable", lambda headers: done.append(f"may load {headers.release}")
    )
    monkeypatch.setattr(module, "build", lambda headers, _show: done.append(str(headers.folder)) or built)
    monkeypatch.setattr(module, "load", lambda loaded: done.append(f"load {len(loaded.paths)}"))
    return main(["kernel", "module", *options]), done


def test_a_module_is_built_for_the_kernel_that_runs_and_how_to_load_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = os.uname().release
    assert module_command(monkeypatch, tmp_path) == (0, [f"/lib/modules/{release}/build"])
    said = capsys.readouterr().out
    assert f"Linux {release}" in said
    for name in ("sch_pon", "sch_fabric"):
        assert f"sudo insmod {tmp_path}/{name}.ko; it stays until the next boot" in said


def test_a_module_is_loaded_if_asked_for_once_it_is_known_that_it_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, done = module_command(monkeypatch, tmp_path, "--load")
    assert (status, done[0], done[-1]) == (0, f"may load {os.uname().release}", "load 2")
    assert "loaded   until the next boot" in capsys.readouterr().out


def test_headers_that_are_none_are_status_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernel", "module", "--headers", str(tmp_path)]) == 4
    assert "has no kernel headers" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["frames", "shaped_link"])
def test_a_run_on_the_host_tries_sch_pon_if_and_only_if_a_pon_is_in_frames(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def lacks_all_that_is_asked(trials: Mapping[str, str]) -> None:
        tried.extend(trials)
        raise KernelError("it lacks all of it")

    monkeypatch.setattr(host, "require", lacks_all_that_is_asked)
    # Refused before there is a run directory.
    monkeypatch.setattr(RunDirectory, "create", pytest.fail)
    assert main(["run", "cloud_gaming", "--venue", "host", "--set", f"pon.model={model}"]) == 3
    assert capsys.readouterr().err == "error: it lacks all of it\n"
    assert tried == ([FEATURE] if model == "frames" else [])
    assert "`sudo testbed kernel module --load`, or set pon.model to shaped_link" in FEATURE


def test_nothing_to_clean_is_said_and_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["clean"]) == 0
    assert "nothing to clean" in capsys.readouterr().out


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_checking_a_file_loads_none_of_the_heavy_parts() -> None:
    """They are what makes a command line slow, and `check` must work where Mininet is not."""
    heavy = ["mininet", "pyroute2", "scapy", "numpy", "pandas", "plotly", "pyarrow"]
    code = (
        "import json, sys; from testbed.cli import main; status = main(['check', 'cloud_gaming'])\n"
        f"print(json.dumps([status, sorted(set({heavy}) & set(sys.modules))]))"
    )
    done = python(code)
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_importing_the_package_loads_no_part_of_it() -> None:
    done = python("import sys, testbed; print([name for name in sys.modules if name.startswith('testbed.')])")
    assert done.stdout == "[]\n"


def test_output_that_nobody_reads_to_the_end_is_no_error() -> None:
    """As in `testbed plan cloud_gaming | head -1`."""
    code = "import sys; from testbed.cli import main; sys.exit(main(['plan', 'cloud_gaming']))"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (0, b"")


def test_the_shell_is_told_which_words_fit() -> None:
    line = "testbed run cloud"
    code = "from testbed.cli import main; main()"
    done = subprocess.run(
        ["bash", "-c", f'exec 8>&1 9>/dev/null; {sys.executable} -c "{code}" 2>/dev/null'],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_SHELL": "bash",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
            "_ARGCOMPLETE_IFS": "\n",
        },
    )
    assert "cloud_gaming" in done.stdout
