"""An edition in sentences: its subject, its opening line, and what was checked for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from aggregator.levels import Threshold
from aggregator.publication import Checked, Edition, FailingFeed, Missed, Outlet
from aggregator.reading import EditionSignal
from aggregator.render.columns import plain
from aggregator.render.when import Calendar

FAILING = 4
MISSED = 3
FRESH = timedelta(hours=1)
"""How long a burst is told as going on after it was found."""
NAME = 60
"""Characters of a feed's or a watchlist's name."""
_WHERE: dict[Threshold, str] = {"any": "", "lead": " in the title or the lead", "title": " in the title"}
"""What an edition's threshold leaves."""
_HELD = {
    "": "",
    "quiet": "Held during your quiet hours.",
    "storm": "More alerts in an hour than you are sent one by one: these came together.",
}


def subject(edition: Edition) -> str:
    """Content first: `Morning briefing, Thu 2 Feb: 5 stories - Headline`; of an alert `CSTO: Headline`, or the headline that begins so."""
    calendar = Calendar(edition.timezone, edition.composed_at)
    total = len(edition.stories) + edition.more
    headline = plain(edition.stories[0].headline) if edition.stories else ""
    if edition.kind == "alert" and edition.stories:
        names = ", ".join(dict.fromkeys(plain(t) for story in edition.stories for t in story.watchlist_titles))
        if total == 1 and re.match(rf"{re.escape(names or plain(edition.title))}\b", headline):
            return cut(headline, 120)
        counted = "" if total == 1 else f"{count(total, 'story', 'stories')} - "
        return cut(f"{cut(names or plain(edition.title), 40)}: {counted}{headline}", 120)
    if edition.kind == "alert" and edition.signals:
        return _signals(edition, calendar, 120)
    end, length = edition.window.end, edition.window.end - edition.window.start
    day = calendar.day(end) if length.total_seconds() > 20 * 3600 else f"{calendar.day(end)} {calendar.clock(end)}"
    what = f"{count(total, 'story', 'stories')} - {headline}" if edition.stories else _lowered(_nothing(edition))
    if edition.late and not edition.stories and not edition.updated:
        what = f"{count(len(edition.late), 'story', 'stories')} delayed - {plain(edition.late[0].headline)}"
    elif edition.signals and not edition.stories and not edition.updated:
        what = _signals(edition, calendar, 80)
    return cut(f"{cut(plain(edition.title), 40)}, {day}: {what}", 110)


def opening(edition: Edition, calendar: Calendar) -> str:
    """`5 stories from 12 entries in 9 feeds; 9 of 10 feeds checked, TASS failing since 03:10.`"""
    total = len(edition.stories) + edition.more
    where = _WHERE[edition.prominence]
    if not total:
        said = _nothing(edition)
    else:
        feeds = f" in {count(edition.feeds, 'feed', 'feeds')}" if edition.feeds else ""
        said = f"{count(total, 'story', 'stories')} from {count(edition.entries, 'entry', 'entries')}{feeds}"
        said += f", with a watched word{where}" if where else ""
    missed = _missed(edition.checked.missed, calendar)
    return "; ".join(part for part in (said, _checked(edition.checked, calendar), missed) if part) + "."


def signal_line(one: EditionSignal, calendar: Calendar) -> str:
    """`CSTO: 42 entries since 09:00, usually 5`."""
    return f"{signal_name(one)}: {signal(one, calendar)}"


def _signals(edition: Edition, calendar: Calendar, longest: int) -> str:
    """The first of an edition's signals, and how many there are besides."""
    left = len(edition.signals) - 1
    more = f"; and {left} more" if left else ""
    return cut(signal_line(edition.signals[0], calendar), longest - len(more)) + more


def signal_name(one: EditionSignal) -> str:
    """The watchlist's name."""
    return cut(plain(one.watchlist_title), NAME) or one.watchlist_id


def signal(one: EditionSignal, calendar: Calendar) -> str:
    """`42 entries since 09:00, usually 5`, `12 a day usually, 0 since Tue 28 Nov, 09:00; 3 of its 8 feeds failing`."""
    if one.kind == "silence":
        detail = f"; {plain(one.detail)}" if one.detail else ""
        return f"{_usually(one.expected)} usually, 0 since {calendar.since(one.began_at)}{detail}"
    usual = f"{one.expected:.0f}" if one.expected >= 1 else "none"
    when = f"since {calendar.since(one.began_at)}"
    if calendar.today - one.found_at > FRESH:
        same = calendar.local(one.began_at).date() == calendar.local(one.found_at).date()
        until = calendar.clock(one.found_at) if same else calendar.moment(one.found_at)
        when = f"between {calendar.since(one.began_at)} and {until}"
    return f"{count(one.observed, 'entry', 'entries')} {when}, usually {usual}"


def _usually(daily: float) -> str:
    return f"{daily:.0f} a day" if daily >= 1 else f"{daily * 7:.0f} a week"


def held(edition: Edition) -> str:
    """Why the stories of an alert come together, or ""."""
    return _HELD[edition.held]


def latency(outlet: Outlet, edition: Edition, calendar: Calendar, *, believed: bool) -> str:
    """`Published 14:50, seen 14:52, sent 14:53 Minsk time`; a publisher's time that is not believed is not told."""
    seen, published = outlet.first_seen_at, outlet.published_at
    told = f"Published {calendar.since(published)}, seen" if believed and published and published <= seen else "Seen"
    return f"{told} {calendar.since(seen)}, sent {calendar.since(edition.composed_at)} {calendar.zone}"


def more(edition: Edition, dropped: int, *, on_web: bool) -> str:
    """The sentence about stories that are not shown, or ""."""
    total = dropped + edition.more
    if not total:
        return ""
    where = "on the page of this edition" if dropped and not edition.more and on_web else "not shown here"
    return f"{total} more {'story' if total == 1 else 'stories'} {where}"


def preheader(edition: Edition, calendar: Calendar) -> str:
    """What an inbox shows behind the subject, which has the first headline: the next ones, or how the story begins."""
    headlines = " · ".join(plain(story.headline) for story in edition.stories[1:4])
    begins = plain(edition.stories[0].excerpt.text) if edition.stories else ""
    return cut(headlines or begins or opening(edition, calendar), 110)


def cut(line: str, length: int) -> str:
    """A line of at most `length` characters, cut between words."""
    if len(line) <= length:
        return line
    head = line[: length - 1]
    space = head.rfind(" ")
    return (head[:space] if space > length // 2 else head).rstrip(" ,;:-—–.") + "…"


def count(number: int, one: str, many: str) -> str:
    """`1 story`, `2 stories`."""
    return f"{number} {one if number == 1 else many}"


def _checked(checked: Checked, calendar: Calendar) -> str:
    if not checked.feeds:
        return "no feeds are configured"
    if checked.ok >= checked.feeds and not checked.failing:
        return f"all {checked.feeds} feeds checked" if checked.feeds > 1 else "1 feed checked"
    named = _failing(checked.failing, calendar)
    feeds = "feeds" if checked.feeds > 1 else "feed"
    return f"{checked.ok} of {checked.feeds} {feeds} checked" + (f", {named}" if named else "")


def _failing(failing: Sequence[FailingFeed], calendar: Calendar) -> str:
    """`A failing since 03:10, B since Wed 1 Feb, 09:00 and 3 more`."""
    named = []
    for feed in failing[:FAILING]:
        name = cut(plain(feed.title), NAME) or feed.feed_id
        named.append(f"{name} failing" + (f" since {calendar.since(feed.since)}" if feed.since else ""))
    return ", ".join(named) + _rest(len(failing) - len(named))


def _missed(missed: Sequence[Missed], calendar: Calendar) -> str:
    """`possibly missed in X between 02:10 and 03:40, in Y between 04:00 and 04:30 and 3 more`."""
    named = [
        f"in {cut(plain(gap.title), NAME) or gap.feed_id} between {_between(gap, calendar)}" for gap in missed[:MISSED]
    ]
    return f"possibly missed {', '.join(named)}{_rest(len(missed) - len(named))}" if named else ""


def _between(gap: Missed, calendar: Calendar) -> str:
    """`22:30 and 23:30`, with the day where it is another, once where it is the same."""
    same = calendar.local(gap.after).date() == calendar.local(gap.before).date()
    return f"{calendar.since(gap.after)} and {calendar.clock(gap.before) if same else calendar.moment(gap.before)}"


def _rest(number: int) -> str:
    return f" and {number} more" if number else ""


def next_one(edition: Edition, calendar: Calendar) -> str:
    """`The next one comes on Fri 3 Feb, 07:30.`, "" where it comes with the news."""
    return f"The next one comes on {calendar.moment(edition.next_at)}." if edition.next_at else ""


def _nothing(edition: Edition) -> str:
    """What an edition without stories holds instead."""
    parts = [
        f"{count(len(edition.updated), 'story', 'stories')} updated" if edition.updated else "",
        f"{count(len(edition.late), 'story', 'stories')} that could not be delivered before" if edition.late else "",
        f"more outlets have {count(len(edition.continued), 'story', 'stories')} told before"
        if edition.continued
        else "",
    ]
    told = ", ".join(part for part in parts if part)
    if not told and edition.signals:
        return f"Out of rhythm: {count(len(edition.signals), 'watchlist', 'watchlists')}"
    return f"Nothing new; {told}" if told else f"Nothing matched{_WHERE[edition.prominence]}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
