"""The daemon as a real process: from the wire to the mailbox, and through everything that happens to a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from aggregator.sample.sink import Sink
from tests import stored
from tests.conformance.feedserver import FeedServer, silent
from tests.e2e.program import (
    Daemon,
    Wire,
    aggregator,
    alive,
    descendants,
    done,
    environment,
    everything,
    rows,
    smtp,
    until,
    write_home,
)

INSTANT = {
    "digests": [
        {"id": "now", "title": "CSTO at once", "watchlists": ["csto"], "every": "instant", "to": ["desk@example.org"]}
    ]
}
OFTEN = {"AGGREGATOR__POLLING__FLOOR": "1s"}


@contextmanager
def hanging_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_from_the_wire_to_the_mailbox(tmp_path: Path) -> None:
    wire = Wire("wire", "CSTO summit of last hour", "Town budget")
    with FeedServer() as server, Sink() as sink:
        home = write_home(
            tmp_path,
            {"wire": server.add("/wire", wire)},
            settings=smtp(sink.host, sink.port),
            digests=INSTANT,
            interval="1s",
        )
        with Daemon(home, OFTEN) as daemon:
            daemon.ready().wait_for(r"feed wire: 2 new")
            wire.add("CSTO sends observers")
            daemon.wait_for(r"feed wire: 1 new.* 1 match")
            mail = message_from_bytes(sink.wait_for(1, 10)[0].content, policy=policy.default)
            assert "CSTO sends observers" in mail["Subject"]
            daemon.wait_for("sent 1 message")
            code, _ = daemon.end()
        assert code == 0, daemon.text
        assert "Traceback" not in daemon.text
        # The first poll raised no alert, and nothing was told twice.
        told = [message_from_bytes(m.content, policy=policy.default)["Subject"] for m in sink.messages]
        assert len(told) == 1
        assert not any("last hour" in t for t in told)
        assert rows(home, "messages WHERE state = 'sent'") == 1


def test_the_end_waits_neither_for_a_feed_nor_for_a_mail_server_that_hangs(tmp_path: Path) -> None:
    with FeedServer() as server, hanging_server() as port:
        server.add("/hangs", silent())
        feeds = {"hangs": server.url("/hangs"), "good": server.url("/good")}
        server.add("/good", Wire("good", "CSTO meets"))
        home = write_home(tmp_path, feeds, settings={"network": {"host_connections": 2}})
        done(home, "poll", "--feed", "good")
        done(home, "digest", "morning")
        (home / "config/aggregator.yaml").write_text(
            json.dumps({"network": {"allow_private": ["127.0.0.0/8"]}} | smtp("127.0.0.1", port))
        )
        long = {"AGGREGATOR__MAIL__TIMEOUT": "60s", "AGGREGATOR__NETWORK__TOTAL_TIMEOUT": "60s"}
        with Daemon(home, long) as daemon:
            pages = int(daemon.wait_for("web pages on").rstrip("/").rpartition(":")[2])
            until(lambda: bool(server.log("/hangs")), "the fetch hangs")
            until(lambda: rows(home, "messages WHERE state = 'claimed'") == 1, "the message is claimed")
            with socket.create_connection(("127.0.0.1", pages)) as reader:
                reader.sendall(b"GET / HTTP/1.1\r\nHost: ")
                code, seconds = daemon.end(timeout=20)
        assert code == 0, daemon.text
        assert seconds < 10
        assert "Traceback" not in daemon.text
        assert "gave up waiting for send" in daemon.text
    # What it had in hand is taken up by the next one at once.
    with Sink() as sink:
        (home / "config/aggregator.yaml").write_text(json.dumps(smtp(sink.host, sink.port)))
        done(home, "outbox", "retry", "1")
        done(home, "send")
        assert len(sink.messages) == 1


def test_a_changed_file_is_taken_over_and_a_bad_one_is_not(tmp_path: Path) -> None:
    with FeedServer() as server:
        first = server.add("/first", Wire("first", "One"))
        second = server.add("/second", Wire("second", "Two"))
        home = write_home(tmp_path, {"first": first})
        with Daemon(home) as daemon:
            daemon.ready().wait_for("feed first: 1 new")
            file = home / "feeds.yaml"
            file.write_text(f"feeds:\n  - {{url: '{first}', id: first}}\n  - {{url: '{second}', idd: second}}\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for(re.escape(f"{file}:3: ") + ".*idd.*did you mean.*id")
            daemon.wait_for("old one stays in force")
            assert daemon.process.poll() is None
            file.write_text(f"feeds:\n  - {{url: '{first}', id: first}}\n  - {{url: '{second}', id: second}}\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("configuration taken over: 2 feeds")
            daemon.wait_for("feeds: 1 added")
            daemon.wait_for("feed second: 1 new")
            # A fork server, its tracker and one worker: what was replaced is gone.
            until(lambda: len(list(descendants(daemon.pid))) <= 3, "the old workers end")
            assert daemon.end()[0] == 0
        assert "Traceback" not in daemon.text
        assert rows(home) == 2


def test_one_home_has_one_daemon(tmp_path: Path) -> None:
    home = write_home(tmp_path, {})
    command = [sys.executable, "-m", "aggregator", "--home", str(home), "run"]
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True)
            )
            for _ in range(10)
        ]
        for process in started:
            stack.callback(process.kill)
        until(lambda: sum(p.poll() is None for p in started) <= 1, "only one lives", 30)
        [living] = [p for p in started if p.poll() is None]
        for process in started:
            if process is not living:
                assert process.stderr is not None
                said = process.stderr.read()
                assert process.returncode == 4, said
                assert f"another instance runs here (pid {living.pid})" in said
                assert "Traceback" not in said
        until(lambda: "runs (pid" in done(home, "doctor").out, "doctor sees it")
        if not stored.POSTGRES:  # which is backed up by its own tools
            backup = done(home, "backup").out.strip()
            assert aggregator(home, "restore", backup).code == 4
        living.terminate()
        assert living.wait(10) == 0
    assert "does not run" in done(home, "doctor").out
    if not stored.POSTGRES:
        done(home, "restore", backup)


def test_without_a_network_it_stays_up_and_gives_no_feed_up(tmp_path: Path) -> None:
    feeds = {f"feed{i}": f"http://127.0.0.1:{closed_port()}/rss" for i in range(5)}
    home = write_home(tmp_path, feeds)
    with Daemon(home) as daemon:
        daemon.ready().wait_for("aggregator demo")
        for name, url in feeds.items():
            [line] = [one for one in daemon.lines if f"feed {name}:" in one]
            assert url in line
            assert "connection refused" in line
            assert "next try" in line
        assert daemon.process.poll() is None
        assert daemon.end()[0] == 0
    states = {line["id"]: line["state"] for line in done(home, "feeds", "list", "--json").lines}
    assert set(states) == set(feeds)
    assert set(states.values()) <= {"new", "failing"}
    assert "Traceback" not in daemon.text


def test_after_kill_9_nobody_is_left_and_the_next_one_goes_on_at_once(tmp_path: Path) -> None:
    wire = Wire("wire", "One")
    with FeedServer() as server:
        home = write_home(tmp_path, {"wire": server.add("/wire", wire)}, interval="1s")
        with Daemon(home, OFTEN) as daemon:
            daemon.ready().wait_for("feed wire: 1 new")
            below = list(descendants(daemon.pid))
            assert below, "documents are read in processes of their own"
            os.kill(daemon.pid, signal.SIGKILL)
            daemon.process.wait(10)
        until(lambda: not any(map(alive, below)), "no process is left", 20)
        wire.add("Two")
        with Daemon(home, OFTEN) as daemon:
            daemon.ready().wait_for("feed wire: 1 new")
            assert daemon.end()[0] == 0
        assert rows(home) == 2


def test_a_port_that_is_taken_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    with FeedServer() as server:
        home = write_home(tmp_path, {"wire": server.add("/wire", Wire("wire", "One"))})
        with Daemon(home, {"AGGREGATOR__WEB__PORT": str(server.port)}) as daemon:
            daemon.wait_for(rf"web pages are not served: 127.0.0.1:{server.port}: .*web\.port")
            daemon.wait_for("feed wire: 1 new")
            assert daemon.end()[0] == 0


def test_a_line_that_fails_is_told_and_gets_up_again(tmp_path: Path) -> None:
    with FeedServer() as server:
        wire = server.add("/wire", Wire("wire", "CSTO meets"))
        home = write_home(tmp_path, {"wire": wire}, settings={"mail": {"directory": "mail"}})
        done(home, "poll")
        (home / "var/pages/morning").write_text("in the way")
        refused = aggregator(home, "digest", "morning")
        assert refused.code == 3
        assert str(home / "var/pages/morning") in refused.err
        before = everything(home)
        with Daemon(home) as daemon:
            daemon.ready().wait_for("line compose stopped: .*morning.*again in 2 s")
            assert "line compose" in aggregator(home, "doctor").out
            (home / "var/pages/morning").unlink()
            daemon.wait_for("line compose works again")
            assert "line compose" not in done(home, "doctor").out
            assert daemon.end()[0] == 0
        assert everything(home) == before
        assert list((home / "var/pages/morning").glob("*.html"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_ends_it_well(tmp_path: Path, number: signal.Signals) -> None:
    home = write_home(tmp_path, {})
    with Daemon(home) as daemon:
        until((home / "var/lock").exists, "it has begun")
        code, _ = daemon.end(number)
        assert code == 0, daemon.text
        assert "Traceback" not in daemon.text


def test_an_outage_of_our_own_is_one_line_when_it_begins_and_one_when_it_ends(tmp_path: Path) -> None:
    """Six machines, all gone at once, and back."""
    hosts = [f"127.0.0.{i}" for i in range(2, 8)]
    with FeedServer(hosts[0]) as first:
        port = first.port
    home = write_home(tmp_path, {f"feed{i}": f"http://{host}:{port}/rss" for i, host in enumerate(hosts)})
    said = done(home, "poll")
    assert said.out.count("local_network: ") == len(hosts)
    assert "our own network seems down" in said.err
    assert "nothing is held against the feeds" in said.err
    doctor = aggregator(home, "doctor")
    assert doctor.code == 1
    assert "our own network seems down since" in doctor.out
    assert not any(f"feed{i} " in doctor.out for i in range(len(hosts)))
    listed = done(home, "feeds", "list", "--json").lines
    assert {(f["state"], f["failures"], f["error"]) for f in listed} == {("new", 0, "")}
    with Daemon(home) as daemon:
        daemon.wait_for(
            "our own network seems down since"
        )  # the first sweep may end before the daemon says that it runs
        with ExitStack() as stack:
            for i, host in enumerate(hosts):
                server = stack.enter_context(FeedServer(host, port=port))
                server.add("/rss", Wire(f"feed{i}", f"News {i}"))
            assert "0 failed" in done(home, "poll", "--all").err
            daemon.wait_for("our own network is back")
        assert daemon.end()[0] == 0
        assert len([line for line in daemon.lines if "our own network" in line]) == 2
        assert "feed feed" not in daemon.text
        assert "Traceback" not in daemon.text
    assert "our own network" not in done(home, "doctor").out
