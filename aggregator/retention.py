"""What is kept for how long, by feed and tag, and tidying up after it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from aggregator.care import Keep
from aggregator.feeds import identity
from aggregator.feeds import slice as slices
from aggregator.model import EntryKey
from aggregator.ports import Clock
from aggregator.progress import QUIET, Pulse
from aggregator.settings import Configuration
from aggregator.stores import Stores

BREATH = 0.02
"""Seconds between two transactions, in which others may write."""
SPARE = timedelta(days=62)


def keep(configuration: Configuration) -> Keep:
    """How long things are kept: of a feed what it says itself, else the longest of its tags, else `retention.entries`."""
    rules, backup = configuration.settings.retention, configuration.settings.backup
    feeds = dict(configuration.kept)
    for spec in configuration.feeds:
        ages = [rules.tags[tag] for tag in spec.tags if tag in rules.tags]
        if ages and spec.id not in feeds:
            feeds[spec.id] = None if None in ages else max(age for age in ages if age is not None)
    # The log must reach back to the oldest backup that is kept.
    log = timedelta(days=backup.daily + 7 * backup.weekly) + SPARE
    return Keep(rules.entries, feeds, rules.messages, rules.editions, log)


def tidy(
    stores: Stores,
    rules: Keep,
    clock: Clock,
    stop: threading.Event | None = None,
    *,
    now: datetime | None = None,
    everything: bool = False,
    pulse: Pulse = QUIET,
) -> Mapping[str, int]:
    """Remove what is old and needed by nobody: table -> rows. What is left when `stop` is set goes the next time.

    `now` is what the clock says, where nothing else is given (care.Moments.believed). Entries go at every call; what is no news but
    weight once a day, or where `everything` is asked for.
    """

    def pause() -> bool:
        pulse.beat()
        clock.sleep(BREATH, stop)
        return stop is None or not stop.is_set()

    now, store = now or clock.now(), stores.retention
    first = store.note_day(now, rules)
    gone = dict(store.prune(now, rules, pause))
    if not (first or everything) or not pause():
        return gone
    gone |= store.forget(now, rules, pause)
    for feed in stores.feeds.list():
        if not pause():
            break
        names = _shown(stores, feed.id)
        if names is not None:
            gone["keys"] = gone.get("keys", 0) + store.forget_keys(feed.id, names, now, rules, pause)
    return gone


def _shown(stores: Stores, feed_id: str) -> set[EntryKey] | None:
    """The names of what a feed's last document held; None when that is not known: then its names stay."""
    recall = stores.polls.recall(feed_id)
    if recall is None:
        return None
    try:
        items = [one.facts for one in slices.recalled(recall).items.values()]
    except slices.DamagedError:
        return None
    return identity.names(identity.keys(items))
