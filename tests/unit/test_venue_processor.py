"""Kernels do not share a processor while one is free, and none is held longer than its kernel runs."""

import os
from pathlib import Path

import pytest

from testbed.venue.processor import own_processor


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {4, 2})


def test_each_kernel_has_a_processor_of_its_own_until_none_is_left(tmp_path: Path) -> None:
    with (
        own_processor(tmp_path) as first,
        own_processor(tmp_path) as second,
        own_processor(tmp_path) as third,
    ):
        assert (first, second, third) == (2, 4, None)


def test_a_processor_is_free_again_after_its_kernel(tmp_path: Path) -> None:
    with own_processor(tmp_path) as first:
        assert first == 2
    with own_processor(tmp_path / "made") as elsewhere, own_processor(tmp_path) as again:
        assert (elsewhere, again) == (2, 2)


def test_where_nothing_can_be_agreed_on_no_processor_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with own_processor(tmp_path / "file") as none:
        assert none is None
