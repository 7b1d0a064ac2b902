"""`aggregator doctor`: one page of facts and of what is wrong, errors first, that fits a terminal; and the same on the page of settings."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import build
from aggregator.web.server import WebThread
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.operator import Browser
from tests.e2e.program import Wire, aggregator, done, environment, write_home

FACTS = ["home", "clock", "daemon", "database", "backup", "retention", "disk", "network", "feeds", "watchlists", "digest morning", "mail",
         "outbox", "notices"]  # fmt: skip
WELL: Mapping[str, Any] = {
    "operator": {"address": "boss@example.org"},
    "network": {"user_agent_contact": "boss@example.org"},
    "web": {"public_url": "https://news.example"},
}
SOON = datetime.now(UTC) + timedelta(days=5)  # noqa: TID251 - the command's own clock


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("healthy")
    with FeedServer() as server:
        write_home(home, {"wire": server.add("/wire", Wire("wire", "CSTO meets", "Fair"))}, settings=WELL)
        done(home, "poll")
        done(home, "digest", "morning", "--send")
        if not stored.POSTGRES:
            done(home, "backup")
    return home


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("troubled")
    mail = {"mail": {"host": "127.0.0.1", "port": 1, "security": "none"}}
    with FeedServer() as server:
        feeds = {name: server.add(f"/{name}", Wire(name, "CSTO meets", "Fair")) for name in ("wire", "paper")}
        write_home(home, feeds | {"broken": server.url("/nothing")}, settings=mail)
        done(home, "poll")
        aggregator(home, "digest", "morning", "--send")
    with stored.opened(home) as conn:
        conn.execute("UPDATE feeds SET certificate_until = ? WHERE id = 'wire'", (_stamp(SOON),))
        event = "INSERT INTO feed_events (feed_id, at, kind, detail) VALUES ('paper', ?, 'format_changed', 'from RSS to Atom')"
        conn.execute(event, (_stamp(SOON - timedelta(days=5)),))
        conn.execute(
            "INSERT INTO signals (kind, feed_id, began_at, found_at, observed, expected, detail) "
            "VALUES ('silence', 'paper', '2026-11-25T00:00:00Z', '2026-11-26T00:00:00Z', 0, 24, '')"
        )
    stumbling = {"poll": {"last_ok_at": "", "failures": 3, "error": "<b>database or disk is full</b>"}}
    (home / "var/daemon.json").write_text(json.dumps(stumbling))
    return home


@stored.file_only
def test_a_healthy_home_has_facts_alone(healthy: Path) -> None:
    said = done(healthy, "doctor", "--deep")
    assert said.out.endswith("nothing is wrong\n")
    facts = {line["fact"]: line["value"] for line in done(healthy, "doctor", "--json").lines}
    assert list(facts) == FACTS
    assert re.search(r"aggregator\.db, [\d.]+ MB, log .*; 2 entries, 2 stories", facts["database"])
    assert re.match(r"the last of 20\d\d-\d\d-\d\d \d\d:\d\d UTC, .*\.tar\.gz; every 1d", facts["backup"])
    assert "the last message was taken 20" in facts["mail"]
    assert re.match(r"0 last; the next mail to boss@example.org is due 20..-..-.. 08:00 UTC", facts["notices"])


def test_what_is_wrong_comes_errors_first_each_with_what_to_do_and_a_name_of_its_own(troubled: Path) -> None:
    said = aggregator(troubled, "doctor", "--json")
    assert said.code == 1
    problems = [line for line in said.lines if "problem" in line]
    assert all(set(one) == {"level", "problem", "do", "about"} for one in problems)
    assert all(one["do"] and one["about"] for one in problems)
    levels = [one["level"] for one in problems]
    assert levels == sorted(levels), "error before warning"
    names = [one["about"] for one in problems]
    assert len(names) == len(set(names))
    assert {
        "relay:mail:failing", "line:poll:failing", "feed:broken:failing", "feed:paper:silent", "feed:paper:format",
        "configuration:contact", "configuration:public_url",
    } <= set(names)  # fmt: skip
    assert any(re.fullmatch(r"host:http://127\.0\.0\.1:\d+:certificate", name) for name in names)
    facts = {line["fact"]: line["value"] for line in said.lines if "fact" in line}
    assert facts["daemon"] == "does not run; failing: poll"
    assert facts["feeds"] == "1 failing, 2 ok, 1 silent"
    assert facts["certificates"].endswith(f"{SOON:%Y-%m-%d}")
    assert "; failing since " in facts["mail"]


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_a_terminal(troubled: Path, columns: int) -> None:
    page = shown_on_a_terminal(troubled, columns)
    plain = re.sub(r"\x1b\[\d*m", "", page).replace("\r", "")
    lines = plain.splitlines()
    assert max(map(len, lines)) <= columns
    values = [line[16:] for line in lines[: lines.index("")] if not line.startswith(" ")]
    assert all(value and not value.startswith(" ") for value in values), "the facts stand under each other"
    assert "\x1b[31merror" in page


def shown_on_a_terminal(home: Path, columns: int) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "aggregator", "--home", str(home), "doctor"]
    process = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=environment(COLUMNS=str(columns), TERM="xterm")
    )
    os.close(theirs)
    found = b""
    with suppress(OSError):  # the other end is closed
        while chunk := os.read(ours, 65_536):
            found += chunk
    os.close(ours)
    assert process.wait(20) == 1
    return found.decode()


def test_the_page_of_settings_shows_the_same_to_the_operator_alone(troubled: Path) -> None:
    with build(troubled, {"AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]'}) as app:
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        try:
            page = Browser.signed_in(app, thread.url).read("/configuration")
            assert "has not gone out" not in Browser(thread.url).ask("/configuration")[1]
        finally:
            thread.stop()
    assert "To look after" in page
    assert page.index("<strong>Error:</strong>") < page.index("feed broken failing")
    assert "mail has not gone out since" in page
    assert "&lt;b&gt;database or disk is full" in page
