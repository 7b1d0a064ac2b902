"""The wiring: build(home) -> App, the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aggregator import adapters, instance, settings
from aggregator.channel import named
from aggregator.clock import SystemClock
from aggregator.errors import ConfigError, GiveUp
from aggregator.ports import Archive, Clock, Renderer, Transport, Workers
from aggregator.settings import Configuration
from aggregator.stores import Stores

if TYPE_CHECKING:
    from aggregator.catalog import CatalogReport
    from aggregator.compose import ComposeLine
    from aggregator.enrich import EnrichLine
    from aggregator.fetch import Client
    from aggregator.following import Following
    from aggregator.listing import Listing
    from aggregator.manners import Manners
    from aggregator.poll import PollLine
    from aggregator.query import Query
    from aggregator.returned import ReturnLine
    from aggregator.search import Enough
    from aggregator.send import SendLine
    from aggregator.signals import SignalLine
    from aggregator.subscribe import SubscribeLine
    from aggregator.watch.index import WatchIndex


PARTS = (
    "fetcher", "workers", "renderer", "transport", "channels", "archive", "poll", "enrich", "compose", "send", "subscribe", "signals",
)  # fmt: skip
"""What follows from the configuration and is replaced with it."""
MANY_WATCHLISTS = 100
REINDEXED, BREATH = 200, 0.02
"""Entries brought into a new index in one transaction, and the seconds that others may write before the next."""


class App:
    """Everything one process needs on one home. Parts are made when first asked for, so light commands stay light."""

    def __init__(self, configuration: Configuration, clock: Clock, environ: Mapping[str, str] | None = None) -> None:
        self.configuration = configuration
        self.clock = clock
        self._environ = os.environ if environ is None else environ
        self.owner = instance.owner()
        self.reads = False
        self._lock = threading.RLock()
        self._turn = threading.Lock()
        self._watch: WatchIndex | None = None
        self._closing: list[Client | Workers] = []

    # -- adapters --------------------------------------------------------------------------------------------------

    @cached_property
    def secret(self) -> bytes:
        """The installation's secret."""
        return settings.secret(self.configuration.home)

    @cached_property
    def stores(self) -> Stores:
        """The database, without what dead processes and wrong clocks left behind. Raises ConfigError and StoreError."""
        if self.reads:
            return adapters.stores_to_read(self.configuration, lambda: self.secret, self.clock.now())
        settings.prepare(self.configuration.home)
        return adapters.stores(self.configuration, self.secret, self.clock.now())

    @cached_property
    def fetcher(self) -> Client:
        """The only HTTP client."""
        return adapters.fetcher(self.configuration, self.clock, self._turn)

    @cached_property
    def manners(self) -> Manners:
        """What is known of the hosts of article pages."""
        from aggregator.manners import Manners

        return Manners()

    @cached_property
    def workers(self) -> Workers:
        """Killable processes for untrusted documents."""
        from aggregator.workers import Pool

        s = self.configuration.settings
        return Pool(
            max_workers=s.polling.workers,
            timeout=s.limits.parse_time.total_seconds(),
            memory=s.limits.parse_memory,
        )

    @cached_property
    def renderer(self) -> Renderer:
        """Editions to bytes."""
        from aggregator.readers import forms

        return adapters.renderer(self.configuration, lambda digest, key: forms.seal(self.secret, digest, key))

    @cached_property
    def transport(self) -> Transport:
        """SMTP where a server is named, else files."""
        return adapters.transport(self.configuration)

    @cached_property
    def channels(self) -> Mapping[str, Transport]:
        """By id, what carries editions to places other than mailboxes."""
        from aggregator.delivery.channels import transport

        every = self.configuration.channels.items()
        return {name: transport(one, self.fetcher, self.clock) for name, one in every}

    def route(self, address: str) -> Transport:
        """What carries messages to an address. Raises GiveUp when it names a channel that is not configured."""
        name = named(address)
        if not name:
            return self.transport
        if name not in self.channels:
            raise GiveUp("internal", f"there is no channel {name!r} in config/digests.yaml any more", address)
        return self.channels[name]

    @cached_property
    def archive(self) -> Archive:
        """Editions as files."""
        return adapters.archive(self.configuration)

    # -- lines -------------------------------------------------------------------------------------------------------

    @cached_property
    def poll(self) -> PollLine:
        """The poll line."""
        from aggregator.feeds.politeness import Rules
        from aggregator.outages import Outages
        from aggregator.poll import PollLine, PollRules

        polling, network = self.configuration.settings.polling, self.configuration.settings.network
        return PollLine(
            stores=self.stores,
            fetcher=self.fetcher,
            workers=self.workers,
            clock=self.clock,
            watch=self.watch_index,
            rules=PollRules(Rules(floor=polling.floor), polling.initial, polling.batch, spacing=network.host_spacing),
            owner=f"{self.owner}/poll",
            outages=Outages(self.stores, self.clock),
            access=self.configuration.access.get,
            turn=self._turn,
        )

    @cached_property
    def enrich(self) -> EnrichLine:
        """The enrich line."""
        from aggregator.enrich import EnrichLine, EnrichRules

        c = self.configuration.settings
        return EnrichLine(
            stores=self.stores,
            fetcher=self.fetcher,
            workers=self.workers,
            clock=self.clock,
            watch=self.watch_index,
            owner=f"{self.owner}/enrich",
            manners=self.manners,
            rules=EnrichRules(c.limits.articles_page, c.network.article_spacing),
        )

    @cached_property
    def compose(self) -> ComposeLine:
        """The compose line."""
        from aggregator.compose import ComposeLine

        return ComposeLine(
            stores=self.stores,
            renderer=self.renderer,
            archive=self.archive,
            clock=self.clock,
            secret=self.secret,
            domain=self.configuration.settings.mail.message_domain,
            thread=self.configuration.settings.mail.thread,
        )

    @cached_property
    def send(self) -> SendLine:
        """The send line."""
        from aggregator.send import SendLine

        return SendLine(
            stores=self.stores,
            route=self.route,
            renderer=self.renderer,
            clock=self.clock,
            owner=f"{self.owner}/send",
            return_path=self.return_path,
        )

    @cached_property
    def signals(self) -> SignalLine:
        """The signals line."""
        from aggregator.signals import SignalLine

        return SignalLine(stores=self.stores, clock=self.clock, muted=self.configuration.muted)

    @cached_property
    def returns(self) -> ReturnLine:
        """What takes mail that came back."""
        from aggregator.returned import ReturnLine

        operator = self.configuration.settings.operator
        return ReturnLine(stores=self.stores, clock=self.clock, secret=self.secret, canary=operator.canary)

    def return_path(self, subscription_id: int) -> str:
        """Where a subscription's mail comes back to."""
        from aggregator.digests import messages

        mail = self.configuration.settings.mail
        return messages.return_path(self.secret, subscription_id, mail.bounces) if mail.tagged else mail.bounces

    @cached_property
    def subscribe(self) -> SubscribeLine:
        """The subscribe line."""
        from aggregator.subscribe import Rules, SubscribeLine

        signup = self.configuration.settings.signup
        return SubscribeLine(
            stores=self.stores,
            renderer=self.renderer,
            clock=self.clock,
            secret=self.secret,
            domain=self.configuration.settings.mail.message_domain,
            rules=Rules(signup.mode == "open", signup.queries),
            watchlists=lambda: self.configuration.watchlists,
            parse=self.query,
            look_back=self.following.look_back,
        )

    @cached_property
    def following(self) -> Following:
        """Readers' own watchlists as they come and go."""
        from aggregator.following import Following

        return Following(self.stores, self.clock, lambda: self.configuration, self.query)

    # -- words and queries -------------------------------------------------------------------------------------------

    def query(self, text: str) -> Query:
        """Parse a query with the configured aliases."""
        from aggregator.query import parse

        return parse(text, self.configuration.aliases)

    def patience(self, share: float = 1.0) -> Enough:
        """Says when a search that anybody may ask for has had its share of `web.search_time`, which begins now."""
        from aggregator.search import budget

        return budget(self.clock, share * self.configuration.settings.web.search_time.total_seconds())

    def listing(self, kind: str, name: str, enough: Enough | None = None) -> Listing | None:
        """What feed readers get: a watchlist, a digest, or a search until it is `enough`; None for no such. Raises QueryError."""
        from aggregator import search, syndicate

        if kind == "search":
            results = search.search(self.stores, self.query(name), enough=enough)
            return syndicate.of_search(self.stores, name, ((one.entry, one.spans) for one in results))
        c = self.configuration
        if kind == "watchlist":
            return next((syndicate.of_watchlist(self.stores, one) for one in c.watchlists if one.id == name), None)
        return next((syndicate.of_digest(self.stores, one) for one in c.digests if one.id == name), None)

    def watch_index(self) -> WatchIndex:
        """The watchlists in force, compiled: the operator's, and readers' own as they come and go in whatever process."""
        from aggregator.search import word_counts
        from aggregator.watch.index import WatchIndex

        with self._lock:
            if self._watch is None:
                watchlists = self.configuration.watchlists
                # For a few, how long a word is tells enough.
                counts = word_counts(self.stores) if len(watchlists) >= MANY_WATCHLISTS else None
                self._watch = WatchIndex([(w.id, self.query(w.query)) for w in watchlists], counts)
                self.following.begin(self._watch)
            else:
                self.following.keep_up(self._watch)
            return self._watch

    def warm(self) -> None:
        """Make every part now, before several threads ask for it. Raises ConfigError when one cannot be made."""
        for part in PARTS:
            getattr(self, part)

    # -- configuration -----------------------------------------------------------------------------------------------

    def sync(self, now: datetime | None = None) -> CatalogReport:
        """Bring the database up to what the files say."""
        from aggregator import catalog

        return catalog.sync(self.configuration, self.stores, now or self.clock.now())

    def reconfigure(self, configuration: Configuration) -> CatalogReport:
        """Take over a new configuration while running; work under way finishes with the old parts.

        A configuration whose parts cannot be made is refused before anything changes. The database goes first, for a match needs its watchlist there.
        What was polled with the old watchlists meanwhile is matched against the new ones afterwards, so nothing falls between.
        """
        from aggregator import catalog

        before = self.configuration
        fresh = App(configuration, self.clock, self._environ)
        fresh.owner = self.owner
        fresh.__dict__.update(stores=self.stores, secret=self.secret, manners=self.manners)
        fresh.warm()
        report = catalog.sync(configuration, self.stores, self.clock.now())
        changed = catalog.differing(before, configuration)
        if before.settings.mail != configuration.settings.mail or before.channels != configuration.channels:
            self.stores.relays.works("")  # what failed may be what was mended: it is asked at once
        with self._lock:
            self.configuration = configuration
            self._watch_again(before, changed)
            self._closing += [self.__dict__[p] for p in ("fetcher", "workers") if p in self.__dict__]
            self.__dict__.update({part: fresh.__dict__[part] for part in PARTS})
        catalog.look_back(configuration, changed, self.stores, self.clock.now())
        return report

    def _watch_again(self, before: Configuration, changed: Collection[str]) -> None:
        """Bring the index up to a new configuration; what did not change is left alone."""
        if self._watch is None:
            return
        wanted = {w.id: w.query for w in self.configuration.watchlists}
        for gone in {w.id for w in before.watchlists} - wanted.keys():
            self._watch.remove(gone)
        for watchlist_id in changed:
            self._watch.add(watchlist_id, self.query(wanted[watchlist_id]))
        if before.aliases != self.configuration.aliases:
            self.following.ask_again()

    def catch_up(self) -> int:
        """Match what this process has stored against watchlists that somebody else added or changed meanwhile."""
        from aggregator import catalog

        self.watch_index()
        found = self.following.look_back(self.following.came)
        try:
            written = settings.load(self.configuration.home.path, self._environ)
        except ConfigError:
            return found  # half an edit; whoever takes it over looks back
        stored = {w.id for w in self.stores.watch.list()}
        changed = catalog.differing(self.configuration, written) & stored
        return found + catalog.look_back(written, changed, self.stores, self.clock.now())

    def forget_texts(self) -> None:
        """Drop what is kept of texts that are too old to be copied."""
        from aggregator.stories import assign

        self.stores.upkeep.forget_texts(self.clock.now() - assign.WINDOW)

    def reindex(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Go on with a new search index, where one is being made, for so long; whether more is left."""
        until = self.clock.monotonic() + seconds
        while more := self.stores.entries.reindex(REINDEXED):
            if self.clock.monotonic() >= until or (stop is not None and stop.is_set()):
                break
            self.clock.sleep(BREATH, stop)
        return more

    def close_replaced(self) -> None:
        """Close what `reconfigure` replaced; call it when no line is at work."""
        with self._lock:
            replaced, self._closing = self._closing, []
        for part in replaced:
            part.close()

    def close(self) -> None:
        """Let go of everything; safe to call twice."""
        self.close_replaced()
        for name in ("fetcher", "workers"):
            part = self.__dict__.pop(name, None)
            if part is not None:
                part.close()
        stores = self.__dict__.pop("stores", None)
        if stores is not None:
            stores.upkeep.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def build(home: Path, environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> App:
    """Read the configuration of `home` and wire an App. Raises ConfigError with every problem found."""
    configuration = settings.load(home, os.environ if environ is None else environ)
    return App(configuration, clock or SystemClock(), environ)
