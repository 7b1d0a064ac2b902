"""Stored entries of one feed in memory, for tests of identity."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from aggregator.feeds import identity
from aggregator.model import EntryChange, EntryKey, KnownEntry, NewEntry, ParsedEntry, RevisedEntry, SameEntry


@dataclass
class Table:
    """Stored entries of one feed, as the store keeps them."""

    keys: dict[EntryKey, int] = field(default_factory=dict)
    entries: dict[int, KnownEntry] = field(default_factory=dict)

    def poll(self, items: Sequence[ParsedEntry]) -> list[EntryChange]:
        verdict = self.judge(items, items)
        for change in verdict.changes:
            self._apply(change)
        return list(verdict.changes)

    def judge(self, items: Sequence[ParsedEntry], at_hand: Sequence[ParsedEntry | None]) -> identity.Verdict:
        """What a poll would find, with these of the items parsed."""
        facts = [identity.facts(i) for i in items]
        keys = identity.keys(facts)
        assert all(keys)
        known = self.known(identity.names(keys))
        known |= self.known(identity.texts(keys, known))
        return identity.diff(facts, at_hand, keys, known)

    def known(self, keys: Collection[EntryKey]) -> dict[EntryKey, KnownEntry]:
        return {k: self.entries[self.keys[k]] for k in keys if k in self.keys}

    def _apply(self, change: EntryChange) -> None:
        number = len(self.entries) + 1 if isinstance(change, NewEntry) else change.entry_id
        if not isinstance(change, SameEntry):
            e, revision = change.entry, 1 if isinstance(change, NewEntry) else change.revision
            if isinstance(change, RevisedEntry):
                assert revision == self.entries[number].revision + 1
            self.entries[number] = KnownEntry(
                number, e.guid, e.link, e.title, change.fingerprint, revision, e.published_at, e.body
            )
        for key in change.keys:
            assert key.kind == "text" or key not in self.keys, "a name has one owner"
            self.keys.setdefault(key, number)


def letters(changes: Sequence[EntryChange]) -> str:
    names = {NewEntry: "N", RevisedEntry: "U", SameEntry: "S"}
    return "".join(names[type(change)] for change in changes)
