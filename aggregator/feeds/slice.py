"""Which items of a document were seen before, told by their bytes: a poll parses only the others (DESIGN §1).

A document that can be cut is a head and a run of items, `<item>` or `<entry>`, with nothing but white space between them.
While the head stays as it was (but for the times it carries) an item of the same bytes means what it meant: its facts are
recalled. What cannot be cut for certain is parsed whole: no UTF-8, a document type, nested items, JSON.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from binascii import b2a_base64
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple
from zlib import crc32

from aggregator.feeds import charset
from aggregator.model import ItemFacts, Recall

VERSION = 4
"""Stored with what is recalled; a change of what parsing or `facts` make of an item must raise it."""
LARGEST = 4_000_000
"""Bytes of a document that is cut here, outside the workers; the work is linear, but it is everybody's time."""

_MARK = re.compile(r"<(?:!--|!\[CDATA\[|\?|(/?)(?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry)(?=[\s/>]))")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_OPENS = re.compile(r"<!--|<!\[CDATA\[|<\?")
_BLANKS = " \t\r\n"
"""White space as XML has it: anything else between items is text, or not allowed."""
_SPACE = re.compile(f"[{_BLANKS}]*")
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?(?:rss|RDF|feed)[\s>]")
_SPREADING = re.compile(r"<[oO][pP][mM][lL]\b")
"""In the markup of one item it makes feedparser take every other one for something else, too."""
_PASSING = re.compile(
    r"<((?:[A-Za-z_][\w.-]{0,60}:)?(?:lastBuildDate|pubDate|updated|modified|date))(?:\s[^<>]{0,500})?>[^<]{0,500}</\1\s{0,20}>"
    r"|<rdf:li\s[^<>]{0,4000}>",
    re.DOTALL,
)
"""Parts of a head that change without meaning anything for the items: times, comments, RSS 1.0's list of them."""

_FIELDS = tuple(field.name for field in fields(ItemFacts))
_values = attrgetter(*_FIELDS)
_HASH, _FINGERPRINT = (_FIELDS.index(name) for name in ("hash", "fingerprint"))
_names = attrgetter("guid", "norm", "address", "title", "text")
_COUNT, _ENTRY = struct.Struct("<I"), struct.Struct("<12sq?7I")
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Sliced:
    """A document taken apart.

    Attributes:
        before, after: what stands around the items.
        items: each item's own text, in order.
        names: a digest of each item's bytes.
        head: a digest of what decides about every item alike: the head, and where the document was found.
    """

    before: str
    after: str
    items: tuple[str, ...]
    names: tuple[bytes, ...]
    head: str

    def without(self, names: Container[bytes]) -> str:
        """The document less the items of these names."""
        kept = (item for item, name in zip(self.items, self.names, strict=True) if name not in names)
        return "".join((self.before, *kept, self.after))


def text(body: bytes, content_type: str) -> str | None:
    """A document that may be cut, as text; None for one that has to be read whole."""
    return charset.strict_utf8(body, content_type) if len(body) <= LARGEST else None


def cut(text: str, url: str, known: Mapping[bytes, Remembered] | None = None) -> Sliced | None:
    """Take a document apart; None when it has to be parsed whole.

    `known` are the items of the document before: where one of them is met again, those that followed it are expected.
    """
    if _SPREADING.search(text):
        return None
    cuts = _Cuts(text, known or {})
    if not cuts.find() or not cuts.items:
        return None
    before, after = text[: cuts.start], text[cuts.end :]
    if "<!DOCTYPE" in before or not _ROOT.search(before):
        return None
    return Sliced(before, after, tuple(cuts.items), tuple(cuts.names), _digest(_head(before, after, url)))


def _head(before: str, after: str, url: str) -> str:
    return f"{VERSION} {url}\n{_lasting_part(before)}\n{_lasting_part(after)}"


def _lasting_part(text: str) -> str:
    """A part of the head without what passes; what looks so in CDATA or an instruction is text. Linear, whatever the text: this is no worker."""
    kept: list[str] = []
    run: list[str] = []
    at = 0
    while (found := _OPENS.search(text, at)) and (end := text.find(_ENDS[found[0]], found.end())) >= 0:
        run.append(text[at : found.start()])
        at = end + len(_ENDS[found[0]])
        if found[0] != "<!--":
            kept += _PASSING.sub("", "".join(run)), text[found.start() : at]
            run = []
    return "".join((*kept, _PASSING.sub("", "".join((*run, text[at:])))))


class DamagedError(ValueError):
    """What was kept of a document cannot be read."""


class Remembered(NamedTuple):
    """What is recalled of one item.

    Attributes:
        owner: the entry it is; 0: to be looked up.
        plain: whether it is one entry under its own id: as long as its names are the same, its digests are of no use.
        length: of its text.
        marks: checksums of all that may be a name of it; 0 where there is none.
        line: its facts as they are kept; they are read when they are asked for, which is rare.
    """

    owner: int
    plain: bool
    length: int
    marks: tuple[int, ...]
    line: bytes

    @property
    def facts(self) -> ItemFacts:
        """What identity asks for; raises DamagedError."""
        return ItemFacts(*self._row()[1:])

    @property
    def shape(self) -> str:
        """By which kinds of names it is known; raises DamagedError."""
        return str(self._row()[0])

    def _row(self) -> list[Any]:
        try:
            row: list[Any] = json.loads(self.line)
        except ValueError as e:
            raise DamagedError(str(e)) from e
        if not isinstance(row, list) or len(row) != 1 + len(_FIELDS):
            raise DamagedError("other fields")
        return row


def item(text: str, facts: ItemFacts, owner: int, shape: str, *, plain: bool) -> Remembered:
    """What shall be recalled of an item of this text. Of a plain one the digests are not kept: half of the bytes, and rarely asked for."""
    values = list(_values(facts))
    if plain:
        values[_HASH] = values[_FINGERPRINT] = ""
    return Remembered(owner, plain, len(text), _marks(facts), _json([shape, *values]).encode("utf-8", "replace"))


def _marks(facts: ItemFacts) -> tuple[int, ...]:
    """By the kind of name; the moment is one for items without a title, which might be taken for each other."""
    names = (*_names(facts), "" if facts.title else f"at {facts.published}")
    return tuple(crc32(name.encode("utf-8", "replace"), kind) if name else 0 for kind, name in enumerate(names))


def remember(sliced: Sliced, items: Mapping[bytes, Remembered], *, settled: bool) -> Recall:
    """What the next poll will recall of this document; `settled` when judging it once more would change nothing.

    Kept are the number of items, what is asked of each at every poll, and the packed lines of their facts.
    """
    kept = [items[name] for name in sliced.names]
    index = [_ENTRY.pack(name, *each[:3], *each.marks) for name, each in zip(sliced.names, kept, strict=True)]
    lines = zlib.compress(b"\n".join([each.line for each in kept]), 1)
    return Recall(sliced.head, settled, b"".join((_COUNT.pack(len(kept)), *index, lines)))


class Recalled(NamedTuple):
    """The items that the last document held: their names in its order, and what is known of each name."""

    names: tuple[bytes, ...]
    items: dict[bytes, Remembered]


def recalled(recall: Recall) -> Recalled:
    """What was kept of the last document; raises DamagedError."""
    try:
        (count,) = _COUNT.unpack_from(recall.items)
        end = _COUNT.size + count * _ENTRY.size
        rows = list(_ENTRY.iter_unpack(recall.items[_COUNT.size : end]))
        lines = zlib.decompress(recall.items[end:]).split(b"\n")
    except (struct.error, zlib.error) as e:
        raise DamagedError(str(e)) from e
    if len(rows) != len(lines):
        raise DamagedError("another number of items")
    names = tuple([row[0] for row in rows])
    fresh = dict(recall.fresh) if len(set(names)) == len(names) else {}
    items = {
        name: Remembered(owner or fresh.get(number, 0), plain, length, tuple(marks), line)
        for number, ((name, owner, plain, length, *marks), line) in enumerate(zip(rows, lines, strict=True))
    }
    return Recalled(names, items)


class Untouched(NamedTuple):
    """Items that stay what they were whatever the unseen ones are, and the entries they are."""

    names: frozenset[bytes]
    owners: frozenset[int]


def untouched(sliced: Sliced, known: Mapping[bytes, Remembered], unseen: Sequence[ItemFacts]) -> Untouched | None:
    """The recalled items of a document, if no unseen and no vanished item shares a name with one; else None.

    Then they are known by the names they were known by, and nothing is to be judged of them. They must be plain, have their
    entries, and be enough that the document has not come under new ids as a whole (feeds.moves). Two names with the same
    checksum count as the same: that costs a judgement of all items, and one of a million polls.
    """
    names = frozenset(sliced.names)
    kept = [known[name] for name in names if name in known]
    if len(names) < len(sliced.names) or 4 * len(kept) <= len(unseen):
        return None
    if not all(each.owner and each.plain for each in kept):
        return None
    vanished = (each.marks for name, each in known.items() if name not in names)
    others = {mark for marks in (*map(_marks, unseen), *vanished) for mark in marks if mark}
    if not all(others.isdisjoint(each.marks) for each in kept):
        return None
    return Untouched(names & known.keys(), frozenset(each.owner for each in kept))


class _Cuts:
    """The items of a document, found by their tags, or by what followed a known one in the document before."""

    def __init__(self, text: str, known: Mapping[bytes, Remembered]) -> None:
        self._text = text
        self._known = known
        self._order = list(known)
        self._places = {name: place for place, name in enumerate(self._order)}
        self._patience = len(text)
        self.items: list[str] = []
        self.names: list[bytes] = []
        self.start = self.end = 0

    def find(self) -> bool:
        """Find all; False when items are nested, empty elements, or more than white space apart."""
        text, at, opened = self._text, 0, -1
        while found := _MARK.search(text, at):
            closing = _ENDS.get(found[0], ">")
            end = text.find(closing, found.end())
            if end < 0:
                return False
            at = end + len(closing)
            if closing != ">":
                continue
            if not found[1]:
                if opened >= 0 or text[end - 1] == "/":
                    return False
                opened, at = found.start(), found.end()
            elif opened < 0 or (self.items and text[self.end : opened].strip(_BLANKS)):
                return False
            else:
                self._take(opened, at)
                at, opened = self.end, -1
        return opened < 0

    def _take(self, start: int, end: int) -> None:
        """One item, and those of the document before that follow it now as they did then: their bytes say where they end."""
        if not self.items:
            self.start = start
        item = self._text[start:end]
        name = _name(item)
        self._add(item, name, end)
        place = self._places.get(name)
        while place is not None and place + 1 < len(self._order):
            place += 1
            name = self._order[place]
            start = self._past_space()
            end = start + self._known[name].length
            item = self._text[start:end]
            if _name(item) != name:
                # Whoever repeats one item before ever other long ones must not have the document read many times over.
                self._patience -= len(item)
                if self._patience < 0:
                    self._places = {}
                return
            self._add(item, name, end)

    def _past_space(self) -> int:
        found = _SPACE.match(self._text, self.end)
        return found.end() if found else self.end

    def _add(self, item: str, name: bytes, end: int) -> None:
        self.items.append(item)
        self.names.append(name)
        self.end = end


def _name(item: str) -> bytes:
    return blake2b(item.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _digest(text: str) -> str:
    return b2a_base64(_name(text), newline=False).decode("ascii")
