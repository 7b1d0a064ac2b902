"""The log: one object a line for machines, marked lines for the journal, and never an address or a secret in either."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from aggregator import settings
from aggregator.cli import logs
from aggregator.readers import forms
from aggregator.sample.sink import Sink
from aggregator.settings.home import Home
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.browser import Browser
from tests.e2e.program import Daemon, Wire, done, merged, smtp, until, write_home

KEY, PASSWORD, PATH, MAILBOX = "feedkey-1c9b", "feedword-77ab", "ping-4d20-aa", "hook-31cc-zz"
ANNA, DESK, BOSS = "anna.readable@example.org", "desk.readable@example.org", "boss.readable@example.org"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The log as it was, afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("aggregator")
    before = root.level, root.handlers[:], ours.level, sys.excepthook
    hook = threading.excepthook
    yield root
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    ours.setLevel(before[2])
    threading.excepthook = hook
    logging.captureWarnings(capture=False)


# -- a day of everything ---------------------------------------------------------------------------------------------


def no(call: Call) -> None:
    call.respond(500, f"for {ANNA}: no".encode())


def a_day(home: Path, server: FeedServer, sink: Sink, form: str) -> tuple[Daemon, list[str]]:
    """Everything that has to do with addresses and secrets, on a daemon that says all it can; and those secrets."""
    wire = Wire("wire", "CSTO meets", "Town budget")
    feeds = {"wire": server.add("/wire", wire), "locked": server.add("/locked", no) + f"?token={KEY}"}
    mine: dict[str, Any] = {
        "web": {"public_url": "https://news.example"},
        "signup": {"mode": "open", "queries": True},
        "operator": {"address": BOSS, "heartbeat": server.add(f"/{PATH}", no), "heartbeat_every": "1s"},
        "log": {"level": "debug", "format": form},
    }
    write_home(home, feeds, settings=merged(smtp(sink.host, sink.port), mine), digests=_digests(server))
    (home / "word.txt").write_text(PASSWORD)
    (home / "hook.txt").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    listed = json.loads((home / "feeds.yaml").read_text())
    listed["feeds"][1] |= {"username": "desk", "password_file": "word.txt"}
    (home / "feeds.yaml").write_text(json.dumps(listed))
    sink.mailboxes[DESK] = f"550 5.1.1 <{DESK}> nobody of that name"
    secrets = [KEY, PASSWORD, PATH, MAILBOX, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    with Daemon(home) as daemon:
        daemon.ready()
        daemon.wait_for("web pages on")
        url = next(re.findall(r"http://127\.0\.0\.1:\d+/", line) for line in daemon.lines if "web pages on" in line)[0]
        secrets += _visits(home, url.rstrip("/"), sink)
        daemon.wait_for("feed wire: 2 new")
        wire.add("CSTO alarm")
        done(home, "poll", "--all")
        daemon.wait_for("[1-9] given up")
        assert daemon.end()[0] == 0
    return daemon, secrets


def _digests(server: FeedServer) -> dict[str, Any]:
    hook = {"id": "hook", "webhook": server.add(f"/{MAILBOX}", no), "secret_file": "hook.txt"}
    now = {"id": "now", "title": "At once", "watchlists": ["csto"], "every": "instant", "wait": "0s"}
    return {"channels": [hook], "digests": [now | {"to": [DESK, {"channel": "hook"}]}]}


def _visits(home: Path, url: str, sink: Sink) -> list[str]:
    """A reader comes, confirms and looks; the operator signs in; programs ask, one of them with a wrong token."""
    browser = Browser(url)
    old = forms.stamp(settings.secret(Home.at(home)), datetime.now(UTC) - timedelta(minutes=1))  # noqa: TID251 - a visitor's own clock
    choice = {"watchlist": "csto", "rhythm": "instant", "address": ANNA, "stamp": old, "do": "ask"}
    assert browser.ask("/subscribe", choice).status == 200
    until(lambda: any(ANNA in r.recipients for r in sink.messages), "the letter")
    text = _text(next(r.content for r in sink.messages if ANNA in r.recipients))
    confirm, refuse = (re.findall(rf"/{kind}/([a-z2-7]{{26}})", text)[0] for kind in ("confirm", "refuse"))
    assert browser.ask(f"/confirm/{confirm}", {}).status == 200
    assert browser.ask("/confirm/" + "q" * 26, {}).status < 500
    link = done(home, "admin", "link").out
    sign_in = re.findall(r"/sign-in/(\S+)", link)[0]
    page = browser.ask(f"/sign-in/{sign_in}")
    browser.ask(f"/sign-in/{sign_in}", {"stamp": page.field("stamp")})
    browser.ask("/sign-in/" + "w" * 26, {"stamp": page.field("stamp")})
    key = re.findall(r"agg_\S+", done(home, "admin", "token", "add", "program", "--scope", "read").out)[0]
    for given in (key, "agg_" + "x" * 26):
        for path in ("/api/v1/feeds", "/metrics"):
            browser.ask(path, Authorization=f"Bearer {given}")
    return [confirm, refuse, sign_in, key, *browser.cookies.values()]


def _text(content: bytes) -> str:
    part = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("form", ["json", "text"][: counts.count(small=1, storm=2)])
def test_a_day_of_everything_leaves_no_address_and_no_secret_in_the_log(tmp_path: Path, form: str) -> None:
    with FeedServer() as server, Sink() as sink:
        daemon, secrets = a_day(tmp_path, server, sink, form)
    assert len(secrets) >= 9
    for hidden in (*secrets, ANNA, DESK, BOSS, "readable"):
        assert hidden not in daemon.text, hidden
    assert not re.search(r"[^\s()*]@[\w-]+\.", daemon.text)
    assert "Traceback" not in daemon.text
    events = set()
    for line in daemon.lines if form == "json" else []:
        told = json.loads(line)
        assert list(told)[:4] == ["at", "level", "event", "message"]
        assert datetime.fromisoformat(told["at"]).tzinfo is not None
        events.add(told["event"])
        if told["event"] == "poll":
            assert {"feed_id", "outcome", "status", "bytes", "new", "revised", "matches", "ms"} <= told.keys()
    if form == "json":
        assert {"poll", "edition", "messages", "heartbeat"} <= events
        polls = [one for one in map(json.loads, daemon.lines) if one["event"] == "poll"]
        assert any(one["outcome"] == "new" and one["new"] == 2 and one["matches"] == 1 for one in polls)


# -- one line --------------------------------------------------------------------------------------------------------


def said(level: int, text: str, *, form: str, journal: bool = False, **more: Any) -> str:
    record = logging.LogRecord(more.pop("name", "aggregator"), level, "", 0, text, (), None)
    record.__dict__.update(more)
    shape: logging.Formatter = logs.JsonLines() if form == "json" else logs.TextLines()
    return (logs.JournalLines(shape) if journal else shape).format(record)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to <anna@example.org>: no", "to (address): no"),
        ("https://u:p@host.example/rss?token=abc&x=1", "https://***@host.example/rss?token=***&x=1"),
        ("socks5://me:word@proxy:1", "socks5://***@proxy:1"),
        (f"token agg_{'Ab3_' * 8}", "token (token)"),
        (f"mark {'abcd2345' * 3}ab.", "mark (token)."),
        (f"https://news.example/confirm/{'abcd2345' * 3}ab", "https://news.example/confirm/***"),
        ("feed belta-en: 2 new, 1 match", "feed belta-en: 2 new, 1 match"),
        ("ratio 3@4 of https://a.example/@tag", "ratio (address) of https://a.example/@tag"),
    ],
)
def test_what_slips_through_is_taken_out_of_the_finished_line(text: str, shown: str) -> None:
    assert said(logging.INFO, text, form="text").endswith(shown)
    assert json.loads(said(logging.INFO, text, form="json"))["message"] == shown


def test_under_systemd_each_line_has_its_priority_and_no_time_of_ours() -> None:
    assert said(logging.WARNING, "feed a: timeout", form="text", journal=True) == "<4>feed a: timeout"
    assert said(logging.ERROR, "first\nsecond", form="text", journal=True) == "<3>first\n<3>second"
    assert said(logging.DEBUG, "x", form="json", journal=True).startswith('<7>{"at"')


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert logs.is_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not logs.is_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not logs.is_journal(stream, {})
    assert not logs.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})


def test_libraries_are_heard_from_warnings_on_and_in_the_same_form(root: logging.Logger) -> None:
    stream = io.StringIO()
    logs.set_up_logging("debug", "json", stream, {})
    for name in ("uvicorn.error", "asyncio", "aiohttp.client", "python_multipart.multipart"):
        logging.getLogger(name).debug("chatter")
        logging.getLogger(name).warning("something for %s", ANNA)
    logging.getLogger("apscheduler.scheduler").warning("maximum number of running instances reached")
    logging.getLogger("aggregator").debug("ours")
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one.get("logger", "") for one in found] == [
        "uvicorn.error", "asyncio", "aiohttp.client", "python_multipart.multipart", "",
    ]  # fmt: skip
    assert all(one["message"] == "something for (address)" for one in found[:-1])
    assert root.level == logging.WARNING


def test_a_thread_that_breaks_says_so_in_the_log(root: logging.Logger) -> None:
    stream = io.StringIO()
    logs.set_up_logging("info", "json", stream, {})

    def breaks() -> None:
        raise ValueError(f"for {ANNA}")

    thread = threading.Thread(target=breaks)
    thread.start()
    thread.join()
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line["level"] == "error"
    assert "ValueError: for (address)" in line["traceback"]
    assert root.handlers
