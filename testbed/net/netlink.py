"""A routing-netlink socket that sends any number of requests at once and accounts for every answer."""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from testbed.errors import KernelError
from testbed.net.messages import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Request, attributes_of

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 270, 10, 11
_ACK_TLVS = 0x200
_BATCH_BYTES = 32_768
_BATCH_REQUESTS = 256
"""No more than the socket can hold answers if every one of them is refused."""
_SIOCGIFINDEX = 0x8933
_RECEIVE_BYTES = 1 << 20
_BUFFER = bytearray(_RECEIVE_BYTES)
"""For all answers of all sockets: memory taken anew for each would cost more than the answer, and a buffer
for each of many nodes would be copied, page by page, with every program that is forked."""
_ANSWER_S = 10


class NetlinkSocket:
    """Belongs to the network namespace in which it was made, whichever its process is in later."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        # An answer that does not fit its message is never sent, and no error either.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("=qq", _ANSWER_S, 0))
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        """Give the socket back; further requests fail."""
        self._socket.close()

    def ask(self, requests: Sequence[Request]) -> None:
        """Have the kernel carry out all requests, in order.

        A request whose kind the kernel does not know is replaced by its `otherwise`, after the other requests
        of its batch.

        Raises:
            KernelError: At least one was refused; says which, and the kernel's reason. The others
                were carried out.
        """
        refusals = [refusal for batch in _batches(requests) for refusal in self._exchange(batch)]
        if refusals:
            raise KernelError("the kernel refused to " + "; to ".join(refusals))

    def index_of(self, interface: str) -> int:
        """The number of an interface of this socket's namespace.

        Raises:
            KernelError: There is none of this name.
        """
        asked = struct.pack("16si20x", interface.encode(), 0)
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFINDEX, asked)
        except OSError as error:
            raise KernelError(f"interface {interface} cannot be found: {error.strerror}") from error
        index: int
        _name, index = struct.unpack("16si20x", answer)
        return index

    def dump(self, request: Request) -> list[bytes]:
        """All messages that answer a dump request, without their headers."""
        self._sequence += 1
        self._socket.send(self._message(request, NLM_F_DUMP))
        answers: list[bytes] = []
        while True:
            for kind, sequence, body in _messages(self._receive()):
                if sequence != self._sequence:
                    continue
                if kind == _NLMSG_DONE:
                    return answers
                if kind == _NLMSG_ERROR:
                    raise KernelError(f"the kernel refused to {request.what}: {_reason(body)}")
                answers.append(body)

    def query(self, request: Request, first: Sequence[Request] = ()) -> bytes:
        """The one message that answers a request, without its header; other requests are carried out first.

        All in one system call each way: the kernel is silent about what it has carried out.

        Raises:
            KernelError: One of them was refused.
        """
        asked = {}
        data = b""
        for each in (*first, request):
            self._sequence += 1
            asked[self._sequence] = each
            data += self._message(each, 0)
        self._socket.send(data)
        while True:
            for kind, sequence, body in _messages(self._receive()):
                if sequence not in asked:
                    continue
                if kind == _NLMSG_ERROR:
                    raise KernelError(f"the kernel refused to {asked[sequence].what}: {_reason(body)}")
                return body

    def _receive(self) -> bytes:
        try:
            length = self._socket.recv_into(_BUFFER)
        except BlockingIOError:
            raise KernelError(f"the kernel has not answered a request for {_ANSWER_S} s") from None
        return bytes(memoryview(_BUFFER)[:length])

    def _message(self, request: Request, flags: int) -> bytes:
        length = 16 + len(request.payload)
        flags |= request.flags | NLM_F_REQUEST
        header = struct.pack("=IHHII", length, request.kind, flags, self._sequence, 0)
        return header + request.payload

    def _exchange(self, batch: Sequence[Request]) -> list[str]:
        """Send some requests and await the answer to the last: of the others only refusals are answered."""
        asked: dict[int, Request] = {}
        sent = bytearray()
        for request in batch:
            self._sequence += 1
            asked[self._sequence] = request
            sent += self._message(request, NLM_F_ACK if request is batch[-1] else 0)
        last = self._sequence
        self._socket.send(sent)
        refusals: list[str] = []
        unknown: list[Request] = []
        while last in asked:
            for kind, sequence, body in _messages(self._receive()):
                if kind != _NLMSG_ERROR or sequence not in asked:
                    continue
                request = asked.pop(sequence)
                (status,) = struct.unpack_from("=i", body)
                if status == -errno.ENOENT and request.otherwise is not None:
                    unknown.append(request.otherwise)
                elif status != 0:
                    refusals.append(f"{request.what}: {_reason(body)}")
        return refusals + (self._exchange(unknown) if unknown else [])


def _batches(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """The requests in their order, as many at a time as go out in one system call."""
    batch: list[Request] = []
    size_bytes = 0
    for request in requests:
        if batch and (size_bytes + len(request.payload) > _BATCH_BYTES or len(batch) == _BATCH_REQUESTS):
            yield batch
            batch, size_bytes = [], 0
        batch.append(request)
        size_bytes += len(request.payload)
    if batch:
        yield batch


def _messages(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, sequence number, body) of each message in what one receive returned."""
    found, at = [], 0
    while at + 16 <= len(data):
        length, kind, _flags, sequence, _pid = struct.unpack_from("=IHHII", data, at)
        found.append((kind, sequence, data[at + 16 : at + length]))
        at += (length + 3) & ~3
    return found


def _reason(body: bytes) -> str:
    """The error number in words, and the kernel's own explanation where it gave one (extended ack)."""
    number = -struct.unpack_from("=i", body)[0]
    text = os.strerror(number)
    for kind, value in attributes_of(body[20:]):
        if kind == 1:
            text += f" ({value.rstrip(bytes(1)).decode(errors='replace')})"
    return text
