"""The page that the embedded kernel shows its time in: it may write anything there, and do no harm by it."""

import os
import struct

import pytest

from testbed.venue.shown import ShownPage


def test_the_page_cannot_be_cut_off_under_its_reader() -> None:
    page = ShownPage()
    try:
        for size_bytes in (0, 1 << 20):
            with pytest.raises(PermissionError):
                os.ftruncate(page.fileno(), size_bytes)
        assert page.read().now_ns == 0
    finally:
        page.close()


def test_a_name_commands_no_terminal() -> None:
    page = ShownPage()
    try:
        os.pwrite(page.fileno(), struct.pack("<QQi16s16s", 7, 8, 9, b"\x1b]0;title\x07", b"eth0"), 0)
        assert page.read().program == "?]0;title?"
        assert page.read().port == "eth0"
    finally:
        page.close()
