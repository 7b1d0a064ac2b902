"""Documents taken apart: what can be cut and what cannot, and what passes in a head."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import slice  # noqa: A004 - the stage's name
from aggregator.feeds.slice import Remembered, Sliced
from aggregator.model import ItemFacts, Recall
from tests.e2e.feedversions import Version, histories

URL = "https://x.by/rss"
ONE = "<item><title>One</title></item>"
TWO = "<item><title>Two</title></item>"


def rss(*items: str, head: str = "<title>T</title>", between: str = "\n", tail: str = "") -> str:
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{head}{between.join(items)}{tail}</channel></rss>"


def cut(text: str, url: str = URL) -> Sliced:
    found = slice.cut(text, url)
    assert found is not None
    return found


def test_a_document_is_a_head_and_its_items() -> None:
    found = cut(rss(ONE, TWO))
    assert found.items == (ONE, TWO)
    assert found.before.endswith("<title>T</title>")
    assert found.after == "</channel></rss>"
    assert found.without(()) == rss(ONE + TWO, between="")
    assert found.without({found.names[0]}) == rss(TWO)


@pytest.mark.parametrize(
    "text",
    [
        rss(),
        rss("<item/>", ONE),
        rss(f"<item>{ONE}</item>"),
        rss(ONE, TWO, between="<image/>"),
        rss(ONE, TWO, between="\x0b"),
        rss(ONE, TWO, between="\xa0"),
        rss(ONE, TWO, between="<!-- ad -->"),
        rss(ONE, "<item><title>cut off"),
        rss("</item>", ONE),
        "<!DOCTYPE rss [<!ENTITY a 'b'>]>" + rss(ONE),
        "<html>" + ONE + "</html>",
        rss("<item><![CDATA[ never closed", ONE),
        '{"items": []}',
    ],
)
def test_what_is_doubtful_is_not_cut(text: str) -> None:
    assert slice.cut(text, URL) is None


def test_items_inside_cdata_and_comments_are_text() -> None:
    item = "<item><description><![CDATA[<item>not one</item>]]></description><!-- <item> --></item>"
    assert cut(rss(item, head="<!-- <item> --><title>T</title>")).items == (item,)


def test_other_encodings_and_large_documents_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slice.text(rss(ONE).encode(), "") == rss(ONE)
    assert slice.text(rss(ONE).encode("utf-16"), "") is None
    assert slice.text("<rss>Минск</rss>".encode("cp1251"), "text/xml; charset=windows-1251") is None
    monkeypatch.setattr(slice, "LARGEST", 20)
    assert slice.text(rss(ONE).encode(), "") is None


PASSING = ("<lastBuildDate>{}</lastBuildDate>", "<pubDate>{}</pubDate>", "<!-- built {} -->", "<dc:date>{}</dc:date>")


@pytest.mark.parametrize("part", PASSING)
def test_what_passes_in_a_head_changes_nothing(part: str) -> None:
    before, after = (rss(ONE, TWO, head=part.format(n)) for n in (1, 2))
    assert (cut(before).head, cut(before).names) == (cut(after).head, cut(after).names)


@pytest.mark.parametrize(
    "other",
    [
        rss(ONE, TWO, head="<title>U</title>"),
        rss(ONE, TWO, tail="<ttl>60</ttl>"),
        rss(ONE, TWO).replace("version='2.0'", "version='2.0' xml:base='https://y.by/'"),
        rss(ONE, TWO, head="<title>T<![CDATA[<pubDate>x</pubDate>]]></title>"),
        rss(ONE, TWO, head="<title>T<?x <pubDate>x</pubDate>?></title>"),
    ],
)
def test_everything_else_in_a_head_does(other: str) -> None:
    assert cut(other).head != cut(rss(ONE, TWO)).head


@pytest.mark.parametrize(("opens", "closes"), [("<![CDATA[<!--]]>", "<![CDATA[-->]]>"), ("<?x <!-- ?>", "<?x --> ?>")])
def test_what_looks_like_a_comment_in_other_text_is_none(opens: str, closes: str) -> None:
    before, after = (
        rss(ONE, head=f"<title>{opens}</title><language>{code}</language><ttl>{closes}</ttl>") for code in ("ru", "be")
    )
    assert cut(before).head != cut(after).head


def test_a_time_inside_an_item_is_no_passing_thing() -> None:
    before, after = (rss(f"<item><pubDate>{n}</pubDate></item>") for n in (1, 2))
    assert cut(before).names != cut(after).names


def test_where_a_document_was_found_counts() -> None:
    assert cut(rss(ONE)).head != cut(rss(ONE), "https://x.by/other").head


PIECES = st.sampled_from(
    [ONE, TWO, "<item>", "</item>", "<item/>", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<", ">", " ", "a:item", "<entry a='>'>", "</entry>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12))
def test_pieces_make_up_the_document(pieces: list[str]) -> None:
    text = rss("".join(pieces))
    found = slice.cut(text, URL)
    if found is not None:
        at = len(found.before)
        for item in found.items:
            at = text.index(item, at)
            assert not text[len(found.before) : at].strip() or item in found.items
            at += len(item)
        assert text.startswith(found.before)
        assert text.endswith(found.after)


@given(histories, st.lists(st.tuples(st.integers(0, 999), PIECES), max_size=3))
def test_what_is_expected_from_the_document_before_is_what_is_found_without_it(
    versions: list[Version], damage: list[tuple[int, str]]
) -> None:
    known: dict[bytes, Remembered] = {}
    for number, version in enumerate(versions):
        text = version.body(number).decode("utf-8", "replace")
        for at, piece in damage:
            text = text[:at] + piece + text[at:]
        alone, found = slice.cut(text, URL), slice.cut(text, URL, known)
        assert found == alone
        if found is not None:
            known = {
                name: Remembered(1, True, len(item), (), b"")
                for name, item in zip(found.names, found.items, strict=True)
            }


def test_one_item_repeated_before_others_does_not_have_the_document_read_many_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = f"<item>{'x' * 10_000}</item>"
    found = cut(rss(ONE, long))
    known = {name: Remembered(1, True, len(item), (), b"") for name, item in zip(found.names, found.items, strict=True)}
    read: list[int] = []
    name = slice._name

    def counted(text: str) -> bytes:
        read.append(len(text))
        return name(text)

    monkeypatch.setattr(slice, "_name", counted)
    text = rss(*[ONE] * 400, long.replace("x", "y"))
    again = slice.cut(text, URL, known)
    assert again is not None
    assert len(again.items) == 401
    assert sum(read) < 4 * len(text)


FACTS = ItemFacts("1", "", "https://x.by/1", "x.by/1", "one", "2023-02-02T12:00:00+00:00", "h", "t", "f", "", 7)


def test_what_is_remembered_is_recalled() -> None:
    found = cut(rss(ONE, TWO))
    other = replace(FACTS, guid="2", title="", text="")
    items = {
        name: slice.item(text, facts, owner, "id link", plain=plain)
        for name, text, facts, owner, plain in zip(
            found.names, found.items, (FACTS, other), (0, 5), (True, False), strict=True
        )
    }
    recall = replace(slice.remember(found, items, settled=True), fresh=((0, 4), (9, 9)))
    names, known = slice.recalled(recall)
    assert [(k.owner, k.plain, k.length, k.shape) for k in known.values()] == [
        (4, True, len(ONE), "id link"),
        (5, False, len(TWO), "id link"),
    ]
    assert [k.facts for k in known.values()] == [replace(FACTS, hash="", fingerprint=""), other]
    assert names == tuple(known) == found.names


@pytest.mark.parametrize("items", [b"", b"\0", b"\2\0\0\0", b"\1\0\0\0" + b"x" * 60, b"\0\0\0\0" + zlib.compress(b"")])
def test_a_damaged_memory_is_told_of(items: bytes) -> None:
    with pytest.raises(slice.DamagedError):
        slice.recalled(Recall("", settled=True, items=items))


@pytest.mark.parametrize("line", [b"", b"[", b"[1]", b"7", b"null"])
def test_damaged_facts_are_told_of(line: bytes) -> None:
    with pytest.raises(slice.DamagedError):
        _ = Remembered(1, True, 7, (), line).facts


@pytest.mark.parametrize(
    ("other", "shares"),
    [
        (replace(FACTS, guid="2", address="y", title="two", text="u"), False),
        (replace(FACTS, guid="2", address="y", text="u"), True),
        (replace(FACTS, guid="2", title="two", text="u"), True),
        (replace(FACTS, address="y", title="two", text="u"), True),
        (replace(FACTS, guid="2", address="y", title="two"), True),
        (replace(FACTS, guid="2", address="y", title="", text=""), False),
    ],
)
def test_an_unseen_item_that_shares_a_name_touches_a_known_one(other: ItemFacts, shares: bool) -> None:
    found = cut(rss(ONE, TWO))
    known = {found.names[0]: slice.item(ONE, FACTS, 1, "id", plain=True)}
    assert (slice.untouched(found, known, [other]) is None) is shares


def test_items_without_titles_of_the_same_moment_may_be_taken_for_each_other() -> None:
    found = cut(rss(ONE, TWO))
    bare = replace(FACTS, title="", text="", address="")
    known = {found.names[0]: slice.item(ONE, bare, 1, "id", plain=True)}
    assert slice.untouched(found, known, [replace(bare, guid="2")]) is None
    assert slice.untouched(found, known, [replace(bare, guid="2", published="2023-02-02T12:00:01+00:00")]) is not None
