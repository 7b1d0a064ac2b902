"""The protocol of sd_notify(3), against a socket that plays the service manager."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.systemd import Notifier


@contextmanager
def manager(name: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        ear.settimeout(5)
        yield ear


def heard(ear: socket.socket) -> list[str]:
    return ear.recv(4096).decode().splitlines()


@pytest.mark.parametrize("abstract", [False, True])
def test_everything_is_said_to_a_path_and_to_an_abstract_name(tmp_path: Path, abstract: bool) -> None:
    name = f"@aggregator-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with manager(name) as ear:
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.ready("200 feeds\nREADY=0")
        assert heard(ear) == ["READY=1", "STATUS=200 feeds READY=0"]
        notifier.feed()
        assert heard(ear) == ["WATCHDOG=1"]
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notifier.reloading()
        word, stamp = heard(ear)
        assert word == "RELOADING=1"
        assert stamp.startswith("MONOTONIC_USEC=")
        assert before <= int(stamp.partition("=")[2]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notifier.status("well")
        assert heard(ear) == ["STATUS=well"]
        notifier.stopping()
        assert heard(ear)[0] == "STOPPING=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1", "@" + "x" * 300])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address} if address else {})
    notifier.ready("x")
    notifier.feed()
    notifier.stopping()


def test_the_watchdog_is_for_this_process_alone() -> None:
    told = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "120000000"}
    assert Notifier(told).watchdog == 120
    assert Notifier(told | {"WATCHDOG_PID": str(os.getpid())}).watchdog == 120
    assert Notifier(told | {"WATCHDOG_PID": "1"}).watchdog == 0
    assert Notifier(told | {"WATCHDOG_USEC": "soon"}).watchdog == 0
    assert Notifier({"WATCHDOG_USEC": "1"}).watchdog == 0


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")):
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        began = time.monotonic()
        for _ in range(2000):
            notifier.feed()
        assert time.monotonic() - began < 5
