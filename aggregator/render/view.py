"""What the templates see: an edition as finished sentences, so that a template only arranges them.

Every text of a feed is one line of plain text here, every link is http, https or "" (RFC 3986; nothing else is ever a
link), and every list is bounded, so that one odd story cannot fill a mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from aggregator.publication import Edition, EditionStory, LateStory, Outlet, UpdatedStory
from aggregator.render import wording
from aggregator.render.columns import plain
from aggregator.render.when import Calendar
from aggregator.render.wording import NAME, cut

Marks = tuple[tuple[int, int], ...]

OUTLETS = 9
EXTRAS = 20
"""Stories told before, updated or late that are shown of each kind."""
QUERIES = 20
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
        number: its place in the edition, from 1.
        source: the headline's outlet, "BelTA".
        others: how many outlets more have it: "BelTA + 3".
        outlets: those outlets, as many as are shown; `outlets_left` counts the rest.
        latency: of an alert, when it was published, seen and sent, in place of `time`; else "".
        excerpt_source: the outlet whose text it is, where that is not the headline's.
        why: reasons as (quoted word or "", the rest of the sentence), since the word may run the other way.
        tags: the watchlists it is in, where they are several.
    """

    number: int
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
    latency: str
    excerpt: str
    excerpt_marks: Marks
    excerpt_source: str
    why: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SectionView:
    """The stories of one watchlist; no title where the edition covers one alone."""

    title: str
    stories: tuple[StoryView, ...]


@dataclass(frozen=True, slots=True)
class UpdateView:
    """A story told before and changed since; `before` is its old headline, "" where that is still the same."""

    story: StoryView
    before: str


@dataclass(frozen=True, slots=True)
class LateView:
    """A story that could not be delivered before; `edition` is the moment of the edition that had it."""

    headline: str
    link: str
    language: str
    source: str
    time: str
    time_iso: str
    edition: str


@dataclass(frozen=True, slots=True)
class SignalView:
    """That a watchlist is out of its rhythm: its name, and how."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class EditionView:
    """An edition, ready to be set; its names are what own templates may use.

    Attributes:
        when: its moment, in full, with the zone.
        opening: what it holds and what was checked, in one sentence.
        held: why the stories of an alert come together, or "".
        signals: watchlists that are out of their rhythm; `signals_left` counts those not shown.
        covers: the window, "" for an alert.
        sections: the stories by watchlist, each under the first it is in; `stories` are the same in one list.
        updated: stories told before that were changed since; `updated_left` counts those not shown.
        late: what could not be delivered before; `late_left` counts those not shown.
        continued: stories told before, with the outlets that came since.
        more: the sentence about stories that are not shown, or "".
        more_link: where they are, or "".
        queries_left: watchlists that are not named.
        archive: the edition on the web, or "".
        stop: the link (https or mailto) that ends the subscription, "" where there is no reader to end it.
        stop_label: what the link does: "Stop this digest".
        stop_words: how to stop, in words.
        manage: the page where readers see and change what they get, or "".
        next: when it comes next, in words, or "".
        postal: a line for the footer, such as a postal address, or "".
    """

    title: str
    kind: str
    when: str
    zone: str
    opening: str
    held: str
    signals: tuple[SignalView, ...]
    signals_left: int
    covers: str
    sections: tuple[SectionView, ...]
    stories: tuple[StoryView, ...]
    updated: tuple[UpdateView, ...]
    updated_left: int
    late: tuple[LateView, ...]
    late_left: int
    continued: tuple[StoryView, ...]
    continued_left: int
    more: str
    more_link: str
    queries: tuple[tuple[str, str], ...]
    queries_left: int
    archive: str
    stop: str
    stop_label: str
    stop_words: str
    manage: str
    next: str
    preheader: str
    subject: str
    generator: str
    postal: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the edition will stand, and so what differs between mail, page and terminal.

    Attributes:
        shown: how many stories fit; the others are counted.
        extras: how many of the updated, the late and the continued fit, of each kind.
        archive: the edition on the web, or "".
        stop, manage: see EditionView.
    """

    shown: int
    extras: int = EXTRAS
    archive: str = ""
    stop: str = ""
    stop_words: str = ""
    manage: str = ""
    generator: str = ""
    postal: str = ""


def view(edition: Edition, frame: Frame) -> EditionView:
    """An edition as a frame shows it: the most prominent stories fit first, whatever section they stand in."""
    calendar = Calendar(edition.timezone, edition.composed_at)
    sections = _sections(edition, edition.stories[: frame.shown], calendar)
    dropped = max(0, len(edition.stories) - frame.shown)
    covers = edition.window.end > edition.window.start
    extras = frame.extras
    return EditionView(
        title=plain(edition.title),
        kind=edition.kind,
        when=calendar.heading(edition.window.end),
        zone=calendar.zone,
        opening=wording.opening(edition, calendar),
        held=wording.held(edition),
        signals=tuple(
            SignalView(wording.signal_name(s), wording.signal(s, calendar)) for s in edition.signals[:EXTRAS]
        ),
        signals_left=max(0, len(edition.signals) - EXTRAS),
        covers=f"{calendar.moment(edition.window.start)} to {calendar.moment(edition.window.end)}" if covers else "",
        sections=sections,
        stories=tuple(story for section in sections for story in section.stories),
        updated=tuple(_update(one, calendar, edition) for one in edition.updated[:extras]),
        updated_left=max(0, len(edition.updated) - extras),
        late=tuple(_late(one, calendar) for one in edition.late[:extras]),
        late_left=max(0, len(edition.late) - extras),
        continued=tuple(_story(story, calendar, edition, 0) for story in edition.continued[:extras]),
        continued_left=max(0, len(edition.continued) - extras),
        more=wording.more(edition, dropped, on_web=bool(frame.archive)),
        more_link=frame.archive if dropped else "",
        queries=tuple(
            (cut(plain(title), NAME), cut(plain(query), _LINE)) for title, query in edition.queries[:QUERIES]
        ),
        queries_left=max(0, len(edition.queries) - QUERIES),
        archive=frame.archive,
        stop=frame.stop,
        stop_label="Stop these alerts" if edition.kind == "alert" else "Stop this digest",
        stop_words=frame.stop_words,
        manage=frame.manage,
        next=wording.next_one(edition, calendar),
        preheader=wording.preheader(edition, calendar),
        subject=wording.subject(edition),
        generator=frame.generator,
        postal=cut(plain(frame.postal), _LINE),
    )


def web_link(link: str) -> str:
    """The link as it may be shown, or "" when it is not http or https."""
    bare = re.sub(r"[\x00-\x20\x7f-\xa0\s\ud800-\udfff]+", "", link)
    try:
        parts = urlsplit(bare)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(bare) > _LINK_LENGTH:
        return ""
    return re.sub(r"[<>\"'`\\\u200b-\u200f\u202a-\u202e\u2060-\u206f]", lambda m: quote(m[0]), bare)


def _sections(edition: Edition, stories: Sequence[EditionStory], calendar: Calendar) -> tuple[SectionView, ...]:
    """The stories under the first watchlist each is in, in the digest's order; numbered through."""
    grouped: dict[str, list[EditionStory]] = {}
    for story in stories:
        grouped.setdefault((story.watchlist_ids or ("",))[0], []).append(story)
    order = {title: place for place, (title, _) in reversed(list(enumerate(edition.queries)))}
    several = len(edition.queries) > 1
    sections, number = [], 0
    for group in sorted(grouped.values(), key=lambda group: order.get(_first_title(group[0]), len(order))):
        title = cut(plain(_first_title(group[0])), NAME) if several else ""
        views = tuple(_story(story, calendar, edition, number + place) for place, story in enumerate(group, 1))
        sections.append(SectionView(title, views))
        number += len(group)
    return tuple(sections)


def _first_title(story: EditionStory) -> str:
    return story.watchlist_titles[0] if story.watchlist_titles else ""


def _update(update: UpdatedStory, calendar: Calendar, edition: Edition) -> UpdateView:
    story = _story(update.story, calendar, edition, 0)
    before = cut(plain(update.before), _LINE)
    return UpdateView(story, "" if before == story.headline else before)


def _late(late: LateStory, calendar: Calendar) -> LateView:
    return LateView(
        headline=cut(plain(late.headline), _LINE) or "(no title)",
        link=web_link(late.link),
        language=_language(late.language),
        source=cut(plain(late.source), NAME),
        time=f"{calendar.moment(late.at)} {calendar.zone}",
        time_iso=calendar.iso(late.at),
        edition=calendar.moment(late.edition_at),
    )


def _story(story: EditionStory, calendar: Calendar, edition: Edition, number: int) -> StoryView:
    headline, headline_marks = _bounded(story.headline, story.headline_marks)
    text, marks = _bounded(story.excerpt.text, story.excerpt.marks)
    others = story.outlets[1:]
    named = story.outlets if story.continued else others
    titles = story.watchlist_titles
    return StoryView(
        number=number,
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
        latency=_latency(story, calendar, edition) if number else "",
        excerpt=text,
        excerpt_marks=marks,
        excerpt_source=cut(plain(story.excerpt.source), NAME),
        why=tuple(_reason(cut(plain(sentence), _LINE)) for sentence in story.why),
        tags=tuple(cut(plain(title), NAME) for title in titles[:QUERIES]) if len(titles) > 1 else (),
    )


def _latency(story: EditionStory, calendar: Calendar, edition: Edition) -> str:
    """Of an alert; the publisher's time is believed where the story stands by it."""
    if edition.kind != "alert" or not story.outlets:
        return ""
    lead = story.outlets[0]
    return wording.latency(lead, edition, calendar, believed=lead.published_at == story.at)


def _reason(sentence: str) -> tuple[str, str]:
    word, end, rest = sentence.partition("”")
    return (word + end, rest) if end and word.startswith("“") else ("", sentence)


def _name(outlet: Outlet) -> str:
    return cut(plain(outlet.feed_title), NAME) or outlet.feed_id


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
