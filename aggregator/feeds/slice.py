"""Which items of a document were seen before, told by their bytes: a poll parses only the others (DESIGN §1).

A document that can be cut is a head and a run of items, `<item>` or `<entry>`, with nothing but white space between them.
While the head stays as it was (but for the times it carries) an item of the same bytes means what it meant: its facts are
recalled. What cannot be cut for certain is parsed whole: no UTF-8, a document type, nested items, JSON.
"""

from __future__ import annotations

import json
import re
import zlib
from binascii import b2a_base64
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

from aggregator.feeds import charset
from aggregator.model import ItemFacts, Recall

VERSION = 3
"""Stored with what is recalled; a change of what parsing or `facts` make of an item must raise it."""
LARGEST = 4_000_000
"""Bytes of a document that is cut here, outside the workers; the work is linear, but it is everybody's time."""

_MARK = re.compile(r"<(?:!--|!\[CDATA\[|\?|(/?)(?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry)(?=[\s/>]))")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_FIRST = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry)[\s>]")
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?(?:rss|RDF|feed)[\s>]")
_PASSING = re.compile(
    r"<((?:[A-Za-z_][\w.-]{0,60}:)?(?:lastBuildDate|pubDate|updated|modified|date))(?:\s[^<>]{0,500})?>[^<]{0,500}</\1\s{0,20}>"
    r"|<rdf:li\s[^<>]{0,4000}>",
    re.DOTALL,
)
"""Parts of a head that change without meaning anything for the items: times, comments, RSS 1.0's list of them."""

_FIELDS = tuple(field.name for field in fields(ItemFacts))
_values = attrgetter(*_FIELDS)
_HASH, _FINGERPRINT, _PUBLISHED, _TITLE = (_FIELDS.index(n) for n in ("hash", "fingerprint", "published", "title"))
_NAMES = tuple(_FIELDS.index(name) for name in ("guid", "norm", "address", "title", "text"))
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Sliced:
    """A document taken apart.

    Attributes:
        before, after: what stands around the items.
        items: each item's own text, in order.
        names: a digest of each item's bytes.
        head: a digest of what decides about every item alike: the head, and where the document was found.
        seen: a digest of the whole but for what passes (times, comments).
    """

    before: str
    after: str
    items: tuple[str, ...]
    names: tuple[str, ...]
    head: str
    seen: str

    def without(self, names: Container[str]) -> bytes:
        """The document less the items of these names, as UTF-8."""
        kept = (item for item, name in zip(self.items, self.names, strict=True) if name not in names)
        return "".join((self.before, *kept, self.after)).encode("utf-8", "surrogatepass")


def text(body: bytes, content_type: str) -> str | None:
    """A document that may be cut, as text; None for one that has to be read whole."""
    return charset.strict_utf8(body, content_type) if len(body) <= LARGEST else None


def seen(text: str, url: str) -> str:
    """A digest of the whole document but for what passes in its head, taken without cutting it.

    Where the items begin and end is guessed; a wrong guess gives a digest that nothing else has.
    """
    first = _FIRST.search(text)
    start, end = first.start() if first else 0, max(text.rfind("</item"), text.rfind("</entry"))
    return _digest("\n".join((_head(text[:start], text[end:], url), text[start:end])))


def cut(text: str, url: str, seen: str) -> Sliced | None:
    """Take a document apart, whose digest is `seen`; None when it has to be parsed whole."""
    spans = _spans(text)
    if not spans:
        return None
    before, after = text[: spans[0][0]], text[spans[-1][1] :]
    if "<!DOCTYPE" in before or not _ROOT.search(before):
        return None
    items = tuple(text[start:end] for start, end in spans)
    return Sliced(before, after, items, tuple(map(_digest, items)), _digest(_head(before, after, url)), seen)


def _head(before: str, after: str, url: str) -> str:
    return f"{VERSION} {url}\n{_lasting_part(before)}\n{_lasting_part(after)}"


def _lasting_part(text: str) -> str:
    """A part of the head without what passes. Linear, whatever the text: this is no worker."""
    if "<!--" in text:
        first, *rest = text.split("<!--")
        text = first + "".join(part.partition("-->")[2] if "-->" in part else f"<!--{part}" for part in rest)
    return _PASSING.sub("", text)


class Remembered(NamedTuple):
    """What is recalled of one item.

    Attributes:
        line: all of it, as it is kept.
        owner: the entry it is; 0: to be looked up.
        shape: by which kinds of names.
        values: its facts, in the order of `ItemFacts`.
    """

    line: str
    owner: int
    shape: str
    values: Sequence[Any]

    @property
    def facts(self) -> ItemFacts:
        """What identity asks for."""
        return ItemFacts(*self.values)

    @property
    def plain(self) -> bool:
        """Whether it is one entry under its own id: as long as its names are the same, its digests are of no use."""
        return not self.values[_FINGERPRINT]

    def under(self, name: str, owner: int) -> Remembered:
        """The same with its entry, now that this is known."""
        if owner == self.owner:
            return self
        rest = self.line[len(_start(name, self.owner)) :]
        return Remembered(_start(name, owner) + rest, owner, self.shape, self.values)


def item(name: str, facts: ItemFacts, owner: int, shape: str, *, plain: bool) -> Remembered:
    """What shall be recalled of an item. Of a plain one the digests are not kept: half of the bytes, and rarely asked for."""
    values = list(_values(facts))
    if plain:
        values[_HASH] = values[_FINGERPRINT] = ""
    return _remembered(name, owner, shape, values)


def _start(name: str, owner: int) -> str:
    """How the line of an item begins; names need no escapes."""
    return f'["{name}",{owner}'


def _remembered(name: str, owner: int, shape: str, values: Sequence[Any]) -> Remembered:
    return Remembered(_json([name, owner, shape, *values]), owner, shape, values)


def remember(sliced: Sliced, items: Mapping[str, Remembered], *, settled: bool) -> Recall:
    """What the next poll will recall of this document; `settled` when judging it once more would change nothing."""
    lines = "\n".join(items[name].line for name in sliced.names)
    return Recall(sliced.head, sliced.seen, settled, zlib.compress(lines.encode("utf-8", "replace"), 1))


def recalled(recall: Recall) -> dict[str, Remembered]:
    """The items that the last document held, by the digest of their bytes."""
    lines = zlib.decompress(recall.items).decode("utf-8").split("\n")
    rows = json.loads(f"[{','.join(lines)}]")
    fresh = dict(recall.fresh) if len({row[0] for row in rows}) == len(rows) else {}
    return {
        name: Remembered(line, owner, shape, values).under(name, owner or fresh.get(number, 0))
        for number, (line, (name, owner, shape, *values)) in enumerate(zip(lines, rows, strict=True))
    }


class Untouched(NamedTuple):
    """Items that stay what they were whatever the unseen ones are, and the entries they are."""

    names: frozenset[str]
    owners: frozenset[int]


def untouched(sliced: Sliced, known: Mapping[str, Remembered], unseen: Sequence[ItemFacts]) -> Untouched | None:
    """The recalled items of a document, if no unseen and no vanished item shares a name with one; else None.

    Then they are known by the names they were known by, and nothing is to be judged of them. They must be plain, have their
    entries, and be enough that the document has not come under new ids as a whole (feeds.moves).
    """
    names = frozenset(sliced.names)
    kept = [known[name] for name in names if name in known]
    if len(names) < len(sliced.names) or 4 * len(kept) <= len(unseen):
        return None
    if not all(each.owner and each.plain for each in kept):
        return None
    taken = {name for each in kept for name in _named(each.values)}
    others = [
        *(_values(facts) for facts in unseen),
        *(each.values for name, each in known.items() if name not in names),
    ]
    if any(name in taken for values in others for name in _named(values)):
        return None
    return Untouched(names & known.keys(), frozenset(each.owner for each in kept))


def _named(values: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """All that may be a name of an item, by the kind of name."""
    for field in _NAMES:
        if values[field]:
            yield field, values[field]
    yield -1, f"{values[_PUBLISHED]} {values[_TITLE]}"


def _spans(text: str) -> list[tuple[int, int]] | None:
    """Where each item begins and ends; None when items are nested, empty elements, or more than white space apart."""
    spans: list[tuple[int, int]] = []
    at, opened = 0, -1
    while found := _MARK.search(text, at):
        mark = found[0]
        closing = _ENDS.get(mark)
        if closing is not None:
            end = text.find(closing, found.end())
            at = end + len(closing)
        elif found[1]:
            end = text.find(">", found.end())
            at = end + 1
            if opened < 0 or (spans and text[spans[-1][1] : opened].strip()):
                return None
            spans.append((opened, at))
            opened = -1
        else:
            end = text.find(">", found.end())
            if opened >= 0 or text[end - 1] == "/":
                return None
            opened, at = found.start(), found.end()
        if end < 0:
            return None
    return spans if opened < 0 else None


def _digest(text: str) -> str:
    made = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12)
    return b2a_base64(made.digest(), newline=False).decode("ascii")
