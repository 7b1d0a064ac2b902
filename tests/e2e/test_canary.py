"""The canary: a copy of each digest goes to a mailbox of the operator's, and what does not arrive there is named."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aggregator import diagnosis
from aggregator.app import build
from aggregator.clock import SystemClock
from aggregator.jobs import Jobs
from aggregator.sample.sink import Received, Sink
from tests.conformance.feedserver import FeedServer
from tests.e2e.browser import Browser, served
from tests.e2e.program import DIGESTS, Wire, aggregator, done, merged, smtp, write_home
from tests.e2e.test_bounce import returned
from tests.e2e.test_heartbeat import Switch

CANARY = "canary@news.example"
ALERTS = {"id": "now", "title": "Now", "watchlists": ["csto"], "every": "instant", "to": ["desk@example.org"]}


@dataclass
class Sent:
    """A home that has sent one digest, and what came over the wire."""

    home: Path
    switch: Switch
    mails: dict[str, Received]

    @property
    def copy(self) -> str:
        """The copy, as the canary's mailbox has it."""
        return self.mails[CANARY].content.decode()


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sent]:
    with FeedServer() as server, Sink() as sink:
        url = server.add("/wire", Wire("wire", "CSTO meets", "Town budget"))
        switch = Switch()
        operator = {"canary": CANARY, "heartbeat": server.add("/beat", switch)}
        settings = merged(smtp(sink.host, sink.port), {"operator": operator, "web": {"metrics": "open"}})
        write_home(tmp_path, {"wire": url}, settings=settings, digests={"digests": [*DIGESTS["digests"], ALERTS]})
        done(tmp_path, "poll")
        done(tmp_path, "digest", "morning", "--send")
        yield Sent(tmp_path, switch, {r: one for one in sink.wait_for(2) for r in one.recipients})


class Later(SystemClock):
    """Two hours from now."""

    def now(self) -> datetime:
        """Two hours from now."""
        return super().now() + timedelta(hours=2)


def missed(home: Path) -> list[tuple[str, str]]:
    """What doctor says of it two hours later."""
    with build(home, clock=Later()) as app:
        return [(p.level, p.what) for p in diagnosis.other_problems(app) if p.about == "canary:missing"]


def beats(home: Path, switch: Switch) -> bool:
    """Whether the heartbeat comes two hours later."""
    before = len(switch.rung)
    with build(home, clock=Later()) as app:
        Jobs(app, threading.Event()).heartbeat()
    return len(switch.rung) > before


def test_a_copy_that_arrives_is_noted_once(sent: Sent) -> None:
    assert set(sent.mails) == {"desk@example.org", CANARY}, "no copy of an alert"
    assert f"canary {CANARY}; nothing was seen there yet" in " ".join(aggregator(sent.home, "doctor").out.split())
    said = done(sent.home, "bounce", stdin=sent.copy).out
    assert re.fullmatch(r"the canary has edition morning \S+\n", said)
    assert done(sent.home, "bounce", stdin=sent.copy).out == said, "a second time is no harm"
    assert "was seen there" in " ".join(aggregator(sent.home, "doctor").out.split())
    assert missed(sent.home) == []


def test_a_copy_that_does_not_arrive_is_an_error_and_the_heartbeat_falls_silent_until_one_does(sent: Sent) -> None:
    with build(sent.home) as app:
        assert not diagnosis.canary_rings(app), "it has its hour"
    ((level, what),) = missed(sent.home)
    assert level == "error"
    assert what.startswith("1 edition of the last 7 days did not arrive in the canary's mailbox, the newest: morning ")
    assert not beats(sent.home, sent.switch)
    done(sent.home, "bounce", stdin=sent.copy)
    assert missed(sent.home) == []
    assert beats(sent.home, sent.switch)


def test_metrics_count_what_is_missed(sent: Sent) -> None:
    with build(sent.home, clock=Later()) as app, served(app) as url:
        assert "aggregator_canary_missing 1.0" in Browser(url).ask("/metrics").page


@pytest.mark.parametrize("name", ["postfix-delayed", "exim-unknown", "vacation"])
def test_a_report_on_a_copy_is_no_arrival(sent: Sent, name: str) -> None:
    done(sent.home, "bounce", stdin=returned(name, sent.mails[CANARY]))
    assert len(missed(sent.home)) == 1


def test_the_mail_of_a_reader_is_no_copy(sent: Sent) -> None:
    said = done(sent.home, "bounce", stdin=sent.mails["desk@example.org"].content.decode()).out
    assert said == "ignored: an automatic answer\n"


def test_where_there_is_no_canary_nothing_is_noted(sent: Sent) -> None:
    write_home(sent.home, {}, settings={})
    assert done(sent.home, "bounce", stdin=sent.copy).out == "ignored: an automatic answer\n"
    assert "\ncanary " not in aggregator(sent.home, "doctor").out


def test_a_canary_that_reads_a_digest_anyway_gets_it_once(sent: Sent) -> None:
    digests = {"digests": [DIGESTS["digests"][0] | {"to": ["desk@example.org", CANARY.title()]}]}
    (sent.home / "config/digests.yaml").write_text(json.dumps(digests))
    done(sent.home, "check")
    with build(sent.home) as app:
        assert app.configuration.digests[0].to == (
            "desk@example.org",
            CANARY.title().partition("@")[0] + "@news.example",
        )
