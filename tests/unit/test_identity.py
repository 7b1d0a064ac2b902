"""The truth table of identity (S same, U same with a revision, N new), and what must hold for any document."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import urls
from aggregator.feeds import identity
from aggregator.feeds.facts import folded, lasting
from aggregator.model import Enclosure, KnownEntry, NewEntry, ParsedEntry
from tests import counts
from tests.unit.entrytable import Table, letters
from tests.unit.histories import History, histories

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = "The Security Council of Belarus met in Minsk on Thursday and named the priorities of its chairmanship."
OTHER = "Heavy snow closed four mountain roads in the north; drivers were asked to wait until Friday morning."


def item(
    guid: str = "",
    link: str = "",
    title: str = "Council names priorities",
    body: str = TEXT,
    published_at: datetime | None = NOON,
) -> ParsedEntry:
    return ParsedEntry(guid=guid, link=link, title=title, body=body, published_at=published_at)


ID = "tag:x.by,2023:1"
URL = "https://x.by/a/1"

CASES = {
    "01 identical item": (item(ID, URL), item(ID, URL), "S"),
    "02 title edited": (item(ID, URL), item(ID, URL, title="Council names new priorities"), "U"),
    "03 link edited": (item(ID, URL), item(ID, "https://x.by/b/1"), "U"),
    "04 only the date moved": (item(ID, URL), item(ID, URL, published_at=NOON + DAY), "S"),
    "05 utm added to the link": (item(ID, URL), item(ID, URL + "?utm_source=rss"), "S"),
    "06 guid http to https": (item("http://x.by/1", URL), item("https://x.by/1", URL), "S"),
    "07 guid with www. and port": (item("https://x.by/1", URL), item("https://www.x.by:443/1", URL), "S"),
    "08 guid with a session": (item(URL, "", title="a"), item(URL + "?utm_medium=x&sid=42", "", title="a"), "S"),
    "09 guid changed": (item(ID, URL), item("tag:x.by,2023:cms2-1", URL), "S"),
    "10 guid and link changed": (item(ID, URL), item("tag:x.by,2023:cms2-1", "https://x.by/b/9"), "N"),
    "11 no guid, title edited": (item("", URL), item("", URL, title="Council names new priorities"), "U"),
    "12 no guid, date changed": (item("", URL), item("", URL, published_at=NOON + DAY), "S"),
    "13 no guid, token in the link": (item("", URL + "?v=1"), item("", URL + "?v=2"), "S"),
    "14 no guid, mobile link": (item("", URL), item("", "https://m.x.by/a/1"), "S"),
    "14 no guid, amp link": (item("", URL), item("", URL + "/amp"), "S"),
    "18 live page reused": (item(ID, URL), item("tag:x.by,2023:2", URL, "Snow closes roads", OTHER), "N"),
    "19 no id, no link": (item(), item(), "S"),
    "20 no id, no link, text edited": (item(), item(body=OTHER), "N"),
    "22 id in other case": (item("abc", ""), item("ABC", ""), "N"),
    "22 host in other case": (item("https://x.by/1", ""), item("https://X.BY/1", ""), "S"),
    "25 view counter": (item(ID, URL, body=TEXT + "\nViews: 10"), item(ID, URL, body=TEXT + "\nViews: 2 311"), "S"),
    "25 counter in Russian": (
        item(ID, URL, body=TEXT + "\nПросмотров: 10"),
        item(ID, URL, body=TEXT + "\nПросмотров: 99\nРеклама"),
        "S",
    ),
    "26 another fragment": (item("", URL + "#p12", "One"), item("", URL + "#p13", "Two", OTHER), "N"),
    "29 RSS becomes Atom": (item("", URL), item(URL, URL), "S"),
    "30 id reused for other news": (item(ID, URL), item(ID, "https://x.by/z", "Snow closes roads", OTHER), "U"),
    "weather page of another day": (
        item("1", URL, "Weather", "Minus five and snow", NOON),
        item("2", URL, "Weather", "Plus three and rain all day", NOON + 2 * DAY),
        "N",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_truth_table(name: str) -> None:
    stored, now, wanted = CASES[name]
    table = Table()
    assert letters(table.poll([stored])) == "N"
    assert letters(table.poll([now])) == wanted
    assert set(letters(table.poll([now]))) == {"S"}


TOGETHER = {
    "15 one guid, two links": ([item("1", URL + "1", "One"), item("1", URL + "2", "Two", OTHER)], 2),
    "16 the same item twice": ([item(ID, URL), item(ID, URL)], 1),
    "16 the same bare item twice": ([item(), item()], 1),
    "17 all items one link": ([item("", "https://x.by/", f"Title {n}", f"{n} {TEXT}") for n in range(5)], 5),
    "21 empty ids": ([item("", URL + "1", "One"), item("", URL + "2", "Two", OTHER)], 2),
    "26 fragments": ([item("", URL + "#p12", "One"), item("", URL + "#p13", "Two", OTHER)], 2),
    "28 one title, two links": ([item("", URL + "1", "Погода", ""), item("", URL + "2", "Погода", "")], 2),
    "28 one title, two ids": ([item("1", URL, "Погода", ""), item("2", URL + "2", "Погода", "")], 2),
    "one guid for all, one link": ([item("x", "https://x.by/", f"Title {n}", f"{n} {TEXT}") for n in range(4)], 4),
    "ids differing in a tracker": ([item(URL + "?utm_id=1", "", "One"), item(URL + "?utm_id=2", "", "Two", OTHER)], 2),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_items_of_one_document(name: str) -> None:
    items, wanted = TOGETHER[name]
    table = Table()
    assert letters(table.poll(items)) == "N" * wanted
    assert letters(table.poll(items)) == "S" * wanted
    assert letters(table.poll(items[::-1])) == "S" * wanted


def test_23_an_id_that_comes_back_is_the_same() -> None:
    table = Table()
    table.poll([item(ID, URL)])
    table.poll([item("other", URL + "2", "Two", OTHER)])
    assert letters(table.poll([item(ID, URL)])) == "S"


def test_a_guid_that_later_proves_to_be_constant_keeps_its_entries_apart() -> None:
    first, second = item("const", URL + "1", "One"), item("const", URL + "2", "Two", OTHER)
    table = Table()
    assert letters(table.poll([first])) == "N"
    assert letters(table.poll([first, second])) == "SN"
    assert letters(table.poll([second])) == "S"
    assert letters(table.poll([first])) == "S"


def test_a_link_shared_only_later_adds_nothing() -> None:
    first, second = item("", "https://x.by/", "One"), item("", "https://x.by/", "Two", OTHER)
    table = Table()
    assert letters(table.poll([first])) == "N"
    assert letters(table.poll([first, second])) == "SN"
    assert letters(table.poll([second, first])) == "SS"


@pytest.mark.parametrize(("guid", "link"), [("", URL + "?v={}"), (URL + "?sid={}", URL + "?sid={}")])
def test_tokens_that_change_at_every_poll_leave_no_trail_of_keys(guid: str, link: str) -> None:
    table = Table()
    for poll in range(20):
        table.poll([item(guid.format(poll), link.format(poll))])
    assert len(table.entries) == 1
    assert len(table.keys) <= 5


def test_the_fingerprint_costs_little_whatever_the_text() -> None:
    for text in ("1 " * 100_000, "views " * 40_000, "1." * 100_000, "(1k)" * 60_000, "\n" * 200_000):
        identity.fingerprint(item(body=text))


TOKEN = "The Council met in Minsk;  it named\n3 priorities."
KEPT = [
    ParsedEntry(
        "tag:x.by,2023:1",
        "https://www.x.by/a/1?utm_source=rss&b=2&a=1",
        "Council  names Priorities",
        body=TOKEN,
        author="BelTA",
        categories=("b", "a"),
        enclosures=(Enclosure("http://m.x.by/a.mp3?yclid=1"), Enclosure("data:x")),
        published_at=NOON,
    ),
    ParsedEntry(
        "HTTPS://WWW.x.by:443/b/%7e2/amp/?sid=4#p3",
        "https://x.by/b/2",
        "Straße ſnow",
        body=TOKEN + "\nViews: 2 311\nAdvertisement\nПросмотров: 10",
        published_at=NOON,
        updated_at=NOON + timedelta(hours=1),
    ),
    ParsedEntry(
        "",
        "https://x.by/c?v=1",
        "Снег закрыл дороги",
        body="Движение закрыто.\nРеклама\n12 комментариев",
        published_at=NOON,
    ),
    ParsedEntry("", "mailto:desk@x.by", "Write to us", body="1.2k likes"),
    ParsedEntry("", "", "", body="Only a text with \ud800 in it, 15 shares"),
    ParsedEntry("same", "https://x.by/e/1", "One", body="first"),
    ParsedEntry("same", "https://x.by/e/2", "Two", body="second"),
    ParsedEntry("same", "https://x.by/e/2", "Three", body="third, read 14"),
    ParsedEntry("http://x.by/f?utm_id=1", "", "Four"),
    ParsedEntry("http://x.by/f?utm_id=2", "", "Five"),
]
STORED = json.loads((Path(__file__).parents[1] / "data/identity-keys.json").read_text("utf-8"))


def test_keys_and_fingerprints_are_those_that_databases_hold() -> None:
    facts = [identity.facts(entry) for entry in KEPT]
    assert [f.fingerprint for f in facts] == [identity.fingerprint(e) for e in KEPT] == STORED["fingerprints"]
    assert [
        [[k.kind, k.key] for k in own if k.kind not in {"text", "repeat"}] for own in identity.keys(facts)
    ] == STORED["keys"]


def test_learnt_keys_survive_a_second_change() -> None:
    table = Table()
    table.poll([item("old", URL)])
    table.poll([item("new", URL)])
    assert letters(table.poll([item("new", "https://x.by/b/1")])) == "U"


def test_of_two_copies_the_newer_counts_whatever_their_order() -> None:
    old, new = item(ID, URL), item(ID, URL, body=TEXT + " More.", published_at=NOON + DAY)
    for order in ([old, new], [new, old]):
        changes = Table().poll(order)
        assert isinstance(changes[0], NewEntry)
        assert len(changes) == 1
        assert changes[0].entry == new


def test_a_pruned_entry_is_recognised_by_its_tombstones() -> None:
    tombstone = KnownEntry(0, "", "", "", "", 0, None, "")
    items = [item("1", URL + "1"), item("2", URL + "2", "Two", OTHER)]
    facts = [identity.facts(i) for i in items]
    keys = identity.keys(facts)
    changes = identity.diff(facts, items, keys, {own[0]: tombstone for own in keys}).changes
    assert [getattr(change, "entry_id", None) for change in changes] == [0, 0]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"title": "Council  names priorities"}, False),
        ({"updated_at": NOON + DAY}, False),
        ({"summary": "<p>other markup</p>"}, False),
        ({"author": "BelTA"}, True),
        ({"categories": ("politics",)}, True),
        ({"enclosures": (Enclosure("https://x.by/a.mp3"),)}, True),
        ({"body": OTHER}, True),
    ],
)
def test_the_fingerprint_follows_what_readers_see(change: dict[str, object], seen: bool) -> None:
    entry = item(ID, URL)
    assert (identity.fingerprint(entry) != identity.fingerprint(replace(entry, **change))) is seen  # type: ignore[arg-type]


ITEMS = st.lists(
    st.builds(
        item,
        guid=st.sampled_from(["", "", "a", "b", "https://x.by/1", "https://x.by/1?utm_source=q", "http://x.by/1"]),
        link=st.sampled_from(["", "https://x.by/", "https://x.by/1", "https://x.by/2", "http://m.x.by/1"]),
        title=st.sampled_from(["", "One", "Two", "Погода"]),
        body=st.sampled_from(["", TEXT, OTHER, TEXT + " More."]),
        published_at=st.sampled_from([None, NOON, NOON + DAY]),
    ),
    max_size=7,
)


@given(ITEMS, st.randoms(use_true_random=False))
def test_polling_again_in_any_order_changes_nothing(items: list[ParsedEntry], chance: object) -> None:
    table = Table()
    table.poll(items)
    stored = dict(table.entries)
    shuffled = list(items)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(letters(table.poll(shuffled))) <= {"S"}
    assert table.entries == stored


@given(ITEMS)
def test_trackers_on_links_add_nothing(items: list[ParsedEntry]) -> None:
    table = Table()
    table.poll(items)
    marked = [replace(e, link=e.link + "?utm_campaign=x&fbclid=1") if e.link else e for e in items]
    assert "N" not in letters(table.poll(marked))


@given(ITEMS, ITEMS)
def test_any_two_documents_give_each_key_one_owner_and_settle(one: list[ParsedEntry], two: list[ParsedEntry]) -> None:
    table = Table()
    table.poll(one)
    table.poll(two)
    assert "N" not in letters(table.poll(two))


@given(ITEMS, ITEMS, st.randoms(use_true_random=False))
def test_recalled_items_are_judged_as_parsed_ones_would_be_or_not_at_all(
    one: list[ParsedEntry], two: list[ParsedEntry], chance: Any
) -> None:
    table = Table()
    table.poll(one)
    at_hand = [None if chance.random() < 0.7 else entry for entry in two]
    with contextlib.suppress(identity.Uncertain):
        assert table.judge(two, at_hand) == table.judge(two, two)


def test_what_is_known_by_its_id_is_judged_without_its_text() -> None:
    items = [item(str(n), f"{URL}-{n}", f"Title {n}") for n in range(30)]
    table = Table()
    table.poll(items)
    verdict = table.judge(items, [None] * 30)
    assert set(letters(verdict.changes)) == {"S"}


def test_a_recalled_item_that_is_new_asks_for_its_text() -> None:
    with pytest.raises(identity.Uncertain):
        Table().judge([item(ID, URL)], [None])


ODD = re.compile("[a-zа-яі]", re.IGNORECASE)


def test_what_an_expression_takes_for_a_letter_folds_to_that_letter() -> None:
    """The quick look for words of counters relies on it."""
    odd = {char for char in map(chr, range(sys.maxunicode + 1)) if ODD.match(char) and not ODD.search(char.casefold())}
    assert odd <= {"ı"}
    assert "i\u0307" in "İ".casefold()


def test_what_is_shuffled_tracked_cut_off_and_shown_again_is_never_new() -> None:
    tried = failed = 0

    @settings(max_examples=counts.count(small=500, storm=20_000))
    @given(histories)
    def holds(history: History) -> None:
        nonlocal tried, failed
        table = Table()
        table.poll(history.document)
        for version in history.versions():
            tried, failed = tried + 1, failed + 1
            assert "N" not in letters(table.poll(version)), version
            failed -= 1

    try:
        holds()
    finally:
        counts.report("items shuffled, tracked, cut off and back, in memory", tried, failed)


@given(st.text(), st.text(), st.text(), st.lists(st.text()), st.lists(st.text()))
def test_the_fingerprint_is_that_of_the_json_of_its_parts(
    title: str, body: str, author: str, categories: list[str], files: list[str]
) -> None:
    entry = ParsedEntry("1", "", title, body=body, author=author, categories=tuple(categories))
    entry = replace(entry, enclosures=tuple(map(Enclosure, files)))
    addresses = sorted(urls.identity(file) or file for file in files)
    parts = (folded(title), "", lasting(body), author, sorted(categories), addresses)
    written = json.dumps(parts, ensure_ascii=False).encode("utf-8", "replace")
    assert identity.fingerprint(entry) == hashlib.sha256(written).hexdigest()
