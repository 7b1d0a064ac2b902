"""The page of a story over real HTTP: who was first, who followed when, what was changed, who did not carry it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.conformance.stores import prune
from tests.e2e.homes import WATCHLISTS
from tests.e2e.program import done
from tests.e2e.storyroom import Room, room, text_of

TALKS = "CSTO ministers meet in Minsk for talks"
MOVED = "CSTO ministers to meet in Moscow for talks"
TITLELESS = "Ministers arrived early in the morning and went straight to the hall"


WORDS = (
    "minister border village winter harvest railway council morning letter bridge school market factory treaty soldier river "
    "mountain doctor season window captain journal museum orchard signal station teacher velvet weather yellow anchor basket"
)


def prose(seed: int, words: int = 60) -> str:
    die = Random(seed)
    return " ".join(f"the {die.choice(WORDS.split())}" for _ in range(words // 2))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One story: the wire at noon, an echo two hours later; others silent, down, or not there yet."""
    with room(tmp_path_factory.mktemp("story")) as made:
        feeds = [made.feed("wire", title="The <b>Wire</b>", language="en"), made.feed("echo", title="Echo")]
        feeds += [made.feed("quiet", title="Quiet & Co"), made.feed("down", title="Out of order")]
        feeds += [made.feed("tight", title="Tight", excerpt="none")]
        feeds.append(made.feed("mute", title="Read again later"))
        made.down |= {"down", "mute"}
        made.publish("quiet", "q", "Weather", prose(9))
        queries = {
            **WATCHLISTS,
            "watchlists": [*WATCHLISTS["watchlists"], {"id": "gas", "title": "Gas", "query": "gas"}],
        }
        made.configure(feeds, queries)
        made.pass_time()
        made.publish("wire", "w1", TALKS, prose(1))
        made.pass_time(timedelta(hours=1))
        made.clock.advance(timedelta(hours=1, minutes=10))
        made.configure([*feeds, made.feed("young", title="Came later")], queries)
        made.publish("echo", "e1", TALKS, prose(1))
        made.publish("tight", "t1", "", TITLELESS + " " + prose(4))
        made.pass_time(timedelta(hours=1))
        made.publish("wire", "w1", MOVED, prose(1, 50) + " gas price falls")
        made.pass_time(timedelta(hours=1))
        made.pass_time(timedelta(hours=20))
        yield made


def page(told: Room) -> str:
    return told.page(f"/stories/{told.story(MOVED)}")


def test_the_first_publisher_is_marked_and_the_others_say_how_much_later_they_came(told: Room) -> None:
    shown = page(told)
    items = [text_of("<main>" + item + "</main>") for item in re.findall(r"<li>(.*?)</li>", shown, re.DOTALL)]
    assert "· first The &lt;b&gt;Wire&lt;/b&gt;: " in items[0]
    assert "began the story · language en" in items[0]
    assert re.search(r"\d\d:\d\d · \+2 h 10 min Echo: " + TALKS, items[1])
    assert "the same headline, 100% of the text" in items[1]
    assert f'<a href="https://news.example/w1" dir="auto" lang="en">{MOVED}</a>' in shown
    assert "2 entries of 2 outlets" in text_of(shown)


def test_a_changed_headline_is_a_diff_that_can_be_heard_and_a_changed_text_is_counted(told: Room) -> None:
    shown = page(told)
    [change] = [part for part in re.findall(r"<p[^>]*>(.*?)</p>", shown) if "<del>" in part]
    bare = re.sub(r'<span class="unseen" lang="en">[^<]*</span>', "", change)
    assert bare == "CSTO ministers <ins>to</ins> meet in <del>Minsk</del> <ins>Moscow</ins> for talks"
    assert 'taken out: </span>Minsk<span class="unseen" lang="en"> (end)</span></del>' in change
    assert "Of the text: 3 words put in, 10 words taken out; it has 53 words now." in text_of(shown)


def test_who_was_read_and_did_not_carry_it_is_told_apart_from_who_was_not_read(told: Room) -> None:
    shown = text_of(page(told)).partition("Who did not carry it")[2]
    silent, _, unread = shown.partition("Not known to have been read in that time, so that their silence says nothing:")
    assert "Quiet &amp; Co" in silent
    assert "Tight" in silent
    assert "Out of order" in unread
    assert "Out of order" not in silent
    assert "Came later" not in shown
    assert "Echo" not in shown.partition("Told in")[0]
    assert "so far" in silent


def test_nobody_is_named_silent_once_what_no_watchlist_found_may_have_been_pruned(tmp_path: Path) -> None:
    with room(tmp_path) as made:
        made.configure(
            [made.feed("wire", title="Wire"), made.feed("copy", title="Copy"), made.feed("quiet", title="Quiet")]
        )
        made.pass_time()
        made.publish("wire", "w1", TALKS, prose(1))
        made.publish("copy", "c1", TALKS.replace("CSTO m", "M"), prose(1))
        made.pass_time(timedelta(hours=1))
        path = f"/stories/{made.story(TALKS)}"
        shown = text_of(made.page(path))
        assert "2 entries of 2 outlets" in shown
        assert "Quiet" in shown.partition("Who did not carry it")[2]
        made.clock.advance(timedelta(hours=1))
        prune(made.app.stores, made.clock.now(), timedelta(0))
        shown = text_of(made.page(path))
        assert "1 entry of 1 outlet" in shown
        said = shown.partition("Who did not carry it")[2]
        assert "Copy" not in said, "it did carry it"
        assert "Quiet" not in said, "nobody knows any more"
        assert "Nobody can say any more" in said


def test_the_watchlists_say_which_words_and_the_editions_lead_to_themselves(told: Room) -> None:
    shown = page(told)
    assert '<a href="/watchlists/csto"><bdi>CSTO</bdi></a>' in shown
    assert "“CSTO” in the title (alias @csto)" in text_of(shown)
    assert "Gas “gas” in the text" in text_of(shown)
    editions = re.findall(r'<a href="(/editions/[^"]+)"', shown.partition("Told in")[2])
    assert len(editions) >= 2
    assert all(told.ask(path)[0].status == 200 for path in editions)


def test_of_a_feed_whose_licence_says_none_no_text_is_shown(told: Room) -> None:
    number = next(e.story_id for e in told.app.stores.entries.entries() if e.feed_id == "tight")
    shown = told.page(f"/stories/{number}")
    assert "Ministers arrived" not in shown
    assert "<h1" in shown
    assert "https://news.example/t1" in shown


@pytest.mark.parametrize(
    "path",
    ["/search.atom?q=hall", "/search.json?q=hall", "/search?q=hall", "/watchlists/csto?query=hall", "/feeds/tight"],
)
def test_nor_does_any_page_or_listing_that_finds_it_show_it(told: Room, path: str) -> None:
    shown = told.page(path)
    assert "Tight" in shown
    assert "Ministers arrived" not in shown
    assert "went straight" not in shown


def test_what_came_from_feeds_is_never_markup(told: Room) -> None:
    shown = page(told)
    assert "<b>Wire" not in shown
    assert not re.search(r"<style| style=| on\w+=", shown)


def test_a_merged_story_leads_to_the_other_for_as_long_as_it_is_merged(told: Room) -> None:
    story, other = told.story(MOVED), told.story("Weather")
    before, _ = told.ask(f"/stories/{story}")
    done(told.home, "stories", "merge", str(story), str(other))
    response, _ = told.ask(f"/stories/{other}")
    assert (response.status, response.headers["Location"]) == (308, f"/stories/{story}")
    assert response.headers["Cache-Control"] == "no-cache"
    after, shown = told.ask(f"/stories/{story}", If_None_Match=before.headers["ETag"])
    assert after.status == 200
    assert "put here by hand" in shown
    weather = next(e.id for e in told.app.stores.entries.entries() if e.title == "Weather")
    done(told.home, "stories", "split", str(story), str(weather))
    assert told.ask(f"/stories/{other}")[0].status == 200


def test_a_page_is_the_same_until_what_it_shows_changes(told: Room) -> None:
    path = f"/stories/{told.story(MOVED)}"
    tag = told.ask(path)[0].headers["ETag"]
    assert told.ask(path, If_None_Match=tag)[0].status == 304
    told.down.discard("mute")
    told.pass_time(timedelta(hours=12))
    response, shown = told.ask(path, If_None_Match=tag)
    assert response.status == 200, "a feed that answers now was silent, and not away"
    assert "Read again later" not in shown.partition("Not known to have been read in that time")[2]


@pytest.mark.parametrize("number", ["0", "-1", "99999", "x", "1e3", "٣", "9" * 30, "1%00", " 1"])
def test_what_is_no_story_is_no_page(told: Room, number: str) -> None:
    response, _ = told.ask("/stories/" + number.replace(" ", "%20").replace("٣", "%D9%A3"))
    assert response.status == 404
