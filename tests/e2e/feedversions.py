"""Feeds as they change from poll to poll, as text: heads and items of many shapes, for tests of slicing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st

Kind = Literal["rss", "atom", "rdf"]
ATOM = "http://www.w3.org/2005/Atom"
HEADS: dict[Kind, tuple[str, ...]] = {
    "rss": (
        "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>T</title>{built}",
        "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>Other</title>{built}<ttl>60</ttl>",
        "<rss version='2.0' xml:base='https://base.example/dir/'><channel><title>T</title>{built}<language>ru</language>",
        "<rss version='2.0' xml:lang='be'><channel><title>T</title><!-- {built} --><textInput><title>x</title></textInput>",
        "<!DOCTYPE rss [<!ENTITY csto 'CSTO'>]><rss version='2.0'><channel><title>&csto;</title>{built}",
    ),
    "atom": (
        f"<feed xmlns='{ATOM}'><title>T</title><id>tag:x</id>{{built}}<author><name>Desk</name></author>",
        f"<feed xmlns='{ATOM}'><title>T</title><id>tag:x</id>{{built}}<author><name>Night desk</name></author>",
        f"<feed xmlns='{ATOM}' xml:lang='ru' xml:base='https://base.example/'><title>T</title>{{built}}",
        f"<a:feed xmlns:a='{ATOM}' xmlns='{ATOM}'><a:title>T</a:title>{{built}}",
    ),
    "rdf": (
        (
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' "
            "xmlns:dc='http://purl.org/dc/elements/1.1/'><channel rdf:about='https://x/'><title>T</title>"
            "<items><rdf:Seq><rdf:li rdf:resource='{number}'/></rdf:Seq></items></channel>"
        ),
    ),
}
TAILS = {"rss": "</channel></rss>", "atom": "</feed>", "rdf": "</rdf:RDF>"}
BUILT = {"rss": "<lastBuildDate>{}</lastBuildDate>", "atom": "<updated>{}</updated>", "rdf": ""}
TEXT = "The Security Council met in Minsk and named the priorities of the CSTO for the year, item {n}, {edit}."
ITEMS: dict[Kind, tuple[str, ...]] = {
    "rss": (
        (
            "<item><guid isPermaLink='false'>g{n}</guid><link>https://x{feed}.example/{n}</link><title>Title {n} {edit}</title>"
            "<pubDate>Thu, 02 Feb 2023 10:0{n}:00 GMT</pubDate><description>{text}</description></item>"
        ),
        "<item><link>/rel/{feed}/{n}</link><title>No guid {n}</title><description>&lt;p&gt;{text}&lt;/p&gt;</description></item>",
        "<item><title><![CDATA[<item> in a title {n} of {feed}]]></title><guid>https://x{feed}.example/p?id={n}&amp;utm_source={edit}</guid></item>",
        "<item><guid>shared</guid><link>https://x{feed}.example/s{n}</link><title>Shared {n} {edit}</title></item>",
        "<item><title>Only a title {n} of {feed}</title></item>",
        "<item xml:lang='en'><link>https://x{feed}.example/one</link><title>One link {n}</title><description>{text}</description></item>",
        (
            "<item><guid isPermaLink='false'>v{edit}-{n}</guid><link>https://x{feed}.example/{n}?v={edit}</link><title>Token {n}</title>"
            "<pubDate>Thu, 02 Feb 2023 11:0{n}:00 GMT</pubDate><description>{text}</description></item>"
        ),
        "<item><guid>bare & {n}</guid><title>Tom & Jerry {n}</title></item>",
    ),
    "atom": (
        (
            "<entry><id>tag:e{n}</id><link href='https://x{feed}.example/{n}'/><title>Title {n} {edit}</title>"
            "<updated>2023-02-02T10:0{n}:00Z</updated><summary>{text}</summary></entry>"
        ),
        (
            "<entry><id>tag:e{n}</id><link href='rel/{feed}/{n}'/><title type='html'>&lt;b&gt;Rel&lt;/b&gt; {n}</title>"
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>{text}</p></div></content></entry>"
        ),
        "<entry><link href='https://x{feed}.example/{n}'/><title>No id {n}</title><author><name>Ann</name></author><summary>{text}</summary></entry>",
        "<entry xml:lang='be'><id>urn:{n}</id><title>Own {n}</title><content type='html'>&lt;p&gt;{text}&lt;/p&gt;</content></entry>",
    ),
    "rdf": (
        (
            "<item rdf:about='https://x{feed}.example/{n}'><title>Title {n} {edit}</title><link>https://x{feed}.example/{n}</link>"
            "<dc:date>2023-02-02T10:0{n}:00Z</dc:date><description>{text}</description></item>"
        ),
    ),
}
GAPS = ("", "\n", "  \n ", "\n<!-- between -->\n")


@dataclass(frozen=True)
class Version:
    """A document: which head, which items (template, number, edit) in which order, what stands between them, what is broken."""

    kind: Kind
    head: int
    items: tuple[tuple[int, int, int], ...]
    gap: int
    broken: str

    def body(self, number: int, feed: int = 0) -> bytes:
        """Its bytes at poll `number` of a feed; the time of the build is another each time."""
        built = BUILT[self.kind].format(f"2023-02-0{2 + number % 7}T0{number % 9}:00:00Z")
        heads, shapes = HEADS[self.kind], ITEMS[self.kind]
        head = heads[self.head % len(heads)].replace("{built}", built).replace("{number}", str(number))
        items = [
            shapes[shape % len(shapes)].format(n=n, edit=edit, feed=feed, text=TEXT.format(n=n, edit=edit))
            for shape, n, edit in self.items
        ]
        text = "<?xml version='1.0'?>" + head + GAPS[self.gap].join(items) + TAILS[self.kind]
        if self.broken == "cut":
            text = text[: len(text) * 2 // 3]
        elif self.broken == "mixed":
            text = text.replace("</item>", "</Item>", 1).replace("</entry>", "</Entry>", 1)
        return text.encode("utf-16" if self.broken == "utf-16" else "utf-8")


_ITEM = st.tuples(st.integers(0, 7), st.integers(0, 5), st.sampled_from((0, 0, 0, 1, 2)))
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("add", "add", "add", "edit", "drop", "drop", "shuffle", "repeat", "head", "gap", "break", "nothing")
        ),
        st.integers(0, 6),
        _ITEM,
    ),
    min_size=1,
    max_size=2,
)


def _versions(kind: Any) -> st.SearchStrategy[list[Version]]:
    first = st.builds(
        Version,
        kind=st.just(kind),
        head=st.sampled_from((0, 0, 0, 1, 2, 3, 4)),
        items=st.lists(_ITEM, min_size=2, max_size=6).map(tuple),
        gap=st.sampled_from((0, 1, 1, 2)),
        broken=st.just(""),
    )
    return st.tuples(first, st.lists(_STEPS, min_size=2, max_size=6)).map(lambda told: _told(*told))


def _told(first: Version, polls: list[list[tuple[str, int, tuple[int, int, int]]]]) -> list[Version]:
    """From poll to poll a little changes, as in life: that is what slicing lives on."""
    versions = [first]
    for steps in polls:
        now = replace(versions[-1], broken="", gap=min(versions[-1].gap, 2))
        for step in steps:
            now = _changed(now, *step)
        versions.append(now)
    return versions


def _changed(version: Version, step: str, place: int, item: tuple[int, int, int]) -> Version:
    items = list(version.items)
    at = place % max(1, len(items))
    if step == "head":
        return replace(version, head=place)
    if step == "gap":
        return replace(version, gap=place % len(GAPS))
    if step == "break":
        return replace(version, broken=("cut", "mixed", "utf-16")[place % 3])
    if step == "add":
        items.insert(0, item)
    elif step == "edit" and items:
        items[at] = (*items[at][:2], items[at][2] + 1)
    elif step == "drop" and items:
        del items[at]
    elif step == "repeat" and items:
        items.append(items[at])
    elif step == "shuffle":
        items = items[at:] + items[:at]
    return replace(version, items=tuple(items[:9]))


histories = st.sampled_from(("rss", "rss", "atom", "rdf")).flatmap(_versions)
