"""The two ECN bits of an IP packet, by the names of RFC 3168 in which RFC 9331 speaks of them too."""

from enum import StrEnum


class Ecn(StrEnum):
    """What a packet says of explicit congestion notification: not capable, capable in one of two ways, or CE.

    `ect1` is the identifier of L4S (RFC 9331): its sender reduces its rate in proportion to the marks.
    """

    NOT_ECT = "not_ect"
    ECT0 = "ect0"
    ECT1 = "ect1"
    CE = "ce"

    @property
    def bits(self) -> int:
        """The codepoint in the two lowest bits of the type-of-service octet."""
        return _BITS[self]


_BITS = {Ecn.NOT_ECT: 0, Ecn.ECT1: 1, Ecn.ECT0: 2, Ecn.CE: 3}
