"""How often a publisher asks to be polled: RSS `ttl`, `skipHours` and `skipDays`, and mod_syndication.

Read from the head of a document (everything but its items) by a scanner of our own, tolerant and linear: feedparser keeps
only the last hour and the last day. What cannot be meant is no hint: all hours or all days skipped, a period of nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from aggregator.model import Hints

_ANY = re.compile(r"ttl|skiphours|skipdays|updateperiod|updatefrequency", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})(?:\s[^<>]{0,2000})?>")
_FIRST = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry)[\s/>]", re.IGNORECASE)
_LAST = re.compile(r"</(?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry)\s{0,100}>", re.IGNORECASE)
_COUNT = re.compile(r"(\d{1,6})(?:\.\d{0,6})?", re.ASCII)
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_HOURS = 24
_LISTS = {"hour": "skiphours", "day": "skipdays"}


def read(head_text: str) -> Hints:
    """The hints in a document's head. Where one is given twice, the first that can be read counts."""
    if not _ANY.search(head_text):
        return Hints()
    told: dict[str, list[str]] = {}
    for name, value in _told(head_text):
        told.setdefault(name, []).append(value)
    minutes = next(filter(None, map(_count, told.get("ttl", ()))), 0)
    return Hints(
        ttl=timedelta(minutes=minutes) if minutes else None,
        update=_update(told.get("updateperiod", []), told.get("updatefrequency", [])),
        skip_hours=_some({n % _HOURS for v in told.get("hour", ()) for n in _hours(v)}, _HOURS),
        skip_days=_some({_DAYS[w[:3]] for v in told.get("day", ()) for w in v.split() if w[:3] in _DAYS}, len(_DAYS)),
    )


def head(text: str) -> str:
    """A document without its items: what stands before the first and after the last."""
    first = _FIRST.search(text)
    if first is None:
        return text
    end = len(text)
    for found in _LAST.finditer(text, first.start()):
        end = found.end()
    return text[: first.start()] + (text[end:] if end > first.start() else "")


def _told(text: str) -> Iterator[tuple[str, str]]:
    """Every element that may be a hint, by its local name, with its text in lower case."""
    within = ""
    for close, prefix, name, end in _tags(text):
        if name in {"skiphours", "skipdays"} and not prefix:
            within = "" if close else name
        elif close:
            continue
        elif (
            name in {"updateperiod", "updatefrequency"}
            or (not prefix and name == "ttl")
            or (name in _LISTS and within == _LISTS[name])
        ):
            yield name, _value(text, end)


def _tags(text: str) -> Iterator[tuple[str, str, str, int]]:
    """Each tag: slash, prefix, local name, where it ends. Comments and CDATA hide theirs; an unclosed one hides the rest."""
    at = 0
    while (start := text.find("<", at)) >= 0:
        close = "-->" if text.startswith("<!--", start) else "]]>" if text.startswith("<![CDATA[", start) else ""
        if close:
            end = text.find(close, start)
            if end < 0:
                return
            at = end + 3
            continue
        found = _TAG.match(text, start)
        at = found.end() if found else start + 1
        if found:
            yield found[1], found[2] or "", found[3].lower(), at


def _value(text: str, start: int) -> str:
    """The text behind an opening tag, up to the next one."""
    bare = text[start : start + 300].lstrip()
    if bare.startswith("<![CDATA["):
        return bare[9:].partition("]]>")[0].replace(",", " ").strip().lower()
    return bare.partition("<")[0].replace(",", " ").strip().lower()


def _count(value: str) -> int:
    found = _COUNT.fullmatch(value)
    return int(found[1]) if found else 0


def _update(periods: list[str], frequencies: list[str]) -> timedelta | None:
    """mod_syndication: so many updates in a period; daily and once where only the other is given."""
    period = next((_PERIODS[p] for p in periods if p in _PERIODS), None)
    frequency = next(filter(None, map(_count, frequencies)), 0)
    if period is None and not frequency:
        return None
    return (period or _PERIODS["daily"]) / max(1, frequency)


def _hours(value: str) -> Iterator[int]:
    """Hours of GMT; RSS 0.91 counts them 1 to 24, RSS 2.0 from 0 to 23."""
    for word in value.split():
        if word.isascii() and word.isdigit() and len(word) <= 2 and int(word) <= _HOURS:
            yield int(word)


def _some(found: set[int], whole: int) -> frozenset[int]:
    """A feed that skips all of them would never be polled: it means nothing."""
    return frozenset(found) if len(found) < whole else frozenset()
