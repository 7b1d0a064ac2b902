"""Which items of a document are new, which are known and changed, which are the same.

An entry owns several keys, learnt over time, so that it is recognised when its publisher changes one of them:

    id         the publisher's id, verbatim (with link or text added where a publisher gives one id to several items)
    idnorm     that id as an address without scheme, www., trackers and sessions
    link       the link in the same form, where no other item of the document has it
    titledate  title and published time, for entries with a link but no id
    hash       link, title and text, for entries without id

The first key that is known wins, in this order; a known link under another id is believed only with evidence.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aggregator import urls
from aggregator.model import EntryChange, EntryKey, KnownEntry, NewEntry, ParsedEntry, RevisedEntry, SameEntry

SAME_BODY = 0.9
RELATED = 0.5
SAME_TIME = timedelta(hours=24)
_WORDS = 2_000
_COUNTER = re.compile(
    r"(?:views?|reads?|comments?|shares?|likes?|(?:просмотр|прочитан|комментари|прагляд|каментар|перегляд)\w{0,8})"
    r"\s?[:—–-]?\s?\(?\d[\d\s.,]{0,15}k?\)?"
    r"|\(?\d[\d\s.,]{0,15}k?\)?\s?"
    r"(?:views?|reads|comments?|shares?|likes?|(?:просмотр|прочтени|комментари|прагляд|каментар|перегляд)\w{0,8})\b",
    re.IGNORECASE,
)
_ADVERT = re.compile(
    r"^\W*(?:advertisement|sponsored(?: content)?|реклама|рэклама|на правах рекламы)\W*$", re.IGNORECASE
)


def keys(entries: Sequence[ParsedEntry]) -> list[tuple[EntryKey, ...]]:
    """The keys of each item, in order of trust; never empty. What one document shows decides which it may use."""
    view = _Document.of(entries)
    return [tuple(view.keys(entry)) for entry in entries]


def diff(
    entries: Sequence[ParsedEntry], keys: Sequence[tuple[EntryKey, ...]], known: Mapping[EntryKey, KnownEntry]
) -> list[EntryChange]:
    """What each item of a document is, an item that stands there twice told once.

    Ids decide before anything else does, for all items; then the other keys, none joining an entry that an item with
    another id has already claimed.
    """
    items = _collapsed(entries, keys)
    claims: dict[int, str] = {}
    found: dict[int, KnownEntry] = {}
    for strict in (True, False):
        for number, (entry, own) in enumerate(items):
            if number in found:
                continue
            hit = _by_id(entry, own, known) if strict else _by_rest(entry, own, known, claims)
            if hit is not None:
                found[number] = hit
                claims.setdefault(hit.id, entry.guid)
    return [_change(entry, own, found.get(number), known) for number, (entry, own) in enumerate(items)]


def fingerprint(entry: ParsedEntry) -> str:
    """Changes when readers would see something else; not with dates, view counters, advertising or trackers.

    Where there is no id, the query of the link is no part of it: some publishers put a new token there at every poll.
    """
    parts = (
        _folded(entry.title),
        _link(entry) if entry.guid else _path(_link(entry)),
        _folded(_lasting(entry.body)),
        entry.author,
        sorted(entry.categories),
        sorted(urls.identity(e.url) or e.url for e in entry.enclosures),
    )
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


# -- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """What the items of one document say about each other: which ids, links and titles stand for one item only."""

    ids: Mapping[str, int] = field(default_factory=dict)
    norms: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, int] = field(default_factory=dict)
    titles: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Sequence[ParsedEntry]) -> _Document:
        """Count, for each name, the different items that bear it."""
        ids = _distinct((e.guid, (_link(e), _folded(e.title))) for e in entries)
        told = [(entry, _name(entry, ids)) for entry in entries]
        return cls(
            ids,
            _distinct((urls.identity(e.guid), e.guid) for e in entries),
            _distinct((_link(e), name) for e, name in told),
            _distinct((_folded(e.title), name) for e, name in told),
        )

    def keys(self, entry: ParsedEntry) -> Iterable[EntryKey]:
        link = _link(entry)
        lone_link = bool(link) and self.links[link] == 1
        if entry.guid:
            yield from self._id_keys(entry, link if lone_link else "")
        if lone_link:
            yield EntryKey("link", link)
        if entry.guid:
            return
        if link and entry.published_at is not None and entry.title and self.titles[_folded(entry.title)] == 1:
            yield EntryKey("titledate", _digest(_folded(entry.title), entry.published_at.isoformat()))
        yield EntryKey("hash", _text_key(entry))

    def _id_keys(self, entry: ParsedEntry, lone_link: str) -> Iterable[EntryKey]:
        """The id alone where it names one item; together with link or text where a publisher repeats it."""
        if self.ids[entry.guid] > 1:
            yield EntryKey("id", f"{entry.guid}\n{lone_link or _text_key(entry)}")
            return
        yield EntryKey("id", entry.guid)
        norm = urls.identity(entry.guid)
        if norm and self.norms[norm] == 1:
            yield EntryKey("idnorm", norm)


def _distinct(pairs: Iterable[tuple[str, object]]) -> dict[str, int]:
    """How many different things share each name."""
    groups: defaultdict[str, set[object]] = defaultdict(set)
    for name, thing in pairs:
        groups[name].add(thing)
    return {name: len(things) for name, things in groups.items()}


def _name(entry: ParsedEntry, ids: Mapping[str, int]) -> str:
    """What tells two items of one document apart: an id that only one of them has, else all of the text."""
    return f"id {entry.guid}" if entry.guid and ids[entry.guid] == 1 else f"text {entry.guid}\n{_text_key(entry)}"


def _link(entry: ParsedEntry) -> str:
    return urls.identity(entry.link) or entry.link


def _path(address: str) -> str:
    return address.partition("?")[0]


def _text_key(entry: ParsedEntry) -> str:
    return _digest(_link(entry), _folded(entry.title), _folded(_lasting(entry.body)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _lasting(text: str) -> str:
    """The text without what changes by itself: counters and advertising labels."""
    return _COUNTER.sub(" ", "\n".join(line for line in text.split("\n") if not _ADVERT.match(line)))


# -- look-up -----------------------------------------------------------------------------------------------------------

_Item = tuple[ParsedEntry, tuple[EntryKey, ...]]


def _collapsed(entries: Sequence[ParsedEntry], keys: Sequence[tuple[EntryKey, ...]]) -> list[_Item]:
    """Each item once; of two copies under one id, or with one text, the newer, whatever their order."""
    kept: dict[EntryKey, _Item] = {}
    for entry, own in zip(entries, keys, strict=True):
        name = own[0] if entry.guid else own[-1]
        there = kept.get(name)
        if there is None or _rank(entry) > _rank(there[0]):
            kept[name] = (entry, own)
    return list(kept.values())


def _rank(entry: ParsedEntry) -> tuple[str, int, str]:
    moments = [m.isoformat() for m in (entry.updated_at, entry.published_at) if m is not None]
    return max(moments, default=""), len(entry.body), fingerprint(entry)


def _by_id(entry: ParsedEntry, own: Sequence[EntryKey], known: Mapping[EntryKey, KnownEntry]) -> KnownEntry | None:
    """The entry that bears this id; when the publisher has used the id for several, the one with this link."""
    hit = next((known[key] for key in own if key.kind == "id" and key in known), None)
    linked = next((known[key] for key in own if key.kind == "link" and key in known), None)
    if hit is not None and linked is not None and linked.id != hit.id and linked.guid == entry.guid:
        return linked
    return hit


def _by_rest(
    entry: ParsedEntry, own: Sequence[EntryKey], known: Mapping[EntryKey, KnownEntry], claims: Mapping[int, str]
) -> KnownEntry | None:
    for key in own:
        hit = known.get(key)
        if hit is None or key.kind == "id" or (hit.id and hit.id in claims):
            continue
        if key.kind != "link" or _is_same(entry, hit):
            return hit
    return None


def _is_same(entry: ParsedEntry, hit: KnownEntry) -> bool:
    """Whether an item under a known link is that entry: no other id, or a like text, title or time.

    One time alone is no evidence (a page may be reused at once), and neither is a title that comes back on another day
    over another text (a weather page).
    """
    if not entry.guid or not hit.guid or entry.guid == hit.guid:
        return True
    like = _likeness(entry.body, hit.body)
    if like >= SAME_BODY or entry.published_at is None or hit.published_at is None:
        return like >= SAME_BODY or _same_title(entry, hit)
    if entry.published_at == hit.published_at:
        return _same_title(entry, hit) or like >= RELATED or _likeness(entry.title, hit.title) >= RELATED
    return abs(entry.published_at - hit.published_at) <= SAME_TIME and _same_title(entry, hit)


def _same_title(entry: ParsedEntry, hit: KnownEntry) -> bool:
    return bool(entry.title) and _folded(entry.title) == _folded(hit.title)


def _likeness(one: str, other: str) -> float:
    """The share of words two texts have in common, 0..1."""
    a, b = (Counter(_folded(_lasting(text)).split()[:_WORDS]) for text in (one, other))
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0


def _change(
    entry: ParsedEntry, own: tuple[EntryKey, ...], hit: KnownEntry | None, known: Mapping[EntryKey, KnownEntry]
) -> EntryChange:
    """Keys that other entries own stay theirs."""
    free = tuple(key for key in own if key not in known)
    now = fingerprint(entry)
    if hit is None:
        return NewEntry(entry, free, now)
    passing = _passing(entry, hit)
    learnt = tuple(key for key in free if key.kind not in passing)
    if hit.fingerprint == now:
        return SameEntry(hit.id, learnt)
    return RevisedEntry(hit.id, hit.revision + 1, entry, learnt, now, hit.article)


def _passing(entry: ParsedEntry, hit: KnownEntry) -> frozenset[str]:
    """Kinds of keys not worth learning: they differ from the known in a token alone, and will again at the next poll."""
    kinds: set[str] = set()
    if entry.guid != hit.guid and _path(entry.guid) == _path(hit.guid):
        kinds.add("id")
    if entry.link != hit.link and _path(_link(entry)) == (_path(urls.identity(hit.link)) or _path(hit.link)):
        kinds |= {"link", "hash"}
    return frozenset(kinds)
