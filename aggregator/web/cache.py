"""Pages that were made, kept as long as what they show is the same. One is made by one thread while the others wait for it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

MOST = 256
"""Pages kept; of 50 kB each that is 13 MB."""


@dataclass(frozen=True, slots=True)
class Made:
    """A page's bytes, the stories on it, and the mark of the moment before it was made."""

    body: bytes
    tag: str
    stories: tuple[int, ...]
    mark: str


class PageCache:
    """Pages by what they are asked with."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, Made] = OrderedDict()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._book = threading.Lock()

    def get(
        self,
        key: Hashable,
        mark: Callable[[Sequence[int]], str],
        make: Callable[[], tuple[str, Sequence[int]]],
    ) -> Made:
        """The page under a key, made again where `mark` of its stories is another than when it was made.

        `make` returns the page and the ids of its stories.
        """
        with self._book:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            kept = self._made.get(key)
            if kept is not None and mark(kept.stories) == kept.mark:
                with self._book:
                    self._made.move_to_end(key)
                return kept
            before = mark(())
            text, stories = make()
            body = text.encode()
            # What came while it was made may be missing here: then the page is made again for whoever asks next.
            after = mark(stories) if mark(()) == before else ""
            made = Made(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', tuple(stories), after)
            self._keep(key, made)
            return made

    def _keep(self, key: Hashable, made: Made) -> None:
        with self._book:
            self._made[key] = made
            while len(self._made) > self._most:
                gone, _ = self._made.popitem(last=False)
                self._locks.pop(gone, None)
