"""What a row of the manifest is: one way to misbehave, and what must come of it after ten staged days of polling."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aggregator.model import Entry, Feed
from tests.conformance.feedserver import Behaviour, FeedServer, Headers, document, in_turn, status
from tests.e2e.homes import START, Item, rss

MOMENTS = tuple(timedelta(hours=h) for h in (0, 0.5, 2, 26, 74, 240))
"""When the staged clock stands at a sweep. A well-behaved hourly feed is asked at each, but for the second: not its time."""
HOURLY = "101111"
ONCE = "100000"
TITLE = "Town council meets"
"""The title of the one entry that most rows serve."""
FEED = "/feed"


@dataclass
class Place:
    """Where one row is served: a loopback host of its own, and a second one for what happens elsewhere."""

    stack: ExitStack
    hosts: itertools.count[int]
    names: dict[str, list[str]]
    servers: list[FeedServer] = field(default_factory=list)

    def open(self, **options: Any) -> FeedServer:
        """One more host."""
        number = next(self.hosts)
        server = FeedServer(f"127.{1 + number // 250}.0.{1 + number % 250}", **options)
        self.servers.append(self.stack.enter_context(server))
        return server

    @property
    def server(self) -> FeedServer:
        """The row's own host."""
        return self.servers[0] if self.servers else self.open()

    @property
    def other(self) -> FeedServer:
        """Another host."""
        return self.servers[1] if self.server and len(self.servers) > 1 else self.open()

    def named(self, name: str, *addresses: str) -> str:
        """A name that the resolver of this world knows, for the row's own host unless told otherwise; the feed's URL by it."""
        self.names[name] = [" ".join(addresses or (self.server.host,))]
        return self.server.url(FEED, host=name)

    def add(self, path: str, behaviour: Behaviour) -> str:
        """Answer another path of the row's own host; its URL."""
        return self.server.add(path, behaviour)


Serve = Callable[[Place], Behaviour | str]
"""Sets the row up: what its feed's address answers, or the whole address where that is the point."""


@dataclass(frozen=True)
class Seen:
    """What became of one row."""

    place: Place
    feeds: tuple[Feed, ...]
    entries: tuple[Entry, ...]
    asked: tuple[int, ...]

    @property
    def feed(self) -> Feed:
        """The feed at the end."""
        return self.feeds[-1]

    @property
    def titles(self) -> list[str]:
        """Titles of all that is stored, in order."""
        return [e.title for e in self.entries]

    def paths(self) -> set[str]:
        """Everything that was asked of the row's own hosts."""
        return {r.path for server in self.place.servers for r in server.requests}

    def one(self) -> Entry:
        """The only entry."""
        (entry,) = self.entries
        return entry


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to misbehave.

    Attributes:
        name: the word by which it is known; also the feed's id.
        does: what the server does, in one sentence.
        spec: where it is asked for.
        serve: sets it up.
        asked: how often the feed's address may be asked at each of the MOMENTS, a digit each. For a feed that is well it
            is the most (an adaptive interval may ask less), else exact.
        exact: the digits are exact although the feed is well.
        most: requests to all hosts of the row together; 0: no more than `asked`, so nothing else is asked for.
        entries: how many are stored at the end.
        titles: of all that is stored, in any order; empty: not looked at.
        state, error: of the feed at the end.
        errors: its error class after each sweep, where it changes.
        malformed: whether the document is marked so.
        sent: values of a request header in the first, second ... request for the feed's address; None: not sent.
        says: words that its error line holds.
        feed: what else stands in feeds.yaml.
        also: more addresses of the row's host that are feeds too.
        check: whatever else must hold.
        needs: a part of the poller that is still being built.
    """

    name: str
    does: str
    spec: str
    serve: Serve
    asked: str = HOURLY
    exact: bool = False
    most: int = 0
    entries: int = 1
    titles: tuple[str, ...] = ()
    state: str = "ok"
    error: str = ""
    errors: tuple[str, ...] = ()
    malformed: bool = False
    sent: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    says: str = ""
    feed: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    check: Callable[[Seen], None] | None = None
    needs: str = ""


# -- words that the rows are made of -----------------------------------------------------------------------------------


def failing(name: str, does: str, spec: str, error: str, serve: Serve, **more: Any) -> Fault:
    """A row whose feed never gives anything."""
    fields: dict[str, Any] = {"state": "failing", "error": error, "entries": 0} | more
    return Fault(name=name, does=does, spec=spec, serve=serve, **fields)


def well(name: str, does: str, spec: str, serve: Serve, **more: Any) -> Fault:
    """A row whose feed is read all the same."""
    return Fault(name=name, does=does, spec=spec, serve=serve, **more)


def news(*titles: str) -> bytes:
    """An honest feed with these entries; each title is its own guid."""
    return rss(*(Item(f"id-{t}", t, f"{t}. All of it is reported here.") for t in titles or (TITLE,)))


def plain(body: bytes = b"", headers: Headers = (), **more: Any) -> Behaviour:
    """An honest answer."""
    return document(body or news(), headers=headers, **more)


def told(*headers: tuple[str, str], body: bytes = b"") -> Serve:
    """A 200 with these headers, whatever it is asked."""
    return lambda _: status(200, body or news(), headers)


def answer(code: int, body: bytes = b"", headers: Headers = ()) -> Serve:
    """A status, always."""
    return lambda _: status(code, body, headers)


def always(behaviour: Behaviour) -> Serve:
    """A behaviour that needs nothing and remembers nothing."""
    return lambda _: behaviour


def turns(*behaviours: Behaviour) -> Serve:
    """One answer after the other, the last for ever."""
    return lambda _: in_turn(*behaviours)


def bodies(*documents: bytes) -> Serve:
    """One document after the other, the last for ever."""
    return turns(*(status(200, d) for d in documents))


def xml(items: str, head: str = "", declaration: str = "<?xml version='1.0' encoding='utf-8'?>") -> bytes:
    """RSS around hand-written items."""
    return f"{declaration}<rss version='2.0'><channel><title>News</title>{head}{items}</channel></rss>".encode()


def item(title: str = TITLE, more: str = "", guid: str = "1") -> str:
    """A hand-written item; `title` is already escaped."""
    return f"<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title>{more}</item>"


def ago(hours: float) -> str:
    """An RFC 822 date before the first sweep."""
    return format_datetime(START - timedelta(hours=hours), usegmt=True)


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment, UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
