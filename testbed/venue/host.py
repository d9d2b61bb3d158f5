"""Whether this machine's own kernel has the features of a run: each is tried, none is read from a list.

The trials run in a network namespace of their own, which ends with them. `pon_trial.require_host` adds the
trials that only one scenario needs.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from testbed.errors import KernelError, LimitError
from testbed.lifeline import tied

_PROGRAMS: Mapping[str, str] = {
    "ip": "iproute2",
    "tc": "iproute2",
    "unshare": "util-linux",
    "mnexec": "mininet",
}

_TRIALS: Mapping[str, str] = {
    "veth pairs (module veth)": "ip link add name try0 type veth peer name try1",
    "bridges (module bridge)": "ip link add name try2 type bridge",
    "HTB shaping (module sch_htb)": "tc qdisc add dev lo root handle 1: htb default 1 && "
    "tc class add dev lo parent 1: classid 1:1 htb rate 1gbit quantum 60000",
    "netem delays (module sch_netem)": "tc qdisc add dev lo root netem delay 1ms limit 10",
    "byte-limited queues (module sch_fifo)": "tc qdisc add dev lo root bfifo limit 3000",
    "u32 filters (module cls_u32)": "tc qdisc add dev lo root handle 1: htb && "
    "tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip dst 10.0.0.1/32 flowid 1:1",
    "BPF filters (module cls_bpf)": "tc qdisc add dev lo root handle 1: htb && "
    "tc filter add dev lo parent 1: protocol ip prio 1 bpf bytecode '1,6 0 0 4294967295,' flowid 1:1",
}

_TRIAL_LIMIT_S = 30


def missing_features(trials: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """What a run on this kernel would lack, in the words of the person who can mend it; empty if nothing.

    `trials` are those that only this run needs: shell commands, by what to tell if they fail.

    Raises:
        LimitError: A trial did not come to an end, so that nothing is known of its feature.
    """
    missing = [] if os.geteuid() == 0 else ["root privileges (run it with sudo)"]
    absent = sorted({package for program, package in _PROGRAMS.items() if shutil.which(program) is None})
    if absent:
        missing.append(f"programs of the packages {', '.join(absent)}")
    if shutil.which("unshare") is None or not _namespace_works(missing):
        return missing
    return missing + [name for name, trial in {**_TRIALS, **trials}.items() if not _succeeds(trial)]


def require(trials: Mapping[str, str] = MappingProxyType({})) -> None:
    """As `missing_features`, but nothing may be missing.

    Raises:
        KernelError: Something that a run needs is missing; all of it is listed.
        LimitError: As `missing_features`.
    """
    missing = missing_features(trials)
    if missing:
        listed = "".join(f"\n  - {feature}" for feature in missing)
        raise KernelError(
            f"this machine's kernel ({os.uname().release}) cannot carry a run; it lacks{listed}\n"
            "The virtual venue needs none of these: run it with --venue virtual (the default)"
        )


def _namespace_works(missing: list[str]) -> bool:
    """Whether a namespace to try things in can be had; appends to `missing` if root cannot have one.

    An ordinary user who may not make one is told about root only: what lies behind cannot be known.
    """
    if _succeeds("true"):
        return True
    if os.geteuid() == 0:
        missing.append("network namespaces (CONFIG_NET_NS)")
    return False


def _succeeds(trial: str) -> bool:
    """Whether shell commands work in a network namespace made for them.

    Raises:
        LimitError: They did not come to an end.
    """
    identity = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *identity, "--net", "sh", "-c", f"set -e; {trial}"]
    return run_bounded(command, f"trying what this kernel can do ({trial})", _TRIAL_LIMIT_S).returncode == 0


def run_bounded(command: Sequence[str], attempt: str, limit_s: float) -> "subprocess.CompletedProcess[str]":
    """Run a command without input; what it printed, and its status, whatever that is.

    Raises:
        LimitError: It took longer than the limit, and has been ended with its children.
    """
    # A session of its own: its children are in its process group, and end with it.
    process = subprocess.Popen(
        tied(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise LimitError(
            f"{attempt} took more than {limit_s:g} s of wall time and was ended: this machine is far too "
            "busy for a run in real time; end what else runs on it, or use --venue virtual (the default)"
        ) from error
    finally:
        if process.returncode is None:
            # Not waited for yet, so that its number is still its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
