"""No more of a feed's text goes out than its licence allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import licence
from aggregator.digests import edition as editions
from aggregator.model import Entry, Match, Revised, Span
from aggregator.publication import Digest, Edition, EditionMatch
from aggregator.render import Renderer, RenderOptions
from tests.unit.test_edition import CHECKED, DAY, NOW, SPEC, WATCHLISTS, entry, match, story

SECRET = "hidden treasure"
TEXT = f"The council met in the old town hall on Monday. Then CSTO was named. The {SECRET} lies behind the door."


def compose(*waiting: EditionMatch, revised: Sequence[Revised] = ()) -> Edition:
    digest = Digest(SPEC, DAY.start, DAY.end)
    return editions.compose(digest, DAY, waiting, WATCHLISTS, CHECKED, NOW, kind="digest", revised=revised)


def limited(limit: int | None, **more: Any) -> Entry:
    return replace(entry(1, title="CSTO meets", body=TEXT), excerpt=limit, **more)


def outgoing(edition: Edition) -> str:
    """Everything that leaves: mail, page, text and data."""
    made = Renderer(RenderOptions("watch@news.example")).render(edition)
    return " ".join((made.mail.decode().replace("=\r\n", ""), made.page, made.text, made.data, made.subject)).replace("\n", " ")  # fmt: skip


@pytest.mark.parametrize("limit", [0, 1, 2, 20, 47, 70])
@pytest.mark.parametrize("field", ["body", "article"])
def test_nothing_beyond_the_limit_goes_out(limit: int, field: str) -> None:
    texts = {"body": "", "article": "", field: TEXT}
    one = limited(limit, **texts)
    untitled = limited(limit, **texts, title="", id=2)
    change = Revised(replace(one, id=9, story_id=9, title="CSTO"), (), "", TEXT, "title")
    change = replace(change, matches=(match(9, change.entry, story(9, change.entry)).match,))
    edition = compose(match(1, one, story(1, one)), match(2, untitled, story(2, untitled)), revised=[change])
    assert len(edition.stories) == 2
    assert len(edition.updated) == 1
    for told in (*edition.stories, *(u.story for u in edition.updated)):
        assert len(told.excerpt.text) <= limit
        assert all(0 <= a < b <= len(told.excerpt.text) for a, b in told.excerpt.marks)
    assert SECRET not in outgoing(edition)
    assert "treasure" not in json.dumps([s.why for s in edition.stories])
    if limit < 20:
        assert "council" not in outgoing(edition)


def test_of_none_the_headline_stands_alone_and_why_still_says_the_word() -> None:
    told = compose(match(1, limited(0), story(1, limited(0)))).stories[0]
    assert (told.headline, told.excerpt.text) == ("CSTO meets", "")
    assert told.why == ("“CSTO” in the title and the text (alias @csto)",)


def test_a_limit_ends_at_a_word_with_an_ellipsis() -> None:
    told = compose(match(1, limited(40), story(1, limited(40)))).stories[0]
    assert told.excerpt.text == "The council met in the old town hall on…"
    assert compose(match(1, limited(None), story(1, limited(None)))).stories[0].excerpt.marks


def test_another_outlet_without_a_limit_may_speak_and_is_named() -> None:
    shut, open_ = limited(0), replace(entry(2, "wire", "Bloc meets"), body="The CSTO council met in the hall.")
    tale = story(1, shut, open_)
    for waiting in ([match(1, shut, tale), match(2, open_, tale)], [match(1, shut, tale)]):
        told = compose(*waiting).stories[0]
        assert (told.headline, told.outlets[0].feed_id) == ("CSTO meets", "belta")
        assert (told.excerpt.text, told.excerpt.source) == ("The CSTO council met in the hall.", "WIRE")
    assert "WIRE: The *CSTO* council met" in outgoing(compose(match(1, shut, tale), match(2, open_, tale)))


@settings(deadline=None)
@given(st.text(st.sampled_from("ab Я.,—\n\u2028\U0001f600"), max_size=90), st.integers(0, 60), st.integers(0, 90))
def test_any_text_is_cut_to_the_limit_and_keeps_its_offsets(text: str, limit: int, at: int) -> None:
    short = licence.shorten(text, limit)
    assert len(short) <= limit or short == text
    assert short == text or (short == "" or short.endswith("…"))
    assert text.startswith(short.removesuffix("…"))
    one = replace(entry(1, title="", body=text), excerpt=limit)
    made = Match(1, "csto", 1, 1, (Span("body", at, at + 3, "x"),), "alert", NOW)
    told = compose(EditionMatch(made, one, story(1, one), "")).stories[0]
    assert len(told.excerpt.text) <= limit


def test_what_others_show_of_an_entry_keeps_the_limit_too() -> None:
    assert licence.allowed(limited(20)) == "The council met in…"
    assert licence.allowed(limited(None)) == TEXT
    assert licence.allowed(limited(20, body=" ", article="Of the article page, so much.")) == "Of the article…"
    html = limited(20, summary=f"<p>{TEXT}</p>", content=f"<p>{TEXT}</p>")
    assert SECRET not in repr(licence.limited(html))
    assert licence.limited(limited(None)) == limited(None)
