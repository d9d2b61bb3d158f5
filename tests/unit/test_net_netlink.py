"""Every request is answered for: refusals come with the kernel's reason, whatever else is in a batch."""

import errno
import socket
import struct
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from testbed.errors import KernelError
from testbed.net import netlink
from testbed.net.messages import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Request, attribute
from testbed.net.netlink import NetlinkSocket

ERROR, DONE, CLASS = 2, 3, 40


class FakeKernel:
    """In place of a netlink socket: carries out everything except what is refused by message type."""

    def __init__(self) -> None:
        self.refused: dict[int, tuple[int, str]] = {}
        self.listed: list[bytes] = []
        self.carried_out: list[int] = []
        self.batches = 0
        self.flags: list[int] = []
        self.answers: deque[bytes] = deque()
        self.options: dict[tuple[int, int], int] = {}
        self.closed = False

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options[level, option] = value

    def bind(self, address: tuple[int, int]) -> None:
        assert address == (0, 0)

    def close(self) -> None:
        self.closed = True

    def send(self, data: bytes) -> int:
        self.batches += 1
        at = 0
        while at < len(data):
            length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", data, at)
            assert length % 4 == 0
            self._take(kind, flags, sequence, data[at : at + 16])
            at += length
        assert at == len(data)
        return len(data)

    def _take(self, kind: int, flags: int, sequence: int, header: bytes) -> None:
        self.flags.append(flags)
        if kind in self.refused:
            number, why = self.refused[kind]
            explained = attribute(1, why.encode() + b"\0") if why else b""
            self._answer(ERROR, sequence, struct.pack("=i", -number) + header + explained)
        elif flags & NLM_F_DUMP == NLM_F_DUMP:
            together = b"".join(message(CLASS, sequence, body) for body in self.listed)
            self.answers.append(together)
            self._answer(DONE, sequence, bytes(4))
        else:
            self.carried_out.append(kind)
            if flags & NLM_F_ACK:
                self._answer(ERROR, sequence, struct.pack("=i", 0) + header)

    def _answer(self, kind: int, sequence: int, body: bytes) -> None:
        self.answers.append(message(kind, sequence, body))

    def recv_into(self, buffer: bytearray) -> int:
        answer = self.answers.popleft()
        buffer[: len(answer)] = answer
        return len(answer)


def message(kind: int, sequence: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, sequence, 0) + body + bytes(-len(body) % 4)


def request(kind: int, what: str, size: int = 20) -> Request:
    return Request(kind, 0, bytes(size), what)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    fake = FakeKernel()

    def made(family: int, *_: Any) -> FakeKernel:
        assert family == socket.AF_NETLINK
        return fake

    monkeypatch.setattr(netlink.socket, "socket", made)
    return fake


def test_what_the_kernel_accepts_is_carried_out_in_order(kernel: FakeKernel) -> None:
    NetlinkSocket().ask([request(kind, "do it") for kind in (36, 40, 40, 44)])
    assert kernel.carried_out == [36, 40, 40, 44]
    assert kernel.batches == 1
    # What is carried out is not answered, except the last.
    assert kernel.flags == [NLM_F_REQUEST] * 3 + [NLM_F_REQUEST | NLM_F_ACK]


def test_a_refusal_names_what_was_attempted_and_the_kernel_s_reason(kernel: FakeKernel) -> None:
    kernel.refused[40] = (errno.EINVAL, "HTB: unable to set rate")
    with pytest.raises(KernelError) as refused:
        NetlinkSocket().ask([request(36, "add htb"), request(40, "add class 11"), request(44, "add filter")])
    assert str(refused.value) == (
        "the kernel refused to add class 11: Invalid argument (HTB: unable to set rate)"
    )
    assert kernel.carried_out == [36, 44]


def test_a_kind_that_the_kernel_does_not_know_is_replaced_after_its_batch(kernel: FakeKernel) -> None:
    kernel.refused[36] = (errno.ENOENT, "Specified qdisc kind is unknown")
    substitute = request(37, "add what is there")
    NetlinkSocket().ask(
        [replace(request(36, "add what is new"), otherwise=substitute), request(44, "add filter")]
    )
    assert kernel.carried_out == [44, 37]


def test_what_is_refused_for_another_reason_is_not_replaced(kernel: FakeKernel) -> None:
    kernel.refused[36] = (errno.EINVAL, "")
    asked = replace(request(36, "add what is new"), otherwise=request(37, "add what is there"))
    with pytest.raises(KernelError, match=r"add what is new: Invalid argument$"):
        NetlinkSocket().ask([asked])
    assert kernel.carried_out == []


def test_a_substitute_that_is_refused_is_told(kernel: FakeKernel) -> None:
    kernel.refused = {36: (errno.ENOENT, ""), 37: (errno.ENOENT, "")}
    asked = replace(request(36, "add what is new"), otherwise=request(37, "add what is there"))
    with pytest.raises(KernelError, match="refused to add what is there"):
        NetlinkSocket().ask([asked])


def test_a_refusal_without_an_explanation_is_its_error_number_in_words(kernel: FakeKernel) -> None:
    kernel.refused[40] = (errno.ENOENT, "")
    with pytest.raises(KernelError, match=r"add class 11: No such file or directory$"):
        NetlinkSocket().ask([request(40, "add class 11")])


def test_all_refusals_of_a_batch_are_told(kernel: FakeKernel) -> None:
    kernel.refused = {36: (errno.EEXIST, ""), 44: (errno.EPERM, "")}
    with pytest.raises(KernelError) as refused:
        NetlinkSocket().ask([request(36, "add htb"), request(40, "add class"), request(44, "add filter")])
    assert str(refused.value) == (
        "the kernel refused to add htb: File exists; to add filter: Operation not permitted"
    )


def test_many_requests_go_out_in_few_batches_and_every_one_is_awaited(kernel: FakeKernel) -> None:
    asked = [request(40, f"add class {number}", size=100) for number in range(1000)]
    NetlinkSocket().ask(asked)
    assert len(kernel.carried_out) == 1000
    assert 1 < kernel.batches < 10
    assert not kernel.answers


def test_a_refusal_in_an_early_batch_does_not_keep_the_later_ones_back(kernel: FakeKernel) -> None:
    kernel.refused[36] = (errno.EPERM, "")
    asked = [request(36, "add htb"), *(request(40, "add class", size=100) for _ in range(1000))]
    with pytest.raises(KernelError, match="add htb"):
        NetlinkSocket().ask(asked)
    assert len(kernel.carried_out) == 1000


def test_no_batch_has_more_refusals_than_a_socket_holds(kernel: FakeKernel) -> None:
    kernel.refused[36] = (errno.EPERM, "")
    with pytest.raises(KernelError) as refused:
        NetlinkSocket().ask([request(36, f"add qdisc {number}") for number in range(1000)])
    assert str(refused.value).count("Operation not permitted") == 1000
    assert kernel.batches == 4
    assert not kernel.answers


def test_a_request_larger_than_a_batch_goes_out_alone(kernel: FakeKernel) -> None:
    NetlinkSocket().ask([request(36, "a"), request(40, "b", size=40_000), request(44, "c")])
    assert kernel.carried_out == [36, 40, 44]
    assert kernel.batches == 3


def test_an_interface_is_found_by_its_name() -> None:
    found = NetlinkSocket()
    assert found.index_of("lo") == socket.if_nametoindex("lo")
    with pytest.raises(KernelError, match="interface nowhere cannot be found: No such device"):
        found.index_of("nowhere")
    found.close()


def test_nothing_to_ask_is_not_asked(kernel: FakeKernel) -> None:
    NetlinkSocket().ask([])
    assert kernel.batches == 0


def test_an_answer_to_another_request_is_not_taken_for_ours(kernel: FakeKernel) -> None:
    late = message(ERROR, 999, struct.pack("=i", -errno.EPERM) + bytes(16))
    kernel.answers.append(late)
    NetlinkSocket().ask([request(40, "add class")])
    assert kernel.carried_out == [40]


def test_a_list_comes_whole_whatever_it_comes_in(kernel: FakeKernel) -> None:
    kernel.listed = [bytes([number] * (20 + number)) for number in range(5)]
    assert NetlinkSocket().dump(request(42, "list the classes")) == kernel.listed


def test_a_refused_list_says_so(kernel: FakeKernel) -> None:
    kernel.refused[42] = (errno.ENODEV, "")
    with pytest.raises(KernelError, match="refused to list the classes: No such device"):
        NetlinkSocket().dump(request(42, "list the classes"))


def test_the_kernel_is_asked_to_explain_itself(kernel: FakeKernel) -> None:
    made = NetlinkSocket()
    assert kernel.options[270, 11] == 1  # SOL_NETLINK, NETLINK_EXT_ACK
    made.close()
    assert kernel.closed
