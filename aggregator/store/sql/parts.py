"""All parts of a store on one database, but for its upkeep, which each engine has of its own."""

from __future__ import annotations

from datetime import timedelta

from aggregator.store.sql.agenda import Agenda
from aggregator.store.sql.alerts import Alerts
from aggregator.store.sql.attention import Attention
from aggregator.store.sql.bounces import Bounces
from aggregator.store.sql.canary import Canary
from aggregator.store.sql.credentials import Credentials
from aggregator.store.sql.editions import Editions
from aggregator.store.sql.engine import Database
from aggregator.store.sql.entries import Entries
from aggregator.store.sql.feeds import Feeds
from aggregator.store.sql.history import History
from aggregator.store.sql.measures import Measuring
from aggregator.store.sql.moments import Moments
from aggregator.store.sql.network import Network
from aggregator.store.sql.notices import Notices
from aggregator.store.sql.outbox import Outbox
from aggregator.store.sql.overview import Overview
from aggregator.store.sql.polls import Polls
from aggregator.store.sql.portions import Portions
from aggregator.store.sql.readers import Readers
from aggregator.store.sql.reading import Reading
from aggregator.store.sql.relays import Relays
from aggregator.store.sql.retention import Retention
from aggregator.store.sql.signals import Signals
from aggregator.store.sql.signups import Signups
from aggregator.store.sql.stories import Stories
from aggregator.store.sql.subscriptions import Subscriptions
from aggregator.store.sql.suppressions import Suppressions
from aggregator.store.sql.watch import Watch
from aggregator.store.sql.workers import Workers


class Parts:
    """The parts that are the same for each engine (stores.Stores)."""

    def __init__(self, db: Database, secret: bytes, initial: timedelta) -> None:
        self.feeds = Feeds(db)
        self.history = History(db)
        self.polls = Polls(db)
        self.network = Network(db)
        self.entries = Entries(db)
        self.stories = Stories(db)
        self.watch = Watch(db)
        self.editions = Editions(db, initial)
        self.alerts = Alerts(db)
        self.relays = Relays(db)
        self.outbox = Outbox(db, secret)
        self.canary = Canary(db)
        self.subscriptions = Subscriptions(db, secret)
        self.bounces = Bounces(db, secret)
        self.signups = Signups(db, secret)
        self.readers = Readers(db, secret, initial)
        self.suppressions = Suppressions(db, secret)
        self.attention = Attention(db)
        self.signals = Signals(db)
        self.reading = Reading(db)
        self.overview = Overview(db)
        self.portions = Portions(db)
        self.credentials = Credentials(db)
        self.notices = Notices(db)
        self.measures = Measuring(db)
        self.moments = Moments(db)
        self.agenda = Agenda(db)
        self.workers = Workers(db)
        self.retention = Retention(db)
