"""What an edition shows beside its stories, in both parts of the mail: sections, updates, what was late, how fast, and why together."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.publication import Checked, Edition, FailingFeed, LateStory, Missed, UpdatedStory, Window
from aggregator.render import MAIL_STORIES, Renderer
from tests.unit.test_render import NOW, OPTIONS, RENDERER, Links, edition, outlet, read, story, text_links

TWO = (("CSTO", "@csto"), ("Energy", "energy"))


def words(page: str) -> str:
    """A page or a text as its words, without tags and line breaks."""
    without = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<(?!http)[^>]+>", "", without).split())


def both(made: Edition, renderer: Renderer = RENDERER) -> tuple[str, str]:
    """The words of the text part and of the HTML part."""
    _, text, html = read(renderer.render(made), renderer)
    assert text_links(text) == set(Links(html).links)
    return words(text), words(html)


def told(n: int, *watchlists: str, score: str = "CSTO") -> object:
    ids = tuple(w.lower() for w in watchlists)
    return story(n, f"{score} story {n}", watchlist_ids=ids, watchlist_titles=watchlists)


# -- sections --------------------------------------------------------------------------------------------------------


def test_each_watchlist_has_a_section_in_the_digests_order() -> None:
    made = edition(told(1, "Energy"), told(2, "CSTO", "Energy"), told(3, "CSTO"), queries=TWO)  # type: ignore[arg-type]
    for said in both(made):
        said = said.partition("feeds checked")[2]  # noqa: PLW2901 - subject and preheader speak of the first ones
        places = [said.index(word) for word in ("story 2", "story 3", "story 1")]
        assert places == sorted(places), "the first watchlist's stories first, whatever their prominence"
        assert said.count("CSTO, Energy:") == 1, "a story in two stands once, with both tags"
    _, text, html = read(RENDERER.render(made))
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", html) == ["CSTO", "Energy"]
    assert [line for line in text.splitlines() if line in {"CSTO", "ENERGY"}] == ["CSTO", "ENERGY"]
    assert re.findall(r"(?m)^ (\d)\. ", text) == ["1", "2", "3"]


def test_one_watchlist_needs_no_heading() -> None:
    _, text, html = read(RENDERER.render(edition(told(1, "CSTO"))))  # type: ignore[arg-type]
    assert html.count("<h2") == 1
    assert "<h3" not in html
    assert "\nCSTO\n" not in text


def test_the_cap_keeps_the_most_prominent_of_all_sections() -> None:
    stories = [told(n, "CSTO" if n > 20 else "Energy") for n in range(1, 41)]
    made = edition(*stories, queries=TWO)  # type: ignore[arg-type]
    for said in both(made):
        shown = {int(n) for n in re.findall(r"CSTO story (\d+)", said)}
        assert shown == set(range(1, MAIL_STORIES + 1)), "all twenty of the second section, ten of the first"
        assert "10 more stories on the page of this edition" in said
    assert RENDERER.render(made).page.count("<h3") == 40


# -- the opening line ------------------------------------------------------------------------------------------------


def test_the_opening_line_tells_all_that_was_and_was_not_checked() -> None:
    checked = Checked(
        42,
        41,
        (FailingFeed("tass", "TASS", NOW.replace(hour=0, minute=10), "503"),),
        (Missed("x", "X", NOW.replace(hour=2), NOW.replace(hour=3, minute=30)),),
    )
    made = edition(*(story(n) for n in range(12)), entries=31, feeds=9, checked=checked)
    line = (
        "12 stories from 31 entries in 9 feeds; 41 of 42 feeds checked, TASS failing since 03:10; "
        "possibly missed in X between 05:00 and 06:30."
    )
    assert all(line in said for said in both(made))


def test_the_opening_line_is_bounded() -> None:
    failing = tuple(FailingFeed(f"f{n}", f"Feed {n}", None, "503") for n in range(30))
    missed = tuple(Missed(f"f{n}", f"Feed {n}", NOW - timedelta(days=n + 1), NOW) for n in range(30))
    text, _ = both(edition(story(), checked=Checked(60, 30, failing, missed)))
    assert (
        "Feed 3 failing and 26 more; possibly missed in Feed 0 between Wed 1 Feb, 16:00 and Thu 2 Feb, 16:00, in"
        in text
    )
    assert "in Feed 2 between Mon 30 Jan, 16:00 and Thu 2 Feb, 16:00 and 27 more." in text


# -- updates, late, held ---------------------------------------------------------------------------------------------


def test_an_update_shows_the_headline_it_was_told_under() -> None:
    made = edition(
        updated=(UpdatedStory(story(1), "CSTO to meet in Brest"), UpdatedStory(story(2), "CSTO meets in Minsk"))
    )
    assert RENDERER.render(made).subject == "Morning briefing, Thu 2 Feb: nothing new; 2 stories updated"
    for said in both(made):
        assert "updated since your last edition" in said.lower()
        assert "Before: CSTO to meet in Brest" in said
        assert said.count("The text was changed.") == 1
        assert "Nothing new; 2 stories updated; 9 of 10 feeds checked" in said


def test_what_could_not_be_delivered_is_told_late_and_says_so() -> None:
    late = LateStory(
        "Old news", "https://belta.example/7", "en", "BelTA", NOW - timedelta(days=2), NOW - timedelta(days=1)
    )
    made = edition(story(), late=(late,) * 25)
    for said in both(made):
        assert "could not be delivered before" in said.lower()
        assert "Old news" in said
        assert "Meant for the edition of Wed 1 Feb, 16:00" in said
        assert "and 5 more" in said
    assert "https://belta.example/7" in text_links(read(RENDERER.render(made))[1])


@pytest.mark.parametrize(
    ("held", "says"), [("quiet", "Held during your quiet hours."), ("storm", "these came together.")]
)
def test_alerts_that_come_together_say_why(held: str, says: str) -> None:
    assert all(says in said for said in both(edition(story(), story(2), kind="alert", held=held)))
    assert not any(says in said for said in both(edition(story(), story(2), kind="alert")))


# -- how fast --------------------------------------------------------------------------------------------------------


def alert(published: float | None, seen: float, at: float) -> Edition:
    """An alert; minutes before it was composed."""
    first = replace(
        outlet("BelTA", 1),
        published_at=None if published is None else NOW - timedelta(minutes=published),
        first_seen_at=NOW - timedelta(minutes=seen),
    )
    shown = story(1, outlets=(first,), at=NOW - timedelta(minutes=at))
    return edition(shown, kind="alert", window=Window(NOW, NOW))


@pytest.mark.parametrize(
    ("published", "seen", "at", "says"),
    [
        (10, 2, 10, "Published 15:50, seen 15:58, sent 16:00 Minsk time"),
        (None, 2, 2, "Seen 15:58, sent 16:00 Minsk time"),
        (-90, 2, 2, "Seen 15:58, sent 16:00 Minsk time"),
        (-90, 2, -90, "Seen 15:58, sent 16:00 Minsk time"),
        (60 * 24 * 365, 2, 2, "Seen 15:58, sent 16:00 Minsk time"),
        (60 * 24, 2, 60 * 24, "Published Wed 1 Feb, 16:00, seen 15:58, sent 16:00 Minsk time"),
    ],
)
def test_an_alert_says_how_fast_it_was_and_believes_no_odd_clock(
    published: float | None, seen: float, at: float, says: str
) -> None:
    for said in both(alert(published, seen, at)):
        assert says in said
        assert ("Published" in said) is ("Published" in says)
    assert not any("sent 16:00" in said for said in both(edition(story())))


def test_times_are_the_readers() -> None:
    text, _ = both(replace(alert(10, 2, 10), timezone="America/New_York"))
    assert "Published 07:50, seen 07:58, sent 08:00 New York time" in text
    _, html = both(edition(story(), timezone="Australia/Lord_Howe"))
    assert "Thu 2 Feb, 22:00 Lord Howe time" in html


# -- headers ---------------------------------------------------------------------------------------------------------


def raw(made: Edition, renderer: Renderer = RENDERER) -> list[str]:
    return renderer.render(made).mail.decode().partition("\r\n\r\n")[0].split("\r\n")


def test_a_list_has_a_name_for_people_and_a_label_for_filters() -> None:
    named = edition(story(), title="CSTO", list_name="csto.watch")
    assert "List-Id: CSTO <csto.watch.news.example>" in raw(named)
    odd = edition(story(), title="Watch, Inc.", list_name="-a b..ОДКБ.c-")
    assert 'List-Id: "Watch, Inc." <a-b.c.news.example>' in raw(odd)
    cyrillic = raw(edition(story(), title="Обзор утра"))
    at = next(n for n, line in enumerate(cyrillic) if line.startswith("List-Id: =?utf-8?"))
    assert cyrillic[at + 1] == " <morning.news.example>"


def test_mail_of_one_story_hangs_together_and_an_odd_thread_is_left_out() -> None:
    assert "References: <thread.abc@news.example>" in raw(edition(story(), thread="<thread.abc@news.example>"))
    for odd in ("thread", "<a b@c>", "<a@b>\r\nBcc: c@d", "<" + "a" * 990 + "@b>"):
        assert not any(line.startswith(("References", "Bcc")) for line in raw(edition(story(), thread=odd)))


def test_the_operators_own_words_stand_where_they_belong() -> None:
    renderer = Renderer(
        replace(OPTIONS, owner="chief@news.example", feedback_id="news:morning:agg", postal="1 Main St\nMinsk")
    )
    lines = raw(edition(story()), renderer)
    assert "List-Owner: <mailto:chief@news.example>" in lines
    assert "Feedback-ID: news:morning:agg" in lines
    assert all("1 Main St Minsk" in said for said in both(edition(story()), renderer))
    by_mail = raw(edition(story()), Renderer(replace(OPTIONS, public_url="")))
    assert "List-Help: <mailto:watch@news.example?subject=help>" in by_mail
    assert not any(line.startswith(("List-Archive", "List-Unsubscribe-Post")) for line in by_mail)


def test_the_way_out_stands_near_the_top_and_at_the_end() -> None:
    for kind, label in (("digest", "Stop this digest"), ("alert", "Stop these alerts")):
        _, text, html = read(RENDERER.render(edition(story(), kind=kind)))
        assert html.count(f">{label}</a>") == 2
        assert html.index(label) < html.index("CSTO</mark>")
        assert text.index(f"{label}:\n<https://") < text.index(" 1. ")


def test_the_inbox_shows_the_next_headlines_or_how_the_story_begins() -> None:
    def preheader(made: Edition) -> str:
        found = re.search(r'aria-hidden="true"><bdi>([^<]*)', read(RENDERER.render(made))[2])
        return found[1] if found else ""

    assert preheader(edition(story(1), story(2, "Second"), story(3, "Third"))) == "Second · Third"
    assert preheader(edition(story())) == "The CSTO met on Thursday."
    assert preheader(edition()).startswith("Nothing matched; 9 of 10 feeds checked")


def test_the_data_hold_all_of_it() -> None:
    checked = Checked(1, 1, (), (Missed("x", "X", NOW, NOW),))
    late = LateStory("Old", "https://x.example/", "en", "X", NOW, NOW)
    made = edition(
        story(), feeds=1, updated=(UpdatedStory(story(2), "Before"),), late=(late,), held="storm", checked=checked
    )
    data = json.loads(RENDERER.render(made).data)
    assert data["updated"][0]["before"] == "Before"
    assert data["late"][0]["headline"] == "Old"
    assert (data["held"], data["feeds"], data["checked"]["missed"][0]["title"]) == ("storm", 1, "X")


def test_many_watchlists_leave_room_for_stories() -> None:
    queries = tuple((f"Watchlist {n}", "word OR " * 60) for n in range(300))
    made = edition(*(story(n) for n in range(30)), queries=queries)
    _, text, html = read(RENDERER.render(made))
    assert html.count("<h3") > 20
    assert "and 280 more" in text


def test_stories_told_earlier_give_way_where_nothing_else_is_left_to_drop() -> None:
    many = tuple(outlet(f"Outlet{n}", n, f"https://o{n}.example/" + "a" * 1900) for n in range(9))
    big = tuple(story(n, outlets=many, continued=True) for n in range(20))
    _, text, html = read(RENDERER.render(edition(story(), continued=big)))
    assert len(html.encode()) <= 80_000
    assert re.search(r"and 1\d more", text)
