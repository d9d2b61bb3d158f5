"""Runs inside the embedded kernel and writes down whatever might differ between two runs.

Random numbers of every source, clocks, process numbers, addresses in memory, the kernel's own memory
accounts, and the arrival of datagrams through a queue with random jitter and loss.
"""

import ctypes
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PACKETS = 200

NETWORK = """
set -e
ip link add near0 type veth peer name far0
ip addr add 10.0.0.1/24 dev near0
ip link set near0 up
ip netns add far
ip link set far0 netns far
ip -n far addr add 10.0.0.2/24 dev far0
ip -n far link set far0 up
tc qdisc add dev near0 root netem delay 5ms 2ms distribution normal loss 5% reorder 10%
"""


def shell(command: str) -> str:
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def jittered_delays() -> list[int]:
    """One-way delays in ns of datagrams through netem with jitter, loss and reordering."""
    shell(NETWORK)
    ready, delays = threading.Event(), []

    def receive() -> None:
        with open("/run/netns/far") as namespace:
            assert ctypes.CDLL(None).setns(namespace.fileno(), 0) == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("10.0.0.2", 5000))
            receiver.settimeout(1)
            ready.set()
            try:
                while True:
                    sent_at_ns = int(receiver.recv(100))
                    delays.append(time.monotonic_ns() - sent_at_ns)
            except TimeoutError:
                return

    thread = threading.Thread(target=receive)
    thread.start()
    ready.wait()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(PACKETS):
            sender.sendto(str(time.monotonic_ns()).encode(), ("10.0.0.2", 5000))
            time.sleep(random.expovariate(1000))
    thread.join()
    return delays


def observe() -> dict[str, object]:
    with tempfile.NamedTemporaryFile() as named:
        temporary = named.name
    return {
        "urandom": os.urandom(16).hex(),
        "random": random.random(),
        "uuid": Path("/proc/sys/kernel/random/uuid").read_text().strip(),
        "hash": hash("a word"),
        "temporary file": temporary,
        "pid": os.getpid(),
        "child": shell("echo $$").strip(),
        "wall clock": time.time_ns(),
        "monotonic clock": time.monotonic_ns(),
        "address": id(object()),
        "maps": " ".join(Path("/proc/self/maps").read_text().split()),
        "kernel version": Path("/proc/version").read_text().strip(),
        "kernel command line": Path("/proc/cmdline").read_text().strip(),
        "kernel memory": " ".join(Path("/proc/meminfo").read_text().split()),
        "kernel symbols": " ".join(Path("/proc/kallsyms").read_text().split()[:30]),
        "environment": sorted(os.environ.items()),
        "own folder": os.getcwd(),
        "jittered delays": jittered_delays(),
        "clock at the end": time.time_ns(),
        "interrupts": " ".join(Path("/proc/interrupts").read_text().split()),
    }


text = "".join(f"{name} = {value}\n" for name, value in observe().items())
(Path(sys.argv[1]) / "observed.txt").write_text(text, encoding="utf-8")
