"""One home polls every fault for ten staged days; then every row of the manifest is held to its word."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import pytest

from aggregator import feedview
from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.errors import FetchErrorClass
from aggregator.fetch import Client
from aggregator.model import Feed
from tests import counts
from tests.conformance.fetching import names
from tests.conftest import loopback_only
from tests.e2e.homes import ENVIRON, START, write_home
from tests.e2e.program import done
from tests.faultserver.attacks import HOSTILE, LIVE
from tests.faultserver.manifest import FEED, MOMENTS, Fault, Seen
from tests.faultserver.site import FAULTS, LIMITS, Site, feed_id, served

PENDING: set[str] = set()
"""Parts of the poller that are still being built; a row that needs one is passed over."""
PATIENCE = 120.0
"""Seconds that all of it may take."""
WATCH = {"watchlists": [{"id": "hostile", "title": "Hostile", "query": HOSTILE}]}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


@dataclass
class Days:
    """What the ten days left behind."""

    home: Path
    site: Site
    seen: dict[str, Seen]
    feeds: list[Feed]
    failed: int = 0


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    home = tmp_path_factory.mktemp("faults")
    with loopback_only(), served() as site:
        write_home(home, site.feeds, watchlists=WATCH, digests=_digests())
        clock = SetClock(START)
        with build(home, ENVIRON | LIMITS, clock) as app:
            app.sync()
            assert isinstance(app.fetcher, Client)
            app.fetcher._resolver = lambda: names(site.names)
            feeds, asked = _poll(app, clock, site)
            found = Days(home, site, {}, app.stores.feeds.list())
            for fault in FAULTS:
                states = tuple(f[feed_id(fault.name)] for f in feeds)
                entries = tuple(app.stores.entries.entries(feed_id(fault.name)))
                found.seen[fault.name] = Seen(site.places[fault.name], states, entries, asked[fault.name])
        yield found
        counts.report("fault server behaviours", len(FAULTS), found.failed, f"{_passed_over()} wait for their part")


def _digests() -> dict[str, object]:
    daily = {"id": "daily", "title": "Daily", "watchlists": ["hostile"], "at": "07:30", "to": ["desk@example.org"]}
    return {"digests": [daily]}


def _poll(app: App, clock: SetClock, site: Site) -> tuple[list[dict[str, Feed]], dict[str, tuple[int, ...]]]:
    """A sweep at each moment: every feed after each, and how often its address was asked in each."""
    line = replace(app.poll, chance=lambda: 0.5)
    feeds, totals = [], []
    for moment in MOMENTS:
        clock.advance(START + moment - clock.now())
        list(line.sweep())
        feeds.append({f.id: f for f in app.stores.feeds.list()})
        totals.append({name: _requests(site, name) for name in site.places})
        app.compose.run()
        app.send.run()
    asked = {n: tuple(b[n] - a.get(n, 0) for a, b in zip([{}, *totals], totals, strict=False)) for n in site.places}
    return feeds, asked


def _requests(site: Site, name: str) -> int:
    return sum(len(server.log(FEED)) for server in site.places[name].servers)


def _passed_over() -> int:
    return sum(f.needs in PENDING for f in FAULTS)


# -- every row ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [pytest.param(f, id=f.name) for f in FAULTS])
def test_each_way_to_misbehave_is_held(days: Days, fault: Fault) -> None:
    if fault.needs in PENDING:
        pytest.skip(f"needs {fault.needs}")
    try:
        _hold(fault, days.seen[fault.name])
    except AssertionError:
        days.failed += 1
        raise


def _hold(fault: Fault, seen: Seen) -> None:
    poll = seen.feed.poll
    assert (poll.state, poll.error_class) == (fault.state, fault.error), poll.error
    if fault.errors:
        assert tuple(f.poll.error_class for f in seen.feeds) == fault.errors
    assert len(seen.entries) == fault.entries, seen.titles[:5]
    if fault.titles:
        assert sorted(seen.titles) == sorted(fault.titles)
    assert bool(poll.malformed) == fault.malformed, poll.malformed
    assert fault.says in poll.error
    _hold_requests(fault, seen)
    if fault.check is not None:
        fault.check(seen)


def _hold_requests(fault: Fault, seen: Seen) -> None:
    allowed = tuple(map(int, fault.asked))
    if fault.exact or fault.state != "ok":
        assert seen.asked == allowed
    else:
        assert all(a <= b for a, b in zip(accumulate(seen.asked), accumulate(allowed), strict=True)), seen.asked
        assert sum(seen.asked) >= min(2, sum(allowed)), seen.asked
    everything = [r for server in seen.place.servers for r in server.requests]
    assert len(everything) <= (fault.most or sum(allowed)), sorted(seen.paths())
    for header, values in fault.sent.items():
        own = [r.headers.get(header) for r in seen.place.server.log(FEED)]
        assert own[: len(values)] == list(values)


def test_the_manifest_is_large_and_names_each_fault_once() -> None:
    names = [f.name for f in FAULTS]
    assert len(names) == len(set(names)) >= 140
    errors = {e for f in FAULTS for e in (f.error, *f.errors)} - {""}
    # A worker's time and our own faults cannot be provoked from outside; a dead network would be a void round.
    assert errors == set(FetchErrorClass.__args__) - {"parse_timeout", "internal", "local_network", "withdrawn"}  # type: ignore[attr-defined]
    assert {f.needs for f in FAULTS} - {""} <= PENDING | {
        "redirect-rewrite",
        "host-hold",
        "hints",
        "frozen-etag",
        "gap",
    }


def test_what_was_missed_and_what_has_moved_is_told(days: Days) -> None:
    assert "missed" in done(days.home, "feeds", "show", "gap").text
    moved = next(f for f in days.feeds if f.id == "r301")
    assert moved.poll.moved_url == days.site.places["r301"].server.url("/new")
    shown = done(days.home, "feeds", "show", "r301").text
    assert days.site.urls["r301"] in shown


# -- what people see -----------------------------------------------------------------------------------------------------------

JARGON = re.compile(
    r"\b[A-Z]\w+(?:Error|Exception)\b|errno|\[Errno|Traceback|<class|0x[0-9a-f]{6,}|\bNone\b|b'|\\x|\.py\b"
)


def test_every_error_is_one_line_that_anybody_can_read(days: Days) -> None:
    failing = [f for f in days.feeds if f.poll.error]
    assert len(failing) >= 100
    for feed in failing:
        error = feed.poll.error
        assert error.isprintable(), (feed.id, error)
        assert not JARGON.search(error), (feed.id, error)
        assert len(error) <= 160 + len(feed.spec.url), (feed.id, error)
        assert re.search(r"[a-z]{2,} [A-Za-z]+", error), (feed.id, error)
        assert feedview.advice(feed), feed.id


def test_feeds_list_shows_each_of_them_on_a_line_of_its_own(days: Days) -> None:
    listed = done(days.home, "feeds", "list").out.splitlines()
    rows = {line.split()[0]: line for line in listed[1:]}
    assert len(listed) == len(days.feeds) + 1
    for feed in days.feeds:
        line = next(rows[i] for i in rows if i.rstrip("…") == feed.id[:27] or i == feed.id)
        assert line.isprintable()
        assert not JARGON.search(line), line
        assert feed.poll.state in line
        assert not feed.poll.error or feedview.trouble(feed)[:40] in line
    assert "s3cret" not in "\n".join(listed)


def test_no_secret_is_shown_anywhere(days: Days) -> None:
    for command in (
        ["feeds", "list", "--json"],
        ["entries", "--json"],
        ["doctor"],
        ["stats"],
        ["feeds", "export"],
        ["feeds", "show", "auth-basic"],
    ):
        assert "s3cret" not in done(days.home, *command).text, command


def test_hostile_content_stays_content_in_pages_and_mails(days: Days) -> None:
    pages = sorted((days.home / "var/pages").rglob("*.html"))
    mails = [
        email.message_from_bytes(p.read_bytes(), policy=email.policy.default)
        for p in (days.home / "var/mail").glob("*.eml")
    ]
    assert pages
    assert mails
    shown = [p.read_text() for p in pages]
    for mail in mails:
        assert not {"bcc", "cc"} & {name.lower() for name in mail.keys()}  # noqa: SIM118 - a message is no dict
        assert [mail["to"]] == ["desk@example.org"]
        shown += [str(part.get_content()) for part in mail.walk() if part.get_content_type() == "text/html"]
    assert HOSTILE in "".join(shown)
    for text in shown:
        foreign = re.sub(r"(?s)<style>.*?</style>|<meta [^>]*>|<link [^>]*>", "", text)
        tags = re.sub(r">[^<]*<", "><", foreign)
        assert not LIVE.search(tags), LIVE.search(tags)
        assert "1337" not in text  # 7*191
        assert "pixel" not in tags


def test_nothing_is_written_outside_var(days: Days) -> None:
    assert {p.name for p in days.home.iterdir()} == {"feeds.yaml", "config", "var"}
    assert not Path("/tmp/evil").exists()


def test_no_feed_is_lost_to_another(days: Days) -> None:
    assert len(days.feeds) == len(days.site.feeds)
    assert all(f.poll.last_poll_at for f in days.feeds)
