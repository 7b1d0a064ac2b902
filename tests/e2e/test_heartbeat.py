"""The heartbeat: it comes while all is well, stops when anything does, and is nobody else's business."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.clock import SystemClock
from aggregator.fetch import Client, FetchLimits
from aggregator.heartbeat import Heartbeat
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, done, until, write_home

SECRET = "5f3a-ping-5b1d"
EVERY = timedelta(minutes=5)


@dataclass
class Switch:
    """A dead man's switch: it notes when it was asked, and answers as told."""

    status: int = 200
    rung: list[float] = field(default_factory=list)

    def __call__(self, call: Call) -> None:
        self.rung.append(time.monotonic())
        call.respond(self.status, b"OK")


class Stage(SystemClock):
    """A clock whose seconds the test moves."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as made:
        yield made


def client(*, private: bool = True) -> Client:
    from ipaddress import ip_network

    allowed = (ip_network("127.0.0.0/8"),) if private else ()
    return Client(FetchLimits(allow_private=allowed, host_spacing=0), SystemClock())


def test_it_asks_every_so_often_and_not_between(server: FeedServer) -> None:
    switch, clock, fetcher = Switch(), Stage(), client()
    url, heart = server.add(f"/{SECRET}", switch), Heartbeat(clock)
    for _ in range(60):  # half an hour, looked at every 30 seconds
        heart.beat(url, EVERY, fetcher, lambda: True)
        clock.seconds += 30
    assert len(switch.rung) == 6
    fetcher.close()


def test_it_is_silent_while_a_line_makes_no_progress_and_comes_back_with_it(server: FeedServer) -> None:
    switch, clock, fetcher, well = Switch(), Stage(), client(), [True]
    url, heart = server.add(f"/{SECRET}", switch), Heartbeat(clock)
    said = []
    for is_well in (True, False, False, True):
        well[0] = is_well
        said.append(heart.beat(url, EVERY, fetcher, lambda: well[0]).outcome)
        clock.seconds += 301
    assert said == ["sent", "silent", "silent", "sent"]
    assert len(switch.rung) == 2
    fetcher.close()


@pytest.mark.parametrize("status", [404, 500, 302])
def test_an_answer_that_is_no_yes_is_told_without_the_address(server: FeedServer, status: int) -> None:
    fetcher = client()
    beaten = Heartbeat(Stage()).beat(server.add(f"/{SECRET}", Switch(status)), EVERY, fetcher, lambda: True)
    assert beaten.outcome == "failed"
    assert SECRET not in beaten.error
    fetcher.close()


def test_a_private_address_is_refused_like_any_other_and_the_refusal_names_the_setting(server: FeedServer) -> None:
    switch, fetcher = Switch(), client(private=False)
    beaten = Heartbeat(Stage()).beat(server.add(f"/{SECRET}", switch), EVERY, fetcher, lambda: True)
    assert (beaten.outcome, switch.rung) == ("failed", [])
    assert "network.allow_private" in beaten.error
    fetcher.close()


def test_without_a_url_nothing_is_asked() -> None:
    fetcher = client()
    assert Heartbeat(Stage()).beat("", EVERY, fetcher, lambda: True).outcome == ""
    fetcher.close()


def test_it_comes_from_the_daemon_and_falls_silent_when_that_hangs_or_ends(tmp_path: Path, server: FeedServer) -> None:
    switch = Switch()
    operator = {"operator": {"heartbeat": server.add(f"/{SECRET}", switch), "heartbeat_every": "1s"}}
    write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", "CSTO meets"))}, settings=operator)

    def silence(seconds: float) -> bool:
        return not switch.rung or time.monotonic() - switch.rung[-1] > seconds

    with Daemon(tmp_path) as daemon:
        until(lambda: len(switch.rung) >= 2, "two beats")
        os.kill(daemon.pid, signal.SIGSTOP)
        until(lambda: silence(1.7), "silence while it hangs")
        os.kill(daemon.pid, signal.SIGCONT)
        before = len(switch.rung)
        until(lambda: len(switch.rung) > before, "a beat again")
        switch.status = 500
        assert "the heartbeat was not taken: the server said 500" in daemon.wait_for("heartbeat")
        before = len(switch.rung)
        until(lambda: len(switch.rung) > before + 1, "it goes on")
        assert sum("the heartbeat was not taken" in line for line in daemon.lines) == 1, "told once"
        switch.status = 200
        daemon.wait_for("heartbeat is taken again")
        assert daemon.end()[0] == 0
        ended = len(switch.rung)
        until(lambda: silence(1.7), "silence after the end")
    assert len(switch.rung) == ended
    assert SECRET not in daemon.text


def test_its_url_is_shown_nowhere(tmp_path: Path) -> None:
    write_home(tmp_path, {}, settings={"operator": {"heartbeat": f"https://ping.example/{SECRET}"}})
    for command in (["config", "show"], ["doctor"], ["check"], ["doctor", "--json"]):
        assert SECRET not in aggregator(tmp_path, *command).text, command
    assert "heartbeat" in done(tmp_path, "config", "show").out
    write_home(tmp_path, {}, settings={"operator": {"heartbeat": f"ping.example/{SECRET}"}})
    wrong = aggregator(tmp_path, "check")
    assert wrong.code == 3
    assert SECRET not in wrong.text
    assert "operator.heartbeat" in wrong.text
