"""An edition with everything in it that one can have: what own templates are tried with before a reader sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aggregator.levels import Prominence
from aggregator.publication import (
    Checked,
    Edition,
    EditionStory,
    Excerpt,
    FailingFeed,
    LateStory,
    Missed,
    Outlet,
    UpdatedStory,
    Window,
)
from aggregator.reading import EditionSignal

_NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
_DAY = timedelta(days=1)
_WIRE = Outlet("wire", "Minsk Wire", 1, "Summit in Minsk", "https://wire.example/1", "en", _NOW, _NOW)
_OTHER = replace(_WIRE, feed_id="other", feed_title="Другая газета", entry_id=2, link="https://other.example/2")
_STORY = EditionStory(
    story_id=1,
    headline="CSTO leaders meet in Minsk",
    headline_marks=((0, 4),),
    link="https://wire.example/1",
    language="en",
    outlets=(_WIRE, _OTHER),
    watchlist_ids=("csto", "minsk"),
    watchlist_titles=("CSTO", "Minsk"),
    excerpt=Excerpt("The CSTO met on Thursday.", ((4, 8),), source="Другая газета"),
    why=("“CSTO” in the title and the text (alias @csto)",),
    at=_NOW,
    prominence=Prominence("title", 0.9),
)
_BARE = replace(_STORY, story_id=2, link="", language="", outlets=(_WIRE,), excerpt=Excerpt(""), why=())
_BARE = replace(_BARE, watchlist_ids=("minsk",), watchlist_titles=("Minsk",), headline_marks=())

EDITION = Edition(
    digest_id="morning",
    title="Morning briefing",
    key="2023-02-02T16:00+03:00",
    kind="digest",
    window=Window(_NOW - _DAY, _NOW),
    timezone="Europe/Minsk",
    stories=(_STORY, _BARE),
    continued=(replace(_STORY, continued=True),),
    entries=3,
    more=2,
    checked=Checked(3, 2, (FailingFeed("x", "TASS", _NOW, "503"),), (Missed("y", "X", _NOW - _DAY, _NOW),)),
    queries=(("CSTO", "@csto"), ("Minsk", "Minsk")),
    composed_at=_NOW,
    feeds=2,
    updated=(UpdatedStory(_STORY, "CSTO leaders to meet"), UpdatedStory(_BARE, _BARE.headline)),
    late=(LateStory("Late", "https://wire.example/9", "en", "Minsk Wire", _NOW - _DAY, _NOW - _DAY),),
    held="quiet",
    list_name="morning",
    thread="<thread.x@news.example>",
    signals=(EditionSignal(1, "burst", "csto", "CSTO", _NOW - _DAY / 8, _NOW, 42, 5.0, ""),),
)
