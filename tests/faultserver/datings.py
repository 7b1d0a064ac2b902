"""Dates: right, strange, missing and impossible (F9-F13)."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.e2e.homes import START
from tests.faultserver.manifest import Fault, Seen, ago, answer, bodies, item, moment, well, xml

NOON = moment(2023, 2, 2, 9, 30)


def feed(*dates: str) -> bytes:
    """An entry for each date; its title is the date."""
    return xml(
        "".join(item(d.replace("&", "&amp;"), f"<pubDate>{d}</pubDate>", guid=str(n)) for n, d in enumerate(dates))
    )


def all_at(expected: datetime | None, *dates: str) -> dict[str, object]:
    """A feed whose dates all mean one moment, or none."""

    def check(seen: Seen) -> None:
        assert {e.title: e.published_at for e in seen.entries} == dict.fromkeys(dates, expected)

    return {"serve": answer(200, feed(*dates)), "entries": len(dates), "check": check}


def row(name: str, does: str, spec: str, *dates: str, at: datetime | None = NOON) -> Fault:
    """One kind of dates."""
    return Fault(name=name, does=does, spec=spec, **all_at(at, *dates))  # type: ignore[arg-type]  # built just above


def _first_sight(seen: Seen) -> None:
    """F12, F13: sorted by the moment of first sight, which never changes later."""
    assert {e.sort_at for e in seen.entries} == {START}


def _future_kept(seen: Seen) -> None:
    assert seen.one().published_at == moment(2099, 1, 1)
    _first_sight(seen)


def _ancient(seen: Seen) -> None:
    _first_sight(seen)
    assert len({e.published_at for e in seen.entries}) >= 1


def _unmoved(seen: Seen) -> None:
    assert seen.one().revisions == 1
    assert seen.one().first_seen_at == START


FAULTS: tuple[Fault, ...] = (
    row("dates-rfc822", "Writes dates in the ways of RFC 822.", "F9", "Thu, 02 Feb 2023 09:30:00 GMT", "Thu, 02 Feb 23 09:30:00 +0000",
        "Mon, 02 Feb 2023 09:30 UT", "02 Feb 2023 04:30:00 EST", "Thu, 2 Feb 2023 12:30:00 +0300"),
    row("dates-iso", "Writes dates in the ways of ISO 8601.", "F9", "2023-02-02T09:30:00Z", "2023-02-02T12:30:00+03:00", "2023-02-02T12:30+03",
        "2023-02-02 12:30:00 +0300", "20230202T093000Z"),
    row("dates-moscow", "Names its time zone MSK.", "F10", "Thu, 02 Feb 2023 12:30:00 MSK", "Thu, 02 Feb 2023 12:30:00 GMT+3", "02.02.2023 12:30 MSK"),
    row("dates-russian", "Writes its months in Russian.", "F11", "Чт, 02 фев 2023 12:30:00 +0300", "2 февраля 2023 12:30 MSK", "02 Февраль 2023, 12:30 +0300"),
    row("dates-belarusian", "Writes its months in Belarusian.", "F11", "02 лютага 2023 12:30 +0300", "Чц, 2 лют 2023 12:30:00 +0300"),
    row("dates-dots", "Writes day, month and year with dots.", "F11", "02.02.2023 09:30", "2.2.2023 09:30:00"),
    row("dates-midnight", "Calls midnight 24 o'clock.", "F11", "2023-02-02T24:00:00Z", at=moment(2023, 2, 3)),
    row("dates-garbage", "Writes what is no date.", "F10, F11", "1675321200", "2023-02-31T10:00:00Z", "yesterday", "0000-00-00 00:00:00",
        "2023-02-02T25:00:00Z", "Thu, 31 Feb 2023 10:00:00 GMT", "02/03/2023", at=None),
    well("dates-missing", "Writes no dates at all.", "F12", bodies(xml(item("A")), xml(item("A") + item("B", guid="2"))), titles=("A", "B"), entries=2,
         check=lambda seen: _first_sight(Seen(seen.place, seen.feeds, seen.entries[:1], seen.asked))),
    well("dates-future", "Dates its news to the next century.", "F13", answer(200, feed("Thu, 01 Jan 2099 00:00:00 GMT")), check=_future_kept),
    well("dates-1970", "Dates its news to the beginning of time.", "F13",
         answer(200, feed("Thu, 01 Jan 1970 00:00:00 GMT", "0001-01-01T00:00:00Z", "Sat, 30 Dec 1899 00:00:00 GMT")), entries=3, check=_ancient),
    well("dates-moving", "Dates the same news anew each time.", "F12, §2c 4",
         bodies(*(xml(item("A", f"<pubDate>{ago(h)}</pubDate>")) for h in (5, 4, 3))), check=_unmoved),
    well("dates-back", "Has a date, and then none.", "F12",
         bodies(xml(item("A", f"<pubDate>{ago(5)}</pubDate>")), xml(item("A"))),
         check=lambda seen: _sorted_at(seen, START - timedelta(hours=5))),
)  # fmt: skip


def _sorted_at(seen: Seen, when: datetime) -> None:
    assert seen.one().sort_at == when
