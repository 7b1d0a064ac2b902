"""Pages that were made stay as long as what they show does, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from aggregator.web.cache import Made, PageCache


class World:
    """What pages show: a text that changes, and how often it was made into one."""

    def __init__(self) -> None:
        self.text = "one"
        self.made = 0
        self.marked: list[Sequence[int]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._stored = 0

    def store(self, text: str) -> None:
        """Something is stored."""
        self.text = text
        self._stored += 1

    def version(self) -> int:
        return self._stored

    def mark(self, stories: Sequence[int]) -> str:
        self.marked.append(tuple(stories))
        return self.text

    def make(self) -> tuple[str, Sequence[int]]:
        self.made += 1
        read = self.text
        self.meanwhile()
        return f"<p>{read}</p>", [7, 8]

    def ask(self, cache: PageCache, key: str = "today") -> Made:
        return cache.get(key, self.version, self.mark, self.make)


@pytest.fixture
def world() -> World:
    return World()


def test_a_page_is_made_once_while_what_it_shows_is_the_same(world: World) -> None:
    cache = PageCache()
    first = world.ask(cache)
    assert first.body == b"<p>one</p>"
    assert world.ask(cache) is first
    assert world.made == 1


def test_what_was_stored_and_does_not_stand_on_a_page_makes_it_no_other(world: World) -> None:
    cache = PageCache()
    first = world.ask(cache)
    world.store("one")
    assert world.ask(cache) is first


def test_a_page_is_made_again_once_its_mark_is_another_and_its_tag_follows_its_bytes(world: World) -> None:
    cache = PageCache()
    first = world.ask(cache)
    world.store("two")
    second = world.ask(cache)
    assert second.body == b"<p>two</p>"
    assert second.tag != first.tag
    world.store("one")
    assert world.ask(cache).tag == first.tag


def test_the_mark_of_a_kept_page_is_asked_of_the_stories_on_it(world: World) -> None:
    cache = PageCache()
    world.ask(cache)
    world.marked.clear()
    world.ask(cache)
    assert world.marked == [(7, 8)]


def test_what_is_stored_while_a_page_is_made_is_on_the_next(world: World) -> None:
    cache = PageCache()
    world.meanwhile = lambda: world.store("two")
    assert world.ask(cache).body == b"<p>one</p>"
    world.meanwhile = lambda: None
    assert world.ask(cache).body == b"<p>two</p>"
    assert world.made == 2


def test_one_makes_a_page_while_all_others_who_want_it_wait(world: World) -> None:
    cache = PageCache()
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go_on.wait(10)

    world.meanwhile = hold
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(world.ask, cache)]
        assert begun.wait(10)
        asked += [pool.submit(world.ask, cache) for _ in range(7)]
        go_on.set()
        assert len({id(one.result(10)) for one in asked}) == 1
    assert world.made == 1


def test_a_page_that_is_being_made_holds_up_no_other_and_no_kept_one(world: World) -> None:
    cache = PageCache()
    world.ask(cache, "kept")
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go_on.wait(10)

    world.meanwhile = hold
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(world.ask, cache, "slow")
        assert begun.wait(10)
        world.meanwhile = lambda: None
        assert world.ask(cache, "kept").body == world.ask(cache, "other").body
        go_on.set()
        slow.result(10)


def test_the_page_that_nobody_asked_for_longest_makes_room(world: World) -> None:
    cache = PageCache(most=2)
    for key in ("a", "b", "a", "c"):
        world.ask(cache, key)
    assert world.made == 3
    world.ask(cache, "a")
    assert world.made == 3
    world.ask(cache, "b")
    assert world.made == 4


def test_a_page_that_cannot_be_made_leaves_nothing_behind_and_is_tried_again(world: World) -> None:
    cache = PageCache()

    def fail() -> None:
        raise LookupError

    world.meanwhile = fail
    for n in range(100):
        with pytest.raises(LookupError):
            world.ask(cache, f"nowhere-{n}")
    assert len(cache) == 0
    world.meanwhile = lambda: None
    assert world.ask(cache, "nowhere-1").body == b"<p>one</p>"
