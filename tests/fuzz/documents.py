"""Feeds: parsing hurts nobody, and a document taken apart says what it says whole.

An input is a line and a document. The line is the content type for `parse`; for `slice`, which items were seen before.
"""

from __future__ import annotations

import itertools
import pickle
import re
from functools import cache
from pathlib import Path

from aggregator.errors import WorkError
from aggregator.feeds import charset, identity, parse, slice  # noqa: A004 - the stage's name
from aggregator.model import NO_RECALL, ItemFacts, ParsedEntry, ParsedFeed, Recall
from tests.harmless import look

DATA = Path(__file__).parents[1] / "data" / "feeds"
SHARED = Path(__file__).parents[3] / "shared" / "feeds"
URL = "https://x.by/dir/feed.xml"
BETWEEN = re.compile(r"<!--.*?-->|<pubDate>.*?</pubDate>", re.DOTALL)
OTHER = str.maketrans("abcdefghijklmnopqrstuvwxyz0123456789", "bcdefghijklmnopqrstuvwxyza1234567890")
"""Tags stay balanced, and mean nothing."""
TYPES = (
    b"", b"text/xml", b"text/xml; charset=windows-1251", b"application/json", b"text/html; charset=utf-16", b"x; charset=hz", b'a/b; charset="utf-8',
)  # fmt: skip
WORDS = tuple(
    word.encode()
    for word in (
        "<item>", "</item>", "<entry>", "</entry>", "<title>", "</title>", "<link>", "<guid>", "<guid isPermaLink='false'>", "<description>", "</description>",
        "<content type='xhtml'>", "<content:encoded>", "<![CDATA[", "]]>", "<!--", "-->", "<?x", "?>", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "&a;", "&nbsp;",
        "&amp;", "&lt;", "&lt;b&gt;", "&#xD800;", "&#0;", "&#99999999999;", "<b>", "<table><td>", "<svg><style>", "<img src=x onerror=x>", "xml:base='http://['",
        "xml:base='//y.by'", "xml:lang='ru'", "xmlns='http://www.w3.org/2005/Atom'", "xmlns:a='http://www.w3.org/2005/Atom'", "<media:group>",
        "<enclosure url='x' length='-1'/>", "<category term='x'/>", "<pubDate>", "Thu, 02 Feb 2023 10:00:00 GMT", "2023-02-02T10:00:00+99:99", "0000-00-00", "24:00:60",
        "<dc:date>", "<source>", "<author>", "<name>", "<updated>", "<rss version='2.0'>", "<channel>", "</channel>", "</rss>", "</feed>", "<rdf:RDF", "<rdf:li/>",
        "{", "}", "[", "]", '"items"', '"content_html":', "\\ud800", "\\u0000", "1e999", "encoding='utf-16'", "encoding='koi8-r'", "javascript:", "https://", "<", ">", "'", '"', "/",
        "<a:item>", "<item/>", "<lastBuildDate>", "\u2028", "\u202e", "\ufeff", "ОДКБ",
    )
)  # fmt: skip


@cache
def _samples() -> tuple[bytes, ...]:
    """Golden documents, those of the server of 400 faults, and real feeds where they are at hand."""
    from tests.e2e import feedversions
    from tests.faultserver import documents as faults
    from tests.faultserver.manifest import item, xml

    found = [path.read_bytes() for folder in (DATA, SHARED) for path in sorted(folder.glob("*.xml"))]
    found += [feedversions.Version(kind, 0, ((0, 1, 0), (0, 2, 0)), 1, "").body(1) for kind in ("rss", "atom", "rdf")]
    found += [
        xml(item("One") + item("Two", guid="2")),
        (faults.DTD.format(URL) + xml(item("&eacute;")).decode()).encode(),
    ]
    return tuple(found)


def parse_samples() -> list[bytes]:
    """Each document with one of the content types."""
    return [kind + b"\n" + body for kind, body in zip(itertools.cycle(TYPES), _samples(), strict=False)]


def slice_samples() -> list[bytes]:
    """Each document, every other item of which was seen before."""
    return [
        seen + b"\n" + body
        for seen, body in zip(itertools.cycle((b"0101", b"1", b"10", b"0011")), _samples(), strict=False)
    ]


def parse_any(data: bytes) -> None:
    """A refusal in our own words, or a feed of harmless texts that survives the way out of a worker and can be told apart and stored."""
    kind, _, body = data.partition(b"\n")
    found = look(body, kind.decode("latin-1"))
    if found is None:
        return
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    facts = [identity.facts(entry) for entry in found.entries]
    identity.keys(facts)
    repr(found).encode("utf-8")


def slice_any(data: bytes) -> None:
    """What was recalled and what is parsed make up what the whole document says; `judge` parses whole wherever the two do not fit."""
    seen, _, body = data.partition(b"\n")
    text = slice.text(body, "")
    recalled_from(data)
    sliced = None if text is None else slice.cut(text, URL)
    if text is None or sliced is None:
        return
    bits = itertools.cycle([byte & 1 for byte in seen] or [0])
    known = {name for name, bit in zip(sliced.names, bits, strict=False) if bit}
    unknown = set(sliced.names) - known
    before = told(sliced.without(unknown), [name for name in sliced.names if name in known])
    if not before:
        return
    recall = remembered(text, before)
    assert slice.cut(text, URL, recall) == sliced
    passes(sliced, unknown, before)
    after = told(sliced.without(known), [name for name in sliced.names if name in unknown])
    few = parse.few(sliced.without(known), URL)
    if after is None:
        return
    entries = list(after.values())
    whole = told(text, list(sliced.names))
    assert whole is not None, "the whole is worse than its parts"
    if few is not None and len(set(sliced.names)) == len(sliced.names):
        assert list(few) == [entry for own in entries for entry in own]
    for name in sliced.names:
        assert [identity.facts(e) for e in whole[name]] == [
            identity.facts(e) for e in (before if name in known else after)[name]
        ]
        assert name in known or whole[name] == after[name]


def passes(sliced: slice.Sliced, unknown: set[bytes], before: dict[bytes, list[ParsedEntry]]) -> None:
    """What a head may gain or lose and count as the same means nothing for the items."""
    bare = (slice._lasting_part(sliced.before), slice._lasting_part(sliced.after))
    varied = tuple(BETWEEN.sub(lambda found: found[0].translate(OTHER), part) for part in (sliced.before, sliced.after))
    for head, tail in (bare, varied):
        other = slice.cut(head + "".join(sliced.items) + tail, URL)
        if other is not None and (other.head, other.names) == (sliced.head, sliced.names):
            again = told(other.without(unknown), [name for name in other.names if name in before])
            assert again is None or again == before, "the head means something after all"


def told(text: str, names: list[bytes]) -> dict[bytes, list[ParsedEntry]] | None:
    """The entries of a document by the names of its items; None where the two do not fit, and a poll would remember nothing."""
    try:
        found = parse.document(text.encode("utf-8", "surrogatepass"), URL) if names else ParsedFeed("", "", "", "", ())
    except WorkError as e:
        assert e.error_class != "internal", e.message  # noqa: PT017 - a refusal is no fault
        return None
    if found.malformed or len(found.entries) != len(names):
        return None
    entries: dict[bytes, list[ParsedEntry]] = {name: [] for name in names}
    for name, entry in zip(names, found.entries, strict=True):
        entries[name].append(entry)
    return entries


def remembered(text: str, entries: dict[bytes, list[ParsedEntry]]) -> dict[bytes, slice.Remembered]:
    """What the poll before kept of these items, as it is read again."""
    sliced = slice.cut(text, URL)
    assert sliced is not None
    texts = dict(zip(sliced.names, sliced.items, strict=True))
    items = {}
    for name, own in entries.items():
        facts = identity.facts(own[0])
        items[name] = slice.item(texts[name], facts, 1, "shape", plain=False)
        assert items[name].facts == facts
    kept = slice.Sliced("", "", (), tuple(items), "head")
    found = slice.recalled(slice.remember(kept, items, settled=False)).items
    assert found == items
    return found


def recalled_from(data: bytes) -> None:
    """What was kept of a document is read, or damaged."""
    for items in (data, NO_RECALL.items):
        try:
            found = slice.recalled(Recall("head", settled=False, items=items))
            facts: list[ItemFacts] = [each.facts for each in found.items.values()]
        except slice.DamagedError:
            continue
        assert len(facts) == len(found.items)


def decide_any(data: bytes) -> None:
    """Any bytes are text in some encoding."""
    kind, _, body = data.partition(b"\n")
    text = charset.decide(body, kind.decode("latin-1")).text
    strict = charset.strict_utf8(body, kind.decode("latin-1"))
    assert strict is None or strict == text
