"""SignalStore: bursts and silences, each once."""

from __future__ import annotations

from dataclasses import replace

from aggregator.reading import Signal
from tests.conformance.stores import HOUR, NOW, Scene

BURST = Signal(0, "burst", "csto", "", NOW - HOUR, NOW, 40, 3.5, "40 entries where 3 or 4 are usual")
SILENCE = Signal(0, "silence", "", "a", NOW - HOUR, NOW, 0, 12.0, "nothing where 12 are usual")


def test_a_signal_is_read_as_it_was_stored(scene: Scene) -> None:
    signals = scene.stores.signals
    one, two = signals.begin(BURST), signals.begin(SILENCE)
    assert 0 < one < two
    assert signals.list() == [replace(SILENCE, id=two), replace(BURST, id=one)], "newest first"


def test_one_of_a_kind_and_subject_lasts_at_a_time(scene: Scene) -> None:
    signals = scene.stores.signals
    one = signals.begin(BURST)
    assert signals.begin(replace(BURST, found_at=NOW + HOUR, observed=80)) == 0
    assert signals.begin(replace(BURST, kind="silence"))
    assert signals.begin(replace(BURST, watchlist_id="energy"))
    assert signals.end(one, NOW + HOUR)
    again = signals.begin(replace(BURST, found_at=NOW + 2 * HOUR))
    assert again > one


def test_what_is_over_ends_once(scene: Scene) -> None:
    signals = scene.stores.signals
    one = signals.begin(BURST)
    assert signals.end(one, NOW + HOUR)
    assert not signals.end(one, NOW + 2 * HOUR)
    assert not signals.end(999, NOW)
    assert signals.list() == [replace(BURST, id=one, ended_at=NOW + HOUR)]


def test_those_since_a_moment_or_those_that_last(scene: Scene) -> None:
    signals = scene.stores.signals
    old = signals.begin(BURST)
    signals.end(old, NOW)
    lasting = signals.begin(SILENCE)
    later = signals.begin(replace(BURST, found_at=NOW + HOUR))
    assert [s.id for s in signals.list(NOW + HOUR)] == [later]
    assert [s.id for s in signals.list(NOW)] == [later, lasting, old]
    assert [s.id for s in signals.list(lasting=True)] == [later, lasting]
    assert [s.id for s in signals.list(NOW + HOUR, lasting=True)] == [later]
