"""A burst or a silence as people read it, on the command line and on the pages alike."""

from __future__ import annotations

from aggregator.reading import Signal

MINUTE = "%Y-%m-%d %H:%M"


def text(signal: Signal) -> str:
    """`watchlist csto: 42 entries since 2026-11-27 09:00 UTC, usually 5`."""
    since = signal.began_at.strftime(f"{MINUTE} UTC")
    return f"{' '.join(subject(signal))}: {_observed(signal)} since {since}, {_usually(signal)}"


def said(signal: Signal) -> str:
    """The same where what it is about and since when stand beside it: `42 entries, usually 5`."""
    return f"{_observed(signal)}, {_usually(signal)}"


def subject(signal: Signal) -> tuple[str, str]:
    """What it is about: `watchlist` or `feed`, and its id."""
    return ("watchlist", signal.watchlist_id) if signal.watchlist_id else ("feed", signal.feed_id)


def _observed(signal: Signal) -> str:
    if signal.kind == "silence":
        return "nothing"
    return f"{signal.observed} {'entry' if signal.observed == 1 else 'entries'}"


def _usually(signal: Signal) -> str:
    usual = f"{signal.expected:.0f}"
    if signal.kind == "silence":
        usual = f"{usual} a day" if signal.expected >= 1 else f"{signal.expected * 7:.0f} a week"
    return f"usually {usual}{f'; {signal.detail}' if signal.detail else ''}"
