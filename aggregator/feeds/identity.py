"""Which items of a document are new, which are known and changed, which are the same.

An entry owns several keys, learnt over time, so that it is recognised when its publisher changes one of them:

    id         the publisher's id, verbatim (with link or text added where a publisher gives one id to several items)
    idnorm     that id as an address without scheme, www., trackers and sessions
    link       the link in the same form, where no other item of the document has it
    titledate  title and published time, for entries with a link but no id
    hash       link, title and text, for entries without id
    text       title and text, and title and time: asked only where a whole document seems to come under new ids
    repeat     never stored: under which id with text an entry is stored whose id was repeated, and now stands alone

The first key that is known wins, in this order, but that the same text under the same link goes before all but the id;
a known link under another id is believed only with evidence.
An item may be *recalled*: its bytes were seen before and only its facts are at hand. See `Uncertain`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator import urls
from aggregator.feeds import moves
from aggregator.feeds.facts import digest, facts, fingerprint, folded, likeness, path, short
from aggregator.model import (
    EntryChange,
    EntryKey,
    FeedEvent,
    ItemFacts,
    KnownEntry,
    NewEntry,
    ParsedEntry,
    RevisedEntry,
    SameEntry,
)

__all__ = ["Uncertain", "Verdict", "diff", "facts", "fingerprint", "keys", "names", "shape", "standing", "texts"]

SAME_BODY = 0.9
RELATED = 0.5
SAME_TIME = timedelta(hours=24)
_SECOND = frozenset({"text", "repeat"})


class Uncertain(Exception):  # noqa: N818 - no error: the caller parses the whole document and asks again
    """A recalled item cannot be judged without its text."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each item of a document is, an item that stands there twice told once; and what happened to the feed.

    `owners` has, for each item as given, the id of the entry that bears the item's own id and did not change: as long as
    the item's names are the same, it is that entry. 0 for any other.
    """

    changes: tuple[EntryChange, ...]
    events: tuple[FeedEvent, ...] = ()
    owners: tuple[int, ...] = ()


def keys(items: Sequence[ItemFacts]) -> list[tuple[EntryKey, ...]]:
    """The keys of each item, in order of trust; never empty. What one document shows decides which it may use."""
    view = _Document.of(items)
    return [tuple(view.keys(item)) for item in items]


def names(keys: Sequence[tuple[EntryKey, ...]]) -> set[EntryKey]:
    """The keys to look up first."""
    return {key for own in keys for key in own if key.kind not in _SECOND}


def texts(
    keys: Sequence[tuple[EntryKey, ...]], known: Mapping[EntryKey, KnownEntry], *, moving: bool = True
) -> set[EntryKey]:
    """The keys to look up next, given what the first look found: for items that it did not find, few or none.

    `moving` is False where the document cannot have come under new ids as a whole.
    """
    doubtful = [own for own in keys if not any(key in known for key in own if key.kind != "link")]
    repeats = {EntryKey("id", key.key) for own in doubtful for key in own if key.kind == "repeat"}
    if not moving:
        return repeats
    return repeats | moves.wanted([own for own in doubtful if not any(key in known for key in own)], len(keys))


def diff(
    items: Sequence[ItemFacts],
    entries: Sequence[ParsedEntry | None],
    keys: Sequence[tuple[EntryKey, ...]],
    known: Mapping[EntryKey, KnownEntry],
    claimed: Collection[int] = (),
) -> Verdict:
    """What each item of a document is.

    Ids decide before anything else does, for all items; then the other keys, none joining an entry that an item with
    another id has already claimed; last the rule for documents whose ids have all changed (`moves`).

    Args:
        items: the facts of all items, in the document's order.
        entries: the parsed items beside them; None for one that is recalled.
        keys: as `keys` gave them for these items.
        known: the stored entries that were found under `names` and `texts`.
        claimed: the entries of the document's other items, where only some are given: most, so that it has not moved.

    Raises:
        Uncertain: a recalled item would need its text. A verdict that is given is the one that all texts would give.
    """
    document = _collapsed(items, entries, keys)
    found = _found(document, known, claimed)
    if not claimed:
        found |= moves.moved([(each.facts, each.keys) for each in document], found, known)
    changes = tuple(_change(each, found.get(number), known) for number, each in enumerate(document))
    owners = _owners(document, found, changes, known, len(items))
    events = () if claimed else moves.events([each.facts for each in document], found, changes)
    return Verdict(changes, events, owners)


def standing(item: ItemFacts, keys: tuple[EntryKey, ...], owner: int) -> dict[EntryKey, KnownEntry]:
    """What the look-up would find under the keys of an item that has an owner: nothing new can be learnt of it."""
    entry = KnownEntry(owner, item.guid, item.link, item.title, item.fingerprint, 0, None, "")
    return {key: entry for key in keys if key.kind not in _SECOND}


def shape(item: ItemFacts, keys: tuple[EntryKey, ...]) -> str:
    """By which kinds of names a document lets this item be known; with the facts it tells whether the names are the same."""
    return ("" if keys[0].key == item.guid else "+") + " ".join(key.kind for key in keys)


def _owners(
    document: Sequence[_Item],
    found: Mapping[int, KnownEntry],
    changes: Sequence[EntryChange],
    known: Mapping[EntryKey, KnownEntry],
    count: int,
) -> tuple[int, ...]:
    owners = [0] * count
    claims = Counter(hit.id for hit in found.values())
    for number, hit in found.items():
        item, named = document[number], known.get(document[number].keys[0])
        plain = item.facts.guid and item.keys[0] == ("id", item.facts.guid) and named is not None and named.id == hit.id
        if plain and hit.id and claims[hit.id] == 1 and isinstance(changes[number], SameEntry):
            owners[item.number] = hit.id
    return tuple(owners)


# -- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Document:
    """What the items of one document say about each other: how many bear each id, link, title and text."""

    ids: Mapping[str, int]
    norms: Mapping[str, int]
    links: Mapping[str, int]
    titles: Mapping[str, int]
    texts: Mapping[str, int]
    dated: Mapping[str, int]

    @classmethod
    def of(cls, items: Sequence[ItemFacts]) -> _Document:
        """Count, for each name, the different items that bear it."""
        ids = _distinct([i.guid for i in items], [(i.address, i.title) for i in items])
        told = [_name(i, ids) for i in items]
        return cls(
            ids,
            _distinct([i.norm for i in items], [i.guid for i in items]),
            _distinct([i.address for i in items], told),
            _distinct([i.title for i in items], told),
            _distinct([i.text for i in items], told),
            _distinct([_dated(i) for i in items], told),
        )

    def keys(self, item: ItemFacts) -> Iterator[EntryKey]:
        lone_link = item.address if self.links[item.address] == 1 else ""
        if item.guid:
            yield from self._id_keys(item, lone_link)
        if lone_link:
            yield EntryKey("link", lone_link)
        if not item.guid:
            if item.address and item.published and item.title and self.titles[item.title] == 1:
                yield EntryKey("titledate", digest(item.title, item.published))
            yield EntryKey("hash", item.hash)
        if item.text and self.texts[item.text] == 1:
            yield EntryKey("text", item.text)
        dated = _dated(item)
        if dated and self.dated[dated] == 1:
            yield EntryKey("text", short(dated))

    def _id_keys(self, item: ItemFacts, lone_link: str) -> Iterator[EntryKey]:
        """The id alone where it names one item; together with link or text where a publisher repeats it.

        What was repeated may stand alone in the next document, and the other way round.
        """
        if self.ids[item.guid] > 1:
            yield EntryKey("id", f"{item.guid}\n{lone_link or item.hash}")
        else:
            yield EntryKey("id", item.guid)
            if item.norm and self.norms[item.norm] == 1:
                yield EntryKey("idnorm", item.norm)
        yield EntryKey("repeat", f"{item.guid}\n{item.hash}")
        if item.address:
            yield EntryKey("repeat", f"{item.guid}\n{item.address}")


def _distinct(names: Sequence[str], things: Sequence[object]) -> dict[str, int]:
    """How many different things share each name."""
    lone = dict.fromkeys(names, 1)
    if len(lone) == len(names):
        return lone
    groups: defaultdict[str, set[object]] = defaultdict(set)
    for name, thing in zip(names, things, strict=True):
        groups[name].add(thing)
    return {name: len(group) for name, group in groups.items()}


def _name(item: ItemFacts, ids: Mapping[str, int]) -> str:
    """What tells two items of one document apart: an id that only one of them has, else all of the text."""
    return f"id {item.guid}" if item.guid and ids[item.guid] == 1 else f"text {item.guid}\n{item.hash}"


def _dated(item: ItemFacts) -> str:
    """Title and published time: a name for items that have both."""
    return f"{item.published} {item.title}" if item.published and item.title else ""


# -- look-up -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """One item: its facts, its text where that is at hand, its keys."""

    facts: ItemFacts
    entry: ParsedEntry | None
    keys: tuple[EntryKey, ...]
    number: int

    @property
    def rank(self) -> tuple[str, int, str]:
        return self.facts.moment, self.facts.length, self.facts.fingerprint

    def text(self) -> ParsedEntry:
        if self.entry is None:
            raise Uncertain
        return self.entry


def _collapsed(
    items: Sequence[ItemFacts], entries: Sequence[ParsedEntry | None], keys: Sequence[tuple[EntryKey, ...]]
) -> list[_Item]:
    """Each item once; of two copies under one id, or with one text, the newer, whatever their order."""
    kept: dict[str, _Item] = {}
    for number, (each, entry, own) in enumerate(zip(items, entries, keys, strict=True)):
        name = f"id {own[0].key}" if each.guid else each.hash
        there, item = kept.get(name), _Item(each, entry, own, number)
        if there is not None and item.rank[:2] == there.rank[:2] and not (item.rank[2] and there.rank[2]):
            raise Uncertain  # which of two copies counts hangs on a digest that was not kept
        if there is None or item.rank > there.rank:
            kept[name] = item
    return list(kept.values())


def _found(
    document: Sequence[_Item], known: Mapping[EntryKey, KnownEntry], others: Collection[int]
) -> dict[int, KnownEntry]:
    """The entry of each item that one of its own names finds."""
    found: dict[int, KnownEntry] = {}
    claimed = set(others)
    for look in (_by_id, _by_text, _by_rest):
        for number, item in enumerate(document):
            if number in found:
                continue
            hit = look(item, known, claimed)
            if hit is not None:
                found[number] = hit
                claimed.add(hit.id)
    return found


def _by_id(item: _Item, known: Mapping[EntryKey, KnownEntry], _: set[int]) -> KnownEntry | None:
    """The entry that bears this id; when the publisher has used the id for several, the one with this link."""
    hit = next((known[key] for key in item.keys if key.kind == "id" and key in known), None)
    if hit is None:
        return None
    linked = next((known[key] for key in item.keys if key.kind == "link" and key in known), None)
    if linked is not None and linked.id != hit.id and linked.guid == item.facts.guid:
        return linked
    return hit


def _by_text(item: _Item, known: Mapping[EntryKey, KnownEntry], claimed: set[int]) -> KnownEntry | None:
    """The entry with the very same link, title and text; for an item with an id, if the publisher has repeated that."""
    for key in item.keys:
        if key.kind not in ("hash", "repeat"):
            continue
        hit = known.get(EntryKey("id", key.key) if key.kind == "repeat" else key)
        if hit is None or (hit.id and hit.id in claimed):
            continue
        if not hit.id or key.kind == "hash" or hit.fingerprint == item.facts.fingerprint:
            return hit
    return None


def _by_rest(item: _Item, known: Mapping[EntryKey, KnownEntry], claimed: set[int]) -> KnownEntry | None:
    for key in item.keys:
        hit = known.get(key)
        if hit is None or key.kind not in ("idnorm", "link", "titledate") or (hit.id and hit.id in claimed):
            continue
        if key.kind == "link" and not hit.id and item.facts.guid:
            continue  # a pruned entry has no id left to tell it from another that uses its page again
        if key.kind != "link" or _is_same(item, hit):
            return hit
    return None


def _is_same(item: _Item, hit: KnownEntry) -> bool:
    """Whether an item under a known link is that entry: no other id, or a like text, title or time.

    One time alone is no evidence (a page may be reused at once), and neither is a title that comes back on another day
    over another text (a weather page). What the title and the time decide alone is not asked of the text.
    """
    own = item.facts
    if not own.guid or not hit.guid or own.guid == hit.guid:
        return True
    titled = bool(own.title) and own.title == folded(hit.title)
    published = datetime.fromisoformat(own.published) if own.published else None
    apart = abs(published - hit.published_at) if published is not None and hit.published_at is not None else None
    if titled and (apart is None or apart <= SAME_TIME):
        return True
    like = likeness(item.text().body, hit.body)
    if like >= SAME_BODY:
        return True
    return apart == timedelta(0) and (like >= RELATED or likeness(own.title, hit.title) >= RELATED)


def _change(item: _Item, hit: KnownEntry | None, known: Mapping[EntryKey, KnownEntry]) -> EntryChange:
    """Keys that other entries own stay theirs."""
    free = tuple(key for key in item.keys if key not in known and key.kind != "repeat")
    now = item.facts.fingerprint
    if hit is None:
        alone = all(key in free for key in item.keys if key.kind not in _SECOND)
        return NewEntry(item.text(), free, now, item.number if alone and item.facts.guid else -1)
    if not hit.id:
        return SameEntry(0, ())  # pruned: whatever became of it, it stays gone
    passing = _passing(item.facts, hit)
    learnt = tuple(key for key in free if key.kind not in passing)
    if hit.fingerprint == now:
        return SameEntry(hit.id, tuple(key for key in learnt if key.kind != "text"))
    return RevisedEntry(hit.id, hit.revision + 1, item.text(), learnt, now, hit.article, _is_other_news(item, hit))


def _is_other_news(item: _Item, hit: KnownEntry) -> bool:
    """Whether title, link and text are all another's: the publisher gives an id out again (truth table, 30)."""
    own = item.facts
    if path(own.address) == path(urls.identity(hit.link) or hit.link) or likeness(own.title, hit.title) >= RELATED:
        return False
    return likeness(item.text().body, hit.body) < RELATED


def _passing(item: ItemFacts, hit: KnownEntry) -> frozenset[str]:
    """Kinds of keys not to be learnt: they differ from the known in a token alone, and will again at the next poll.

    Nor is an id that the entry bears without being known by it: others were seen to bear it too.
    """
    kinds: set[str] = set()
    if path(item.guid) == path(hit.guid):
        kinds.add("id")
    if item.guid == hit.guid:
        kinds.add("idnorm")
    if item.link != hit.link and path(item.address) == path(urls.identity(hit.link) or hit.link):
        kinds |= {"link", "hash"}
    return frozenset(kinds)
