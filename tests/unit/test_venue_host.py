"""What the host venue lacks is found by trying, and told in one error."""

import os
from pathlib import Path

import pytest

from testbed.errors import KernelError, LimitError
from testbed.venue import host


def fake_unshare(folder: Path, *, refused: str) -> None:
    """Programs in front of the real ones: an `unshare` under which one kind of trial fails."""
    script = folder / "unshare"
    script.write_text(f'#!/bin/sh\ncase "$*" in *"{refused}"*) exit 2;; esac\nexit 0\n')
    script.chmod(0o755)
    for program in ("ip", "tc", "mnexec"):
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)


def path_with(folder: Path) -> str:
    return f"{folder}:/usr/bin:/bin"


def test_a_refused_trial_is_named_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_unshare(tmp_path, refused="netem")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert host.missing_features() == ["netem delays (module sch_netem)"]


def test_nothing_is_missing_when_every_trial_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_unshare(tmp_path, refused="no such trial")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    host.require()


def test_everything_that_is_missing_is_in_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_unshare(tmp_path, refused="tc qdisc")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(KernelError, match="--venue virtual") as caught:
        host.require()
    for part in ("root privileges", "sch_htb", "sch_netem", "sch_fifo", "cls_u32", os.uname().release):
        assert part in str(caught.value)
    assert "sch_htb" in str(caught.value)
    assert "veth" not in str(caught.value)


def test_what_only_one_run_needs_is_tried_with_the_rest_and_told_in_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_unshare(tmp_path, refused="netem")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert host.missing_features({"a thing (do this)": "try netem"}) == [
        "netem delays (module sch_netem)",
        "a thing (do this)",
    ]
    assert host.missing_features({"a thing (do this)": "try it"}) == ["netem delays (module sch_netem)"]
    with pytest.raises(KernelError, match=r"(?s)\n  - netem delays .*\n  - a thing \(do this\)\n"):
        host.require({"a thing (do this)": "try netem"})


def test_absent_programs_are_named_by_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert any("iproute2, mininet, util-linux" in feature for feature in host.missing_features())


def test_the_real_kernel_is_really_tried() -> None:
    features = host.missing_features()
    assert len(features) == len(set(features))
    if os.geteuid() == 0:
        assert "root privileges (run it with sudo)" not in features


def test_a_trial_that_never_ends_is_an_error_of_its_own_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_unshare(tmp_path, refused="no such trial")
    # Its child holds the pipes open, so that who waits for their end would wait for it.
    (tmp_path / "unshare").write_text(f"#!/bin/sh\nsleep 1000 &\necho $! $$ > {tmp_path}/pids\nwait\n")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "_TRIAL_LIMIT_S", 1)
    with pytest.raises(LimitError, match=r"\(true\) took more than 1 s of wall time and was ended"):
        host.require()
    for pid in (tmp_path / "pids").read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
