"""What the templates see: an edition as finished sentences, so that a template only arranges them.

Every text of a feed is one line of plain text here, every link is http, https or "" (RFC 3986; nothing else is ever a
link), and every list is bounded, so that one odd story cannot fill a mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from aggregator.levels import Threshold
from aggregator.publication import Checked, Edition, EditionStory, FailingFeed, Outlet
from aggregator.render.columns import plain
from aggregator.render.when import Calendar

Marks = tuple[tuple[int, int], ...]

OUTLETS = 9
CONTINUED = 20
FAILING = 4
_WHERE: dict[Threshold, str] = {"any": "", "lead": " in the title or the lead", "title": " in the title"}
"""What an edition's threshold leaves."""
_LINK_LENGTH = 2000
_LINE = 300


@dataclass(frozen=True, slots=True)
class OutletView:
    """Another outlet of a story: its name and its own copy."""

    name: str
    link: str


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story, ready to be set.

    Attributes:
        source: the headline's outlet, "BelTA".
        others: how many outlets more have it: "BelTA + 3".
        outlets: those outlets, as many as are shown; `outlets_left` counts the rest.
        why: reasons as (quoted word or "", the rest of the sentence), since the word may run the other way.
        tags: the watchlists it is in, where the edition covers more than one.
    """

    headline: str
    headline_marks: Marks
    link: str
    language: str
    source: str
    others: int
    outlets: tuple[OutletView, ...]
    outlets_left: int
    time: str
    time_iso: str
    excerpt: str
    excerpt_marks: Marks
    why: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditionView:
    """An edition, ready to be set; its names are what own templates may use.

    Attributes:
        when: its moment, in full, with the zone.
        opening: what it holds and what was checked, in one or two sentences.
        covers: the window, "" for an alert.
        continued: stories told before, with the outlets that came since.
        more: the sentence about stories that are not shown, or "".
        more_link: where they are, or "".
        archive: the edition on the web, or "".
        stop: the link (https or mailto) that ends the subscription, "" where there is no reader to end it.
        stop_words: how to stop, in words.
    """

    title: str
    kind: str
    when: str
    zone: str
    opening: str
    covers: str
    stories: tuple[StoryView, ...]
    continued: tuple[StoryView, ...]
    more: str
    more_link: str
    queries: tuple[tuple[str, str], ...]
    archive: str
    stop: str
    stop_words: str
    preheader: str
    subject: str
    generator: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the edition will stand, and so what differs between mail, page and terminal.

    Attributes:
        shown: how many stories fit; the others are counted.
        archive: the edition on the web, or "".
        stop: see EditionView.
    """

    shown: int
    archive: str = ""
    stop: str = ""
    stop_words: str = ""
    generator: str = ""


def view(edition: Edition, frame: Frame) -> EditionView:
    """An edition as a frame shows it."""
    calendar = Calendar(edition.timezone, edition.composed_at)
    shown = edition.stories[: frame.shown]
    dropped = len(edition.stories) - len(shown)
    tagged = len(edition.queries) > 1
    stories = tuple(_story(story, calendar, tagged=tagged) for story in shown)
    covers = edition.window.end > edition.window.start
    return EditionView(
        title=plain(edition.title),
        kind=edition.kind,
        when=calendar.heading(edition.window.end),
        zone=calendar.zone,
        opening=opening(edition, calendar),
        covers=f"{calendar.moment(edition.window.start)} to {calendar.moment(edition.window.end)}" if covers else "",
        stories=stories,
        continued=tuple(_story(story, calendar, tagged=False) for story in edition.continued[:CONTINUED]),
        more=_more(edition, dropped, on_web=bool(frame.archive)),
        more_link=frame.archive if dropped else "",
        queries=tuple((plain(title), cut(plain(query), _LINE)) for title, query in edition.queries),
        archive=frame.archive,
        stop=frame.stop,
        stop_words=frame.stop_words,
        preheader=_preheader(edition),
        subject=subject(edition),
        generator=frame.generator,
    )


def subject(edition: Edition) -> str:
    """Content first: `Morning briefing, Thu 2 Feb: 5 stories - Headline`; of an alert `CSTO: Headline`."""
    calendar = Calendar(edition.timezone, edition.composed_at)
    total = len(edition.stories) + edition.more
    headline = plain(edition.stories[0].headline) if edition.stories else ""
    if edition.kind == "alert" and edition.stories:
        names = ", ".join(dict.fromkeys(plain(t) for story in edition.stories for t in story.watchlist_titles))
        count = "" if total == 1 else f"{_count(total, 'story', 'stories')} - "
        return cut(f"{cut(names or plain(edition.title), 40)}: {count}{headline}", 120)
    end, length = edition.window.end, edition.window.end - edition.window.start
    day = calendar.day(end) if length.total_seconds() > 20 * 3600 else f"{calendar.day(end)} {calendar.clock(end)}"
    what = f"{_count(total, 'story', 'stories')} - {headline}" if edition.stories else _nothing(edition).lower()
    return cut(f"{cut(plain(edition.title), 40)}, {day}: {what}", 110)


def opening(edition: Edition, calendar: Calendar) -> str:
    """`5 stories from 12 entries. 9 of 10 feeds checked; Polesie Today failing since 03:10.`"""
    total = len(edition.stories) + edition.more
    checked = _checked(edition.checked, calendar)
    if not total:
        return f"{_nothing(edition)}; {checked[0].lower()}{checked[1:]}"
    counts = f"{_count(total, 'story', 'stories')} from {_count(edition.entries, 'entry', 'entries')}"
    where = f", with a watched word{_WHERE[edition.prominence]}" if _WHERE[edition.prominence] else ""
    return f"{counts}{where}. {checked}"


def web_link(link: str) -> str:
    """The link as it may be shown, or "" when it is not http or https."""
    bare = re.sub(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+", "", link)
    try:
        parts = urlsplit(bare)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(bare) > _LINK_LENGTH:
        return ""
    return re.sub(r"[<>\"'`\\\u200b-\u200f\u202a-\u202e\u2060-\u206f]", lambda m: quote(m[0]), bare)


def cut(line: str, length: int) -> str:
    """A line of at most `length` characters, cut between words."""
    if len(line) <= length:
        return line
    head = line[: length - 1]
    space = head.rfind(" ")
    return (head[:space] if space > length // 2 else head).rstrip(" ,;:-—–.") + "…"


def _story(story: EditionStory, calendar: Calendar, *, tagged: bool) -> StoryView:
    headline, headline_marks = _bounded(story.headline, story.headline_marks)
    text, marks = _bounded(story.excerpt.text, story.excerpt.marks)
    others = story.outlets[1:]
    named = story.outlets if story.continued else others
    return StoryView(
        headline=headline or "(no title)",
        headline_marks=headline_marks,
        link=web_link(story.link),
        language=_language(story.language),
        source=_name(story.outlets[0]) if story.outlets else "",
        others=len(others),
        outlets=tuple(OutletView(_name(outlet), web_link(outlet.link)) for outlet in named[:OUTLETS]),
        outlets_left=max(0, len(named) - OUTLETS),
        time=f"{calendar.moment(story.at)} {calendar.zone}",
        time_iso=calendar.iso(story.at),
        excerpt=text,
        excerpt_marks=marks,
        why=tuple(_reason(plain(sentence)) for sentence in story.why),
        tags=tuple(cut(plain(title), 60) for title in story.watchlist_titles) if tagged else (),
    )


def _reason(sentence: str) -> tuple[str, str]:
    word, end, rest = sentence.partition("”")
    return (word + end, rest) if end and word.startswith("“") else ("", sentence)


def _name(outlet: Outlet) -> str:
    return cut(plain(outlet.feed_title), 60) or outlet.feed_id


def _bounded(text: str, marks: Sequence[tuple[int, int]]) -> tuple[str, Marks]:
    """A text for display; marks hold only while `plain` and `cut` leave the text as `edition` made it."""
    line = plain(text)
    if line != text:
        return cut(line, _LINE), ()
    short = cut(line, _LINE)
    end = len(short) if short == line else len(short) - 1
    return short, tuple((a, min(b, end)) for a, b in marks if 0 <= a < min(b, end))


def _language(tag: str) -> str:
    """A language tag that may stand in `lang` (RFC 5646), or ""."""
    return tag if re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", tag) else ""


def _checked(checked: Checked, calendar: Calendar) -> str:
    if not checked.feeds:
        return "No feeds are configured."
    if checked.ok >= checked.feeds and not checked.failing:
        return f"All {checked.feeds} feeds checked." if checked.feeds > 1 else "1 feed checked."
    named = _failing(checked.failing, calendar)
    feeds = "feeds" if checked.feeds > 1 else "feed"
    return f"{checked.ok} of {checked.feeds} {feeds} checked" + (f"; {named}." if named else ".")


def _failing(failing: Sequence[FailingFeed], calendar: Calendar) -> str:
    """`A failing since 03:10, B since Wed 1 Feb, 09:00 and 3 more`."""
    named = []
    for feed in failing[:FAILING]:
        name = cut(plain(feed.title), 60) or feed.feed_id
        named.append(f"{name} failing" + (f" since {calendar.since(feed.since)}" if feed.since else ""))
    rest = len(failing) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def _nothing(edition: Edition) -> str:
    if edition.continued:
        told = _count(len(edition.continued), "story", "stories")
        return f"Nothing new; more outlets have {told} told before"
    return f"Nothing matched{_WHERE[edition.prominence]}"


def _more(edition: Edition, dropped: int, *, on_web: bool) -> str:
    total = dropped + edition.more
    if not total:
        return ""
    where = "on the page of this edition" if dropped and not edition.more and on_web else "not shown here"
    return f"{total} more {'story' if total == 1 else 'stories'} {where}"


def _preheader(edition: Edition) -> str:
    """What an inbox shows behind the subject: the next headlines, since the subject has the first."""
    headlines = [plain(story.headline) for story in edition.stories[1:4]]
    return cut(" · ".join(headlines), 110)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
