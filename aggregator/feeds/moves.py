"""Documents that come under new ids as a whole: a new CMS, https, another domain, another scheme of guids.

One item with a new id, a new link and a known text is a new entry (the truth table's case 10: it may have been told
again). Where the same happens to nearly all items at once, the publisher has moved and nothing is news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from aggregator.model import EntryChange, EntryKey, FeedEvent, ItemFacts, KnownEntry, NewEntry, SameEntry

LEAST = 3
"""A move has at least so many items: two texts may come again by themselves."""
SHARE = 0.8
"""The part of the items with a known text or name that has to come under new ids."""

Named = tuple[ItemFacts, tuple[EntryKey, ...]]


def wanted(strange: Sequence[tuple[EntryKey, ...]], items: int) -> set[EntryKey]:
    """The texts to look up: of the items unknown by name, where these are so many of all that it may be a move."""
    if not _enough(len(strange), items):
        return set()
    return {key for own in strange for key in own if key.kind == "text"}


def moved(
    items: Sequence[Named], found: Mapping[int, KnownEntry], known: Mapping[EntryKey, KnownEntry]
) -> dict[int, KnownEntry]:
    """The entries of items that no name has found, by their text, if the document has moved; else nothing.

    Title and time go before title and text: a text that comes back every week belongs to several entries. An entry
    that two items ask for, or that another item has by name, is nobody's.
    """
    hits = {n: hit for n, (_, own) in enumerate(items) if n not in found and (hit := _by_text(own, known)) is not None}
    asked = Counter(hit.id for hit in (*hits.values(), *found.values()) if hit.id)
    sure = {n: hit for n, hit in hits.items() if asked[hit.id] <= 1}
    return sure if _enough(len(sure), len(sure) + len(found)) else {}


def events(
    items: Sequence[ItemFacts], found: Mapping[int, KnownEntry], changes: Sequence[EntryChange]
) -> tuple[FeedEvent, ...]:
    """One event where nearly all known entries of a document have just learnt new ids, by whatever key they were found."""
    renamed = sum(_is_renamed(item, found[n], changes[n]) for n, item in enumerate(items) if n in found)
    if not _enough(renamed, len(found)):
        return ()
    new = len(items) - len(found)
    told = f"{renamed} of {len(items)} entries came under new ids; {new or 'none'} {'is' if new < 2 else 'are'} new"
    return (FeedEvent("ids_changed", told),)


def _enough(part: int, whole: int) -> bool:
    return part >= LEAST and part >= SHARE * whole


def _by_text(own: Sequence[EntryKey], known: Mapping[EntryKey, KnownEntry]) -> KnownEntry | None:
    """The last key, that with the time, first."""
    return next((known[key] for key in reversed(own) if key.kind == "text" and key in known), None)


def _is_renamed(item: ItemFacts, hit: KnownEntry, change: EntryChange) -> bool:
    """Whether it learns another id now, or another link where it has no id; the next poll knows them already."""
    if isinstance(change, NewEntry) or (isinstance(change, SameEntry) and not change.entry_id):
        return False
    if not item.guid:
        return any(key.kind == "link" for key in change.keys)
    return item.guid != hit.guid and any(key.kind == "id" for key in change.keys)
