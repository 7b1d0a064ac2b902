"""Pages that were made, kept as long as what they show is the same. One is made by one thread while the others wait for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from aggregator.web import validators

MOST = 256
"""Pages kept; of 50 kB each that is 13 MB."""

Make = Callable[[], tuple[str, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Made:
    """A page's bytes, the stories on it, and the mark of what it shows; "" where that changed while it was made."""

    body: bytes
    tag: str
    stories: tuple[int, ...]
    mark: str


@dataclass(slots=True)
class _Turn:
    """Who makes a page, and how many wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class PageCache:
    """Pages by what they are asked with."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, Made] = OrderedDict()
        self._turns: dict[Hashable, _Turn] = {}
        self._book = threading.Lock()

    def get(self, key: Hashable, version: Callable[[], int], mark: Callable[[Sequence[int]], str], make: Make) -> Made:
        """The page under a key, made again where `mark` of its stories is another than when it was made.

        `make` returns the page and the ids of its stories; what it raises is raised, and nothing is kept. `version` is another
        number once anything at all was stored: a page during whose making that happened is shown, and made again for the next.
        """
        kept = self._same(key, mark)
        if kept is not None:
            return kept
        with self._turn(key):
            # Whoever waited finds it made.
            kept = self._same(key, mark)
            return kept if kept is not None else self._make(key, version, mark, make)

    def _same(self, key: Hashable, mark: Callable[[Sequence[int]], str]) -> Made | None:
        with self._book:
            kept = self._made.get(key)
            if kept is not None:
                self._made.move_to_end(key)
        return kept if kept is not None and mark(kept.stories) == kept.mark else None

    def _make(
        self, key: Hashable, version: Callable[[], int], mark: Callable[[Sequence[int]], str], make: Make
    ) -> Made:
        before = version()
        text, stories = make()
        body = text.encode()
        after = mark(stories)
        known = after if version() == before else ""
        made = Made(body, validators.tag(body), tuple(stories), known)
        with self._book:
            self._made[key] = made
            self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        """Alone with a key. Nothing stays behind: whoever asks for what is not there fills no memory."""
        with self._book:
            turn = self._turns.setdefault(key, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._book:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._turns[key]

    def __len__(self) -> int:
        """Pages kept, and keys somebody is at."""
        return len(self._made) + len(self._turns)
