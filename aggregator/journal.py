"""What the daemon's log says of polls, outages and changed files: a line when something happened, none when not."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator import urls
from aggregator.model import PollReport
from aggregator.reading import Signal

if TYPE_CHECKING:
    from aggregator.catalog import CatalogReport
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


def noticed(found: Noticed) -> None:
    """Which watchlists and feeds are out of their rhythm, and which are no longer."""
    for signal in found.begun:
        log.log(logging.WARNING if signal.kind == "silence" else logging.INFO, "%s", signal_text(signal))
    for signal in found.ended:
        log.info("%s %s: the %s is over", *_subject(signal), signal.kind)


def signal_text(signal: Signal) -> str:
    """`watchlist csto: 42 entries since 2026-11-27 09:00 UTC, usually 5`."""
    since = signal.began_at.strftime(f"{MINUTE} UTC")
    return f"{' '.join(_subject(signal))}: {_observed(signal)} since {since}, {_usually(signal)}"


def signal_said(signal: Signal) -> str:
    """The same where what it is about and since when stand beside it: `42 entries, usually 5`."""
    return f"{_observed(signal)}, {_usually(signal)}"


def _observed(signal: Signal) -> str:
    return "nothing" if signal.kind == "silence" else many(signal.observed, "entry", "entries")


def _usually(signal: Signal) -> str:
    usual = f"{signal.expected:.0f}"
    if signal.kind == "silence":
        usual = f"{usual} a day" if signal.expected >= 1 else f"{signal.expected * 7:.0f} a week"
    return f"usually {usual}{f'; {signal.detail}' if signal.detail else ''}"


def _subject(signal: Signal) -> tuple[str, str]:
    return ("watchlist", signal.watchlist_id) if signal.watchlist_id else ("feed", signal.feed_id)


def sync(report: CatalogReport) -> None:
    """What the files changed in the database, when they did."""
    for what in ("feeds", "watchlists", "digests", "subscriptions"):
        part = getattr(report, what)
        counts = [f"{len(ids)} {how}" for how in ("added", "changed", "removed") if (ids := getattr(part, how))]
        if counts:
            log.info("%s: %s", what, ", ".join(counts))
    if report.matches:
        log.info("%s among entries of the last day", many(report.matches, "match", "matches"))
