"""Channels end to end: an edition goes to mailboxes, webhooks, chat and folders, and none of them waits for another."""

from __future__ import annotations

import contextlib
import email
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email import policy
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.sample.sink import Sink
from aggregator.send import SendReport
from aggregator.settings import load
from tests import stored
from tests.conformance.feedserver import Call, FeedServer
from tests.conformance.hooks import Hook
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, rss, sweep, write_home
from tests.e2e.program import aggregator, done, until

SECRET = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"


class Ticker:
    """A feed that serves what the test has put on it."""

    def __init__(self) -> None:
        self.items: list[Item] = [Item("0", "Nothing yet")]

    def __call__(self, call: Call) -> None:
        call.respond(200, rss(*self.items), [("Content-Type", "application/rss+xml")])


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
def feed(ticker: Ticker) -> Iterator[str]:
    with FeedServer() as server:
        yield server.add("/rss", ticker)


def hook_channel(name: str, hook: Hook) -> dict[str, str]:
    return {"id": name, "webhook": hook.url, "secret": SECRET}


def newsroom(home: Path, feed: str, channels: list[dict[str, str]], mails: int = 1) -> Path:
    """A home with an instant digest to `mails` mailboxes and every channel."""
    to = [*(f"reader{n}@example.org" for n in range(mails)), *({"channel": one["id"]} for one in channels)]
    now = {"id": "now", "title": "At once", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": to}
    write_home(
        home, [{"id": "news", "url": feed}], watchlists=WATCHLISTS, digests={"channels": channels, "digests": [now]}
    )
    return home


@contextlib.contextmanager
def opened(home: Path, sink: Sink | None = None) -> Iterator[tuple[App, SetClock]]:
    clock = SetClock(START)
    mail: Mapping[str, str] = {
        "AGGREGATOR__MAIL__HOST": "127.0.0.1",
        "AGGREGATOR__MAIL__PORT": str(sink.port),
        "AGGREGATOR__MAIL__SECURITY": "none",
    } if sink else {}  # fmt: skip
    public = {"AGGREGATOR__WEB__PUBLIC_URL": "https://news.example"}
    with build(home, {**ENVIRON, **mail, **public}, clock) as app:
        app.sync()
        sweep(app)
        yield app, clock


def news(app: App, clock: SetClock, ticker: Ticker, title: str) -> None:
    """Something happens, and an alert of it is made."""
    clock.advance(timedelta(hours=3))
    ticker.items.insert(0, Item(title, title, f"{title}, at length.", clock.now()))
    sweep(app)
    app.compose.run()


def states(app: App) -> dict[str, str]:
    return {m.address: m.state for m in app.stores.outbox.list()}


def test_an_alert_goes_to_mailbox_webhook_and_folder_in_the_form_of_each(
    tmp_path: Path, ticker: Ticker, feed: str
) -> None:
    with Hook() as hook:
        folder = {"id": "folder", "directory": "outbox"}
        with opened(newsroom(tmp_path, feed, [hook_channel("desk", hook), folder])) as (app, clock):
            news(app, clock, ticker, "CSTO leaders meet")
            report = app.send.run()
            assert (report.sent, report.error) == (3, "")
            assert set(states(app).values()) == {"sent"}
            message = next(m for m in app.stores.outbox.list() if m.address == "channel:desk")
        [came] = hook.deliveries
    told = json.loads(came.body)
    assert told["type"] == "alert"
    assert told["id"] == came.headers["webhook-id"] == message.message_id.strip("<>")
    [story] = told["data"]["stories"]
    assert (story["headline"], story["watchlists"]) == ("CSTO leaders meet", ["csto"])
    assert told["data"]["archive"].startswith("https://news.example/editions/now/")
    [file] = (tmp_path / "outbox").glob("*.eml")
    mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert str(mail["To"]) == "folder:;"
    assert not mail.defects
    assert "CSTO leaders meet" in mail["Subject"]


@stored.file_only
def test_no_secret_and_no_url_of_a_webhook_reaches_the_database(tmp_path: Path, ticker: Ticker, feed: str) -> None:
    with Hook(lambda _: (500, {}, b"")) as hook:
        hook.url += "/T0PSECRET"
        with opened(newsroom(tmp_path, feed, [hook_channel("desk", hook)])) as (app, clock):
            news(app, clock, ticker, "CSTO leaders meet")
            assert app.send.run().retry == 1
    stored = b"".join(path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file())
    assert b"channel desk (127.0.0.1) cannot take it now: 500" in stored
    assert b"T0PSECRET" not in stored
    assert SECRET[6:].encode() not in stored


def test_a_webhook_that_hangs_delays_neither_another_nor_mail_nor_news_that_comes_meanwhile(
    tmp_path: Path, ticker: Ticker, feed: str
) -> None:
    with Sink() as sink, Hook() as good, Hook(lambda _: "hang") as bad:
        channels = [hook_channel("a-bad", bad), hook_channel("good", good)]
        with opened(newsroom(tmp_path, feed, channels, mails=25), sink) as (app, clock):
            news(app, clock, ticker, "CSTO leaders meet")
            reports: list[SendReport] = []
            sending = threading.Thread(target=lambda: reports.append(app.send.run()))
            sending.start()
            until(lambda: len(sink.messages) == 25 and len(good.deliveries) == 1, "mail and the good webhook", 10)
            assert len(bad.deliveries) == 1
            # The same run serves what falls due while the bad one hangs.
            news(app, clock, ticker, "CSTO drill begins")
            until(lambda: len(sink.messages) == 50 and len(good.deliveries) == 2, "what came meanwhile", 10)
            assert len(bad.deliveries) == 1
            assert sending.is_alive()
            bad.ending.set()  # it hangs up
            sending.join(30)
            assert not sending.is_alive()
            [report] = reports
            # The second piece of news moved the clock on, so that the first message was due again.
            assert (report.sent, report.unknown) == (52, 3)
            assert "may have taken" in report.error
            assert {m.address for m in app.stores.outbox.list(["unknown"])} == {"channel:a-bad"}
            # Unknown is sent again, under the same id.
            bad.answer = good.answer
            clock.advance(timedelta(hours=1))
            assert app.send.run().sent == 2
            ids = [d.headers["webhook-id"] for d in bad.deliveries]
            assert len(ids) == 5
            assert len(set(ids)) == 2


def test_a_channel_subscribed_by_hand_is_one_of_the_file(tmp_path: Path, feed: str) -> None:
    channels = [{"id": "desk", "directory": "desk"}, {"id": "folder", "directory": "outbox"}]
    newsroom(tmp_path, feed, channels, mails=0)
    refused = aggregator(tmp_path, "subscriptions", "add", "now", "channel:dest")
    assert refused.code == 2
    assert "no channel 'dest' in config/digests.yaml; there are: desk, folder" in refused.err
    done(tmp_path, "subscriptions", "add", "now", "channel:desk", "--prominence", "title")
    listed = done(tmp_path, "subscriptions", "list", "--json").lines
    assert [(s["address"], s["prominence"]) for s in listed] == [("channel:desk", "title"), ("channel:folder", "any")]


def test_messages_to_a_channel_that_has_gone_from_the_file_say_so(tmp_path: Path, ticker: Ticker, feed: str) -> None:
    newsroom(tmp_path, feed, [{"id": "folder", "directory": "outbox"}], mails=0)
    with opened(tmp_path) as (app, clock):
        app.stores.subscriptions.add("now", "channel:desk", clock.now())
        news(app, clock, ticker, "CSTO leaders meet")
        report = app.send.run()
        assert (report.sent, report.dead) == (1, 1)
        assert report.error == "there is no channel 'desk' in config/digests.yaml any more"


def test_a_webhook_that_says_410_ends_its_own_subscription_and_no_other(
    tmp_path: Path, ticker: Ticker, feed: str
) -> None:
    with Hook(lambda _: (410, {}, b"")) as gone, Hook() as good:
        channels = [hook_channel("gone", gone), hook_channel("good", good)]
        with opened(newsroom(tmp_path, feed, channels, mails=0)) as (app, clock):
            news(app, clock, ticker, "CSTO leaders meet")
            report = app.send.run()
            assert (report.sent, report.dead) == (1, 1)
            news(app, clock, ticker, "CSTO drill begins")
            app.sync()
            assert app.send.run().sent == 1
            ended = {s.address: (s.state, s.reason) for s in app.stores.subscriptions.list()}
        assert ended["channel:gone"] == ("ended", "channel gone (127.0.0.1) wants no more deliveries: 410 Gone")
        assert ended["channel:good"][0] == "active"
        assert (len(gone.deliveries), len(good.deliveries)) == (1, 2)


def test_a_secret_that_changes_is_taken_over_by_a_reload(tmp_path: Path, ticker: Ticker, feed: str) -> None:
    with Hook() as hook:
        channel = {"id": "desk", "webhook": hook.url, "secret_file": "secret"}
        (tmp_path / "secret").write_text(SECRET)
        with opened(newsroom(tmp_path, feed, [channel])) as (app, clock):
            news(app, clock, ticker, "CSTO leaders meet")
            app.send.run()
            (tmp_path / "secret").write_text(f"{SECRET[:-4]}AAAA\n{SECRET}\n")
            app.reconfigure(load(tmp_path, ENVIRON))
            news(app, clock, ticker, "CSTO drill begins")
            app.send.run()
        assert [len(d.headers["webhook-signature"].split()) for d in hook.deliveries] == [1, 2]


def test_a_stop_leaves_what_was_not_begun_waiting(tmp_path: Path, ticker: Ticker, feed: str) -> None:
    with Hook() as hook, opened(newsroom(tmp_path, feed, [hook_channel("desk", hook)], mails=3)) as (app, clock):
        news(app, clock, ticker, "CSTO leaders meet")
        stop = threading.Event()
        stop.set()
        assert app.send.run(stop).sent == 0
        assert set(states(app).values()) == {"waiting"}
        assert app.send.run().sent == 4
