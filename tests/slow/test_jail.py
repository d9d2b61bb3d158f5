"""In the place of the embedded kernel's process nothing of the machine can be changed, by any system call."""

import os

import pytest
from jail_operations import FILES, PROCESSES
from try_jail import INSIDE, NO_LANDLOCK, NOBODY, files_in_its_place, processes_in_its_place

USERS = {"root": 0, "an ordinary user": NOBODY} if os.getuid() == 0 else {"this user": os.getuid()}


@pytest.mark.parametrize("who", USERS)
def test_no_operation_on_a_file_reaches_out_of_the_output_folder(who: str) -> None:
    tried = files_in_its_place(who, USERS[who])
    assert tried.succeeded == []
    assert tried.inside == INSIDE, "the control: these work in the output folder, and no others"
    assert tried.strange == ()
    # What the file systems of this machine do not have fails without confinement as well.
    assert len(tried.worked) >= len(FILES) - 12
    assert tried.worked >= INSIDE


@pytest.mark.parametrize("who", USERS)
def test_no_operation_reaches_another_process_or_the_machine(who: str) -> None:
    tried = processes_in_its_place(who, USERS[who])
    assert tried.succeeded == []
    assert len(tried.worked) >= len(PROCESSES) // 2
    assert tried.worked >= {"kill", "tgkill", "fcntl of an owner", "setpriority", "socket of IPv4", "shmget"}


@pytest.mark.parametrize("who", USERS)
def test_on_a_host_without_landlock_the_filter_refuses_what_it_refuses(who: str) -> None:
    tried = files_in_its_place(who, USERS[who], NO_LANDLOCK)
    for names in tried.outside.values():
        assert names == INSIDE
    assert tried.inside == INSIDE
    assert tried.strange == ()
