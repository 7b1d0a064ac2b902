"""What the daemon's log says of polls, outages and changed files: a line when something happened, none when not."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator import replies, signalview, urls
from aggregator.model import PollReport

if TYPE_CHECKING:
    from aggregator.catalog import CatalogReport
    from aggregator.notice import Changed
    from aggregator.settings import Configuration, Settings
    from aggregator.signals import Noticed

log = logging.getLogger("aggregator")
MINUTE = "%Y-%m-%d %H:%M"


def many(count: int, one: str, more: str = "") -> str:
    """A number and its noun."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def poll(report: PollReport) -> None:
    """What one poll brought."""
    for event in report.events:
        log.warning("feed %s: %s: %s", report.feed_id, event.kind.replace("_", " "), event.detail)
    if report.outcome == "failed":
        error = urls.named(report.url, report.error)
        when = report.next_poll_at.strftime(f"{MINUTE} UTC")
        log.warning("feed %s: %s: %s; next try %s", report.feed_id, report.error_class, error, when)
    elif report.entries_new or report.entries_revised:
        revised = f", {report.entries_revised} revised" if report.entries_revised else ""
        matches = f", {many(report.matches, 'match', 'matches')}" if report.matches else ""
        log.info("feed %s: %d new%s%s%s", report.feed_id, report.entries_new, revised, matches, _missed(report))
    else:
        log.debug("feed %s: %s", report.feed_id, report.outcome)


def _missed(report: PollReport) -> str:
    if report.gap is None:
        return ""
    return f", possibly missed between {report.gap.after_at:{MINUTE}} and {report.gap.before_at:{MINUTE}} UTC"


def outage(before: datetime | None, now: datetime | None) -> None:
    """One line when our own network goes, one when it is back; not one for each feed."""
    if now is not None and before is None:
        log.warning(
            "our own network seems down since %s UTC: most hosts fail at once. Nothing is held against the feeds; a few are "
            "tried every minute. `make demo` (`aggregator demo`) shows everything without a network",
            now.strftime(MINUTE),
        )
    elif now is None and before is not None:
        log.info("our own network is back (down since %s UTC): what is due is polled now", before.strftime(MINUTE))


def span(step: timedelta) -> str:
    """By how much a clock was set: `3650 days back`, `1 h forward`."""
    seconds = round(abs(step.total_seconds()))
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next(pair for pair in units if seconds >= pair[0] or pair[0] == 1)
    return f"{many(round(seconds / size), unit)} {'back' if step < timedelta(0) else 'forward'}"


def noticed(found: Noticed) -> None:
    """Which watchlists and feeds are out of their rhythm, and which are no longer."""
    for signal in found.begun:
        log.log(logging.WARNING if signal.kind == "silence" else logging.INFO, "%s", signalview.text(signal))
    for signal in found.ended:
        log.info("%s %s: the %s is over", *signalview.subject(signal), signal.kind)


def notices(changed: Changed) -> None:
    """Errors at once, for a mail may not be able to tell them; the rest stands in `doctor` and in the day's mail."""
    for one in changed.begun:
        if one.level == "error":
            log.error("%s; %s", replies.nameless(one.what), replies.nameless(one.do))
    for one in changed.ended:
        if one.level == "error":
            log.info("over: %s", replies.nameless(one.what))


def sync(report: CatalogReport) -> None:
    """What the files changed in the database, when they did."""
    for what in ("feeds", "watchlists", "digests", "subscriptions"):
        part = getattr(report, what)
        counts = [f"{len(ids)} {how}" for how in ("added", "changed", "removed") if (ids := getattr(part, how))]
        if counts:
            log.info("%s: %s", what, ", ".join(counts))
    if report.matches:
        log.info("%s among entries of the last day", many(report.matches, "match", "matches"))


def summary(c: Configuration) -> str:
    """What is watched, and where it goes: one line."""
    feeds = f"{many(len(c.feeds), 'feed')}, {many(len(c.watchlists), 'watchlist')}, {many(len(c.digests), 'digest')}"
    mail = c.settings.mail
    where = f"mail by {mail.host}:{mail.port}" if mail.host else f"mail to {c.home.mail}"
    return f"{feeds}; {where}; pages in {c.home.pages}"


def needs_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that a running daemon cannot take over."""
    pairs = {
        "polling.tick": (before.polling.tick, after.polling.tick),
        "storage": (before.storage, after.storage),
        "log": (before.log, after.log),
        "web": tuple((s.web.enabled, s.web.host, s.web.port, s.web.trusted_proxies) for s in (before, after)),
    }
    return [name for name, (old, new) in pairs.items() if old != new]
