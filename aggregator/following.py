"""Readers' own watchlists as they come and go, whichever process did it: in the live index, and looked back for.

A number in the database (`turn`) says that they are others; asking for it is all that a batch costs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from aggregator import catalog
from aggregator.errors import QueryError
from aggregator.ports import Clock
from aggregator.query import Query
from aggregator.settings import Configuration
from aggregator.stores import Stores
from aggregator.watch.index import WatchIndex

log = logging.getLogger("aggregator")


class Following:
    """Keeps one index up to the readers' own watchlists.

    Attributes:
        came: which have come, or ask something else, since the index was made.
    """

    def __init__(
        self, stores: Stores, clock: Clock, configuration: Callable[[], Configuration], parse: Callable[[str], Query]
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._configuration = configuration
        self._parse = parse
        self.came: set[str] = set()
        self._turn = -1
        self._known: dict[str, str] = {}
        self._turn_attended = -1
        self._attended: set[str] = set()
        self._noticed: set[str] = set()

    def begin(self, index: WatchIndex) -> None:
        """Take the readers' watchlists into a new index."""
        self._turn, self._known = self._stores.watch.turn(), {}
        self._follow(index)

    def keep_up(self, index: WatchIndex) -> None:
        """Bring the index up to the readers' watchlists where they have become others."""
        turn = self._stores.watch.turn()
        if turn != self._turn:
            self._turn = turn
            self.came |= self._follow(index)

    def ask_again(self) -> None:
        """Aliases have changed: every query may ask for something else."""
        self._turn, self._known = -1, dict.fromkeys(self._known, "")

    def _follow(self, index: WatchIndex) -> set[str]:
        wanted = {w.id: w.query for w in self._stores.watch.of_readers()}
        for watchlist_id in self._known.keys() - wanted.keys():
            index.remove(watchlist_id)
        changed = {name for name, text in wanted.items() if self._known.get(name) != text}
        for watchlist_id in changed:
            index.remove(watchlist_id)
            query = self._parsed(wanted[watchlist_id])
            if query is None:
                log.warning("the reader's watchlist %s names an alias that is gone; it finds nothing", watchlist_id)
            else:
                index.add(watchlist_id, query)
        self._known = wanted
        return changed

    def _parsed(self, text: str) -> Query | None:
        """The query, or None where it names an alias that the operator has taken away."""
        try:
            return self._parse(text)
        except QueryError:
            return None

    def look_back(self, watchlist_ids: Collection[str]) -> int:
        """Match readers' own watchlists against the entries of the last day or so; how many matches are new."""
        if not watchlist_ids:
            return 0
        found = [w for w in self._stores.watch.of_readers() if w.id in watchlist_ids]
        chosen = tuple(w for w in found if self._parsed(w.query) is not None)
        configuration = replace(self._configuration(), watchlists=chosen)
        return catalog.look_back(configuration, {w.id for w in chosen}, self._stores, self._clock.now())

    def attend(self) -> bool:
        """Notice watchlists that came, and do what time asks of subscriptions; cheap when there is nothing.

        What was noticed last time is looked back for now: batches that were matched without it are stored by now. True when
        something was noticed, so that this is to be asked again soon.
        """
        noticed, self._noticed = self._noticed, set()
        turn = self._stores.watch.turn()
        if turn != self._turn_attended:
            known = {w.id for w in self._stores.watch.of_readers()}
            # Whoever made those that are there at the start has looked back for them.
            self._noticed = known - self._attended if self._turn_attended >= 0 else set()
            self._attended, self._turn_attended = known, turn
        self.look_back(noticed)
        self._stores.readers.tidy(self._clock.now())
        return bool(self._noticed)
