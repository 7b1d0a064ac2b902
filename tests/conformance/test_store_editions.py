"""EditionStore: matches are assigned, windows join, and composing twice is a no-op."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from aggregator.errors import StoreError
from aggregator.levels import Level, Settled
from aggregator.model import NewMatch
from aggregator.publication import Content, NewEdition, RenderedEdition, Schedule, Window
from aggregator.stores import Stores
from tests import counts
from tests.conformance.stores import (
    HOUR,
    INITIAL,
    MINUTE,
    NEVER,
    NOW,
    RENDERED,
    Scene,
    digest,
    edition,
    joins,
    match,
    message,
    revised,
)

DAY = timedelta(days=1)


def state(stores: Stores, digest_id: str) -> tuple[datetime, datetime]:
    """Where the last window ended and when the next edition is due."""
    return next((d.covered_until, d.next_at) for d in stores.editions.digests() if d.spec.id == digest_id)


# -- sync ----------------------------------------------------------------------------------------------------------------


def test_digests_come_back_as_configured(scene: Scene) -> None:
    spec = digest("x", "energy", "csto", to=("desk@example.org",), empty="skip")
    spec = replace(spec, schedule=Schedule("at", "Europe/Minsk", (time(7, 30), time(18)), ("mon", "fri")))
    report = scene.stores.editions.sync([spec], {"x": NOW + HOUR}, NOW)
    assert (report.added, report.changed, report.removed) == (("x",), (), ("morning", "now"))
    assert [d.spec for d in scene.stores.editions.digests()] == [spec]
    report = scene.stores.editions.sync([spec], {"x": NOW + 2 * HOUR}, NOW + HOUR)
    assert (report.added, report.changed, report.removed) == ((), (), ())
    assert state(scene.stores, "x") == (NOW - INITIAL, NOW + HOUR), "nothing changed, so nothing moved"


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"title": "Other"}, False),
        ({"watchlists": ("energy",)}, False),
        ({"watchlists": ("energy", "csto")}, False),
        ({"empty": "skip"}, False),
        ({"to": ("new@example.org",)}, False),
        ({"schedule": Schedule("hourly")}, True),
        ({"schedule": Schedule("at", "Europe/Minsk", (time(7, 31),))}, True),
        ({"schedule": Schedule("at", "Asia/Almaty", (time(7, 30),))}, True),
    ],
)
def test_only_a_changed_schedule_moves_the_next_edition(scene: Scene, change: dict[str, object], moved: bool) -> None:
    specs = [digest("morning", "csto", "energy"), digest("now", "csto", every="instant")]
    specs[0] = replace(specs[0], **change)  # type: ignore[arg-type]
    report = scene.stores.editions.sync(specs, {"morning": NOW + 5 * HOUR}, NOW)
    assert (report.added, report.changed, report.removed) == ((), ("morning",), ())
    assert state(scene.stores, "morning") == (NOW - INITIAL, NOW + (5 if moved else 1) * HOUR)


def test_a_new_digest_looks_back_and_an_alert_does_not(stores: Stores) -> None:
    scene = Scene(stores)
    scene.feeds("a")
    scene.watchlists("csto")
    scene.matched("alert", now=NOW - INITIAL - MINUTE)
    recent = scene.matched("alert", now=NOW - INITIAL)
    scene.matched("none", now=NOW - HOUR)
    silent = scene.matched("digest", now=NOW - HOUR)
    scene.digests(digest("morning"), digest("now", every="instant"))
    assert scene.waiting("morning") == [recent, silent]
    assert scene.waiting("now") == []
    assert state(stores, "morning")[0] == NOW - INITIAL
    assert state(stores, "now")[0] == NOW
    fresh = scene.matched("alert", now=NOW)
    assert scene.waiting("now") == [fresh]
    assert scene.waiting("morning") == [recent, silent, fresh]


def test_a_digest_that_comes_back_does_not_tell_again(scene: Scene) -> None:
    told = scene.matched()
    scene.tell("morning", [told], NOW + HOUR)
    scene.digests(now=NOW + HOUR)
    assert scene.stores.editions.digests() == []
    assert scene.stores.editions.due(NOW + DAY) == []
    missed = scene.matched(now=NOW + 2 * HOUR)
    scene.digests(digest("morning", "csto"), now=NOW + 3 * HOUR)
    assert state(scene.stores, "morning")[0] == NOW + HOUR, "the window joins where the last one ended"
    assert scene.waiting("morning") == [missed]


# -- due and waiting -----------------------------------------------------------------------------------------------------


def test_a_digest_is_due_at_its_moment_and_an_instant_one_when_an_alert_waits(scene: Scene) -> None:
    def due(now: datetime) -> list[str]:
        return [d.spec.id for d in scene.stores.editions.due(now)]

    assert due(NOW + HOUR - MINUTE) == []
    assert due(NOW + HOUR) == ["morning"]
    scene.matched("digest")
    scene.matched("alert", "energy")
    assert due(NOW) == [], "nothing that is an alert's"
    alert = scene.matched("alert")
    assert due(NOW - DAY) == ["now"]
    scene.tell("now", [alert], NOW)
    assert due(NOW) == []


def test_each_digest_waits_for_its_watchlists_and_its_reach(scene: Scene) -> None:
    alert, quiet = scene.matched("alert"), scene.matched("digest")
    energy = scene.matched("alert", "energy")
    scene.matched("none")
    assert scene.waiting("morning") == [alert, quiet, energy]
    assert scene.waiting("now") == [alert]
    assert scene.waiting("nobody") == []


def test_waiting_ends_before_until_but_an_alert_takes_what_there_is(scene: Scene) -> None:
    one = scene.matched(now=NOW)
    two = scene.matched(now=NOW + HOUR)
    assert scene.waiting("morning", NOW) == []
    assert scene.waiting("morning", NOW + HOUR) == [one]
    assert scene.waiting("morning", NOW + HOUR + MINUTE) == [one, two]
    assert scene.waiting("now", NOW) == [one, two]


def test_a_waiting_match_brings_entry_and_story_and_says_what_was_told(scene: Scene) -> None:
    lead = scene.entry("Lead", match())
    (first,) = scene.stores.editions.waiting("morning", NOW + HOUR)
    assert (first.entry.id, first.story.id, first.told) == (lead, first.entry.story_id, "")
    assert (first.match.entry_id, first.match.watchlist_id) == (lead, "csto")
    scene.tell("morning", [first.match.id], NOW + HOUR)
    copy = scene.entry("Copy", match(), feed="b", story=joins(first.story.id), now=NOW + HOUR)
    other = scene.entry("Other", match(), now=NOW + HOUR)
    waiting = scene.stores.editions.waiting("morning", NOW + 2 * HOUR)
    assert [(w.entry.id, w.told) for w in waiting] == [(copy, "title"), (other, "")]
    assert [e.id for e in waiting[0].story.entries] == [lead, copy]
    assert [w.told for w in scene.stores.editions.waiting("now", NOW)] == [""] * 3, "another digest told nothing"


def test_a_story_is_told_at_the_highest_level_of_what_told_it(scene: Scene) -> None:
    first = scene.matched()
    (waiting,) = scene.stores.editions.waiting("morning", NOW + HOUR)
    last = first
    steps: list[tuple[Level, Level]] = [("mention", "mention"), ("lead", "lead"), ("mention", "lead")]
    for level, highest in steps:
        scene.tell("morning", [last], NOW + HOUR, level=level, key=f"{last}")
        scene.entry("", match(), feed="b", story=joins(waiting.story.id))
        (copy,) = scene.stores.editions.waiting("morning", NOW + HOUR)
        assert copy.told == highest
        last = copy.match.id


def test_what_an_edition_passed_over_is_settled_and_not_told(scene: Scene) -> None:
    told, passed = scene.matched(), scene.matched()
    waiting = scene.stores.editions.waiting("morning", NOW + HOUR)
    scene.tell("morning", [told], NOW + HOUR, passed=[passed])
    assert scene.waiting("morning") == []
    for item, level in zip(waiting, ("title", ""), strict=True):
        scene.entry("", match(), feed="b", story=joins(item.story.id), now=NOW + HOUR)
        (copy,) = scene.stores.editions.waiting("morning", NOW + 2 * HOUR)
        assert copy.told == level
        scene.stores.editions.skip("morning", [copy.match.id], NOW + HOUR, NOW + 2 * HOUR)


def test_editions_of_one_moment_come_together_or_not_at_all(scene: Scene) -> None:
    one, two, three = scene.matched(), scene.matched(), scene.matched()
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    made = [
        NewEdition(edition("morning", NOW + HOUR, "k"), RENDERED),
        NewEdition(
            edition("morning", NOW + HOUR, "k-title"), RENDERED, (message(subscription.id, "desk@example.org"),)
        ),
    ]
    settled = [Settled(one, 0, "mention"), Settled(two, 1, "title"), Settled(three, -1, "mention")]
    ids = scene.stores.editions.commit_editions(made, settled, NOW + 2 * HOUR)
    assert [e.id for e in scene.stores.editions.editions("morning")] == ids[::-1]
    assert [m.edition_id for m in scene.stores.outbox.list()] == [ids[1]]
    assert scene.waiting("morning") == []
    late = [Settled(scene.matched(), 0, "title")]
    again = [NewEdition(edition("morning", NOW + 2 * HOUR, "new"), RENDERED), made[1]]
    assert scene.stores.editions.commit_editions(again, late, NOW + 3 * HOUR) == []
    assert scene.waiting("morning") == [late[0].match_id]
    assert len(scene.stores.editions.editions("morning")) == 2


def test_what_was_skipped_was_not_told(scene: Scene) -> None:
    first = scene.matched()
    (waiting,) = scene.stores.editions.waiting("morning", NOW + HOUR)
    scene.stores.editions.skip("morning", [first], NOW + HOUR, NOW + 2 * HOUR)
    scene.entry("Copy", match(), story=joins(waiting.story.id), now=NOW + HOUR)
    (copy,) = scene.stores.editions.waiting("morning", NOW + 2 * HOUR)
    assert not copy.told


def test_a_watchlist_added_to_a_digest_brings_what_waits_in_the_window(scene: Scene) -> None:
    scene.digests(digest("morning", "csto"), digest("now", every="instant"))
    energy = scene.matched(watchlist="energy")
    assert scene.waiting("morning") == []
    scene.digests(digest("morning", "csto", "energy"), digest("now", every="instant"))
    assert scene.waiting("morning") == [energy]


# -- editions ------------------------------------------------------------------------------------------------------------


def test_an_edition_comes_back_as_it_was_made(scene: Scene) -> None:
    made = edition("morning", NOW + HOUR, "2023-02-02T16:00", start=NOW)
    settled = [Settled(scene.matched(), 0, "title")]
    (edition_id,) = scene.stores.editions.commit_editions([NewEdition(made, RENDERED)], settled, NOW + DAY)
    stored = scene.stores.editions.edition(edition_id)
    assert stored is not None
    assert (stored.digest_id, stored.key, stored.kind, stored.title) == (
        "morning",
        "2023-02-02T16:00",
        "digest",
        "Morning",
    )
    assert (stored.window, stored.subject, stored.stories, stored.entries) == (Window(NOW, NOW + HOUR), "Тема", 2, 3)
    assert (stored.composed_at, stored.rendered) == (NOW + HOUR, RENDERED)
    assert state(scene.stores, "morning") == (NOW + HOUR, NOW + DAY)
    assert scene.stores.editions.edition(edition_id + 1) is None


def test_editions_are_listed_newest_first(scene: Scene) -> None:
    ids = [scene.tell("morning", [], NOW + i * HOUR) for i in range(3)]
    alert = scene.tell("now", [], NOW)
    assert [e.id for e in scene.stores.editions.editions()] == [alert, *ids[::-1]]
    assert [e.id for e in scene.stores.editions.editions("morning", 2)] == [ids[2], ids[1]]


def test_a_digest_and_a_key_name_one_edition_and_a_list_goes_on_behind_one(scene: Scene) -> None:
    ids = [scene.tell("morning", [], NOW + i * HOUR, key=f"k{i}") for i in range(3)]
    scene.tell("now", [], NOW, key="k1", kind="alert")
    editions = scene.stores.editions
    assert [e.id for e in editions.editions("morning", key="k1")] == [ids[1]]
    assert editions.editions("morning", key="k9") == []
    for whole in (True, False):
        assert [e.id for e in editions.editions("morning", before=ids[2], whole=whole)] == [ids[1], ids[0]]


def test_a_mail_of_its_own_for_some_readers_is_what_their_message_carries(scene: Scene) -> None:
    one, other = (scene.stores.subscriptions.add("morning", f"{name}@example.org", NOW) for name in "ab")
    told = (replace(message(one.id, one.address), variant="late"), message(other.id, other.address))
    own = Content(b"Subject: late\r\n\r\n\xff", '{"late": 1}')
    made = NewEdition(edition("morning", NOW), RENDERED, told, (("late", own),))
    assert scene.stores.editions.commit_editions([made], [], NOW + HOUR)
    by_variant = {m.variant: scene.stores.outbox.content(m) for m in scene.stores.outbox.list()}
    assert by_variant == {"late": own, "": Content(RENDERED.mail, RENDERED.data)}


def test_a_waiting_match_of_a_text_that_was_replaced_brings_that_text(scene: Scene) -> None:
    entry_id = scene.entry("first", match())
    scene.poll("a", revised(entry_id, 2, "second"), now=NOW + HOUR)
    [waiting] = scene.stores.editions.waiting("morning", NEVER)
    assert (waiting.entry.title, waiting.match.revision) == ("first", 1)
    scene.poll("a", revised(entry_id, 3, "third", matches=(match(),)), now=NOW + HOUR)
    [waiting] = scene.stores.editions.waiting("morning", NEVER)
    assert (waiting.entry.title, waiting.match.revision) == ("third", 1)


def test_a_window_that_a_clock_ahead_closed_does_not_silence_its_digest(scene: Scene) -> None:
    years = timedelta(days=3650)
    scene.tell("morning", [], NOW + years)
    assert [d.spec.id for d in scene.stores.editions.due(NOW + MINUTE)] == ["morning"]
    assert state(scene.stores, "morning") == (NOW + MINUTE, NOW + MINUTE)


def test_a_list_of_editions_may_leave_their_bytes_out(scene: Scene) -> None:
    edition_id = scene.tell("morning", [], NOW)
    whole = scene.stores.editions.edition(edition_id)
    assert whole is not None
    assert whole.rendered.page
    bare = RenderedEdition(whole.subject, b"", "", "", "")
    assert scene.stores.editions.editions("morning", whole=False) == [replace(whole, rendered=bare)]


def test_an_edition_assigns_its_matches_and_queues_its_messages(scene: Scene) -> None:
    one, two = scene.matched(), scene.matched()
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    edition_id = scene.tell("morning", [one], NOW + HOUR, [message(subscription.id, "desk@example.org", "7")])
    assert scene.waiting("morning") == [two]
    assert scene.waiting("now") == [one, two], "each digest tells for itself"
    (queued,) = scene.stores.outbox.list()
    assert (queued.edition_id, queued.digest_id, queued.kind, queued.subject) == (
        edition_id,
        "morning",
        "digest",
        "Тема",
    )
    assert (queued.subscription_id, queued.address) == (subscription.id, "desk@example.org")
    assert (queued.token, queued.message_id) == ("token" + "x" * 20 + "7", "<digest.7@news.example>")
    assert (queued.state, queued.phase, queued.attempts, queued.error) == ("waiting", "queued", 0, "")
    assert (queued.created_at, queued.next_attempt_at, queued.settled_at) == (NOW + HOUR, NOW + HOUR, None)


def test_the_same_key_again_moves_the_window_and_writes_nothing_else(scene: Scene) -> None:
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    one = scene.matched()
    assert scene.tell("morning", [one], NOW + HOUR, [message(subscription.id, "desk@example.org")], key="k")
    two = scene.matched()
    assert scene.tell("morning", [two], NOW + 2 * HOUR, [message(subscription.id, "desk@example.org")], key="k") == 0
    assert scene.waiting("morning") == [two], "it waits for the next one"
    assert len(scene.stores.outbox.list()) == len(scene.stores.editions.editions()) == 1
    assert state(scene.stores, "morning") == (NOW + 2 * HOUR, NOW + 3 * HOUR)
    assert scene.tell("now", [one], NOW, key="k"), "a key is a digest's own"


def test_a_late_composer_moves_nothing_back(scene: Scene) -> None:
    scene.tell("morning", [], NOW + HOUR, key="k")
    scene.tell("morning", [], NOW + 5 * HOUR)
    assert scene.tell("morning", [], NOW + HOUR, key="k") == 0
    assert state(scene.stores, "morning") == (NOW + 5 * HOUR, NOW + 6 * HOUR)


def test_of_two_composers_with_the_same_matches_one_is_heard(scene: Scene) -> None:
    """Both read what waits, then both commit under keys of their own: nobody is told twice."""
    one, two = scene.matched(), scene.matched()
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    assert scene.tell("morning", [one], NOW + HOUR, [message(subscription.id, "desk@example.org")])
    before = state(scene.stores, "morning")
    assert scene.tell("morning", [one, two], NOW + 2 * HOUR, [message(subscription.id, "desk@example.org")]) == 0
    assert scene.waiting("morning") == [two]
    assert len(scene.stores.outbox.list()) == len(scene.stores.editions.editions()) == 1
    assert state(scene.stores, "morning") == before


def test_of_two_composers_whose_windows_begin_at_the_same_place_one_is_heard(scene: Scene) -> None:
    """They would tell of the same hours: windows join without overlap."""
    commit, (begin, _) = scene.stores.editions.commit_editions, state(scene.stores, "morning")
    first, second = (edition("morning", NOW + n * HOUR, key=str(n), start=begin) for n in (1, 2))
    assert commit([NewEdition(first, RENDERED)], [], NOW + 3 * HOUR)
    assert commit([NewEdition(second, RENDERED)], [], NOW + 3 * HOUR) == []
    assert state(scene.stores, "morning") == (NOW + HOUR, NOW + 3 * HOUR)
    third = edition("morning", NOW + 2 * HOUR, key="3", start=NOW + HOUR)
    assert commit([NewEdition(third, RENDERED)], [], NOW + 3 * HOUR)


def test_skip_settles_matches_and_moves_the_window_on(scene: Scene) -> None:
    one, two = scene.matched(), scene.matched()
    scene.stores.editions.skip("morning", [one], NOW + HOUR, NOW + 3 * HOUR)
    scene.stores.editions.skip("morning", [one], NOW + HOUR, NOW + 3 * HOUR)
    assert scene.waiting("morning") == [two]
    assert state(scene.stores, "morning") == (NOW + HOUR, NOW + 3 * HOUR)
    assert scene.stores.editions.editions() == []


def test_an_edition_that_cannot_be_stored_leaves_nothing(scene: Scene) -> None:
    subscription = scene.stores.subscriptions.add("morning", "desk@example.org", NOW)
    one = scene.matched()
    before = state(scene.stores, "morning")
    with pytest.raises(StoreError):
        scene.tell("morning", [one, 999], NOW + HOUR, [message(subscription.id, "desk@example.org")])
    assert scene.waiting("morning") == [one]
    assert (scene.stores.editions.editions(), scene.stores.outbox.list()) == ([], [])
    assert state(scene.stores, "morning") == before


# -- every eligible match is told once, whatever happens in between -----------------------------------------------------------

SPECS = {
    "morning": digest("morning", "csto", "energy"),
    "hourly": digest("hourly", "csto", every="hourly"),
    "now": digest("now", "csto", "energy", every="instant"),
}


class Coverage(RuleBasedStateMachine):
    """Matches arrive and editions come out in any order; a model beside the store says who must be told what."""

    fresh_stores: Callable[[], Stores]

    @initialize()
    def begin(self) -> None:
        self.scene = Scene(type(self).fresh_stores())
        self.stores = self.scene.stores
        self.now = NOW
        self.owed: dict[str, set[int]] = {name: set() for name in SPECS}
        self.told: Counter[tuple[str, int]] = Counter()
        self.stale: dict[str, list[int]] = {}
        self.scene.feeds("a")
        self.scene.watchlists("csto", "energy")
        self.scene.digests(*SPECS.values())

    @rule(
        watchlist=st.sampled_from(["csto", "energy"]),
        reach=st.sampled_from(["alert", "digest", "none"]),
        jump=st.integers(-90, 90),
    )
    def match_arrives(self, watchlist: str, reach: str, jump: int) -> None:
        """The clock may jump between two commits."""
        at = self.now + jump * timedelta(seconds=1)
        found = self.scene.matched(reach, watchlist, now=at)  # type: ignore[arg-type]
        for name, spec in SPECS.items():
            if watchlist in spec.watchlists and (reach == "alert" or (reach == "digest" and name != "now")):
                self.owed[name].add(found)

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(name=st.sampled_from(sorted(SPECS)), part=st.floats(0.3, 1))
    def edition_comes_out(self, name: str, part: float) -> None:
        waiting = self.scene.waiting(name, self.now)
        chosen = waiting[: max(1, int(len(waiting) * part))]
        if self.scene.tell(name, chosen, self.now, key=f"{name}-{len(self.stores.editions.editions(limit=9999))}"):
            self.told.update((name, m) for m in chosen)

    @rule(name=st.sampled_from(sorted(SPECS)))
    def edition_is_skipped(self, name: str) -> None:
        waiting = self.scene.waiting(name, self.now)[:1]
        self.stores.editions.skip(name, waiting, self.now, self.now + HOUR)
        self.told.update((name, m) for m in waiting)

    @rule(name=st.sampled_from(sorted(SPECS)))
    def a_composer_reads_and_falls_asleep(self, name: str) -> None:
        self.stale[name] = self.scene.waiting(name, self.now)

    @rule(name=st.sampled_from(sorted(SPECS)))
    def it_wakes_and_commits(self, name: str) -> None:
        chosen = self.stale.pop(name, None)
        key = f"late-{name}-{len(self.stores.editions.editions(limit=9999))}"
        if chosen is not None and self.scene.tell(name, chosen, self.now, key=key):
            self.told.update((name, m) for m in chosen)

    @rule()
    def configuration_is_read_again(self) -> None:
        self.scene.digests(*SPECS.values(), now=self.now)

    @invariant()
    def nothing_is_lost_and_nothing_told_twice(self) -> None:
        if not hasattr(self, "told"):
            return
        assert all(count == 1 for count in self.told.values())
        for name in SPECS:
            told = {m for n, m in self.told if n == name}
            waiting = self.scene.waiting(name)
            assert told.isdisjoint(waiting)
            assert told | set(waiting) == self.owed[name]


def test_every_match_is_told_once_by_each_digest(
    fresh_stores: Callable[[], Stores], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(Coverage, "fresh_stores", staticmethod(fresh_stores), raising=False)
    # Each example has a database of its own, which takes a server a while.
    examples = 40 if "sqlite" in request.node.name else counts.count(12, 40)
    run_state_machine_as_test(
        Coverage, settings=settings(max_examples=examples, stateful_step_count=30, derandomize=True, deadline=None)
    )


# -- what was changed since -------------------------------------------------------------------------------------------


def changed(scene: Scene, entry_id: int, revision: int, title: str, at: datetime, *matches: NewMatch) -> None:
    scene.poll("a", replace(revised(entry_id, revision, title, f"Body {revision}"), matches=matches), now=at)


def told_titles(scene: Scene, start: datetime, end: datetime, digest_id: str = "morning") -> list[tuple[str, str]]:
    """(headline before, headline now) of what was changed in a window."""
    return [(r.title, r.entry.title) for r in scene.stores.editions.revised(digest_id, Window(start, end))]


def test_windows_that_join_tell_every_change_of_a_told_entry_once(scene: Scene) -> None:
    entry_id = scene.entry("first", match())
    found = scene.stores.watch.matches(entry_id=entry_id)
    ends = [NOW + n * HOUR for n in range(1, 6)]
    scene.tell("morning", [found[0].id], ends[0])
    changed(scene, entry_id, 2, "second", ends[0])
    changed(scene, entry_id, 3, "third", ends[1] - MINUTE, match())
    changed(scene, entry_id, 4, "fourth", ends[1])
    assert told_titles(scene, ends[0], ends[1]) == [("first", "third")]
    assert told_titles(scene, ends[1], ends[2]) == [("third", "fourth")]
    assert told_titles(scene, ends[2], ends[3]) == []
    assert told_titles(scene, ends[1], ends[1]) == [], "an alert's window"
    [shown] = scene.stores.editions.revised("morning", Window(ends[0], ends[1]))
    assert shown.body == "The council met."
    assert (shown.entry.body, shown.told) == ("Body 3", "title")
    assert [(m.watchlist_id, len(m.spans)) for m in shown.matches] == [("csto", 1)], "the third text matches again"
    assert scene.stores.editions.revised("morning", Window(ends[1], ends[2]))[0].matches[0].spans == ()


def test_only_what_the_digest_itself_has_told_is_updated(scene: Scene) -> None:
    untold, passed, elsewhere = (scene.entry(t, match()) for t in ("untold", "passed", "elsewhere"))
    ids = {m.entry_id: m.id for m in scene.stores.watch.matches()}
    scene.tell("morning", [], NOW + HOUR, passed=[ids[passed]])
    scene.tell("now", [ids[elsewhere]], NOW + HOUR)
    for entry_id in (untold, passed, elsewhere):
        changed(scene, entry_id, 2, "other", NOW + 2 * HOUR)
    assert told_titles(scene, NOW + HOUR, NOW + 3 * HOUR) == []
    assert told_titles(scene, NOW + HOUR, NOW + 3 * HOUR, "now") == [("elsewhere", "other")]


def test_what_was_changed_before_its_edition_was_composed_was_shown_by_it(scene: Scene) -> None:
    entry_id = scene.entry("first", match())
    found = scene.stores.watch.matches(entry_id=entry_id)
    changed(scene, entry_id, 2, "second", NOW + HOUR + MINUTE)
    scene.tell("morning", [found[0].id], NOW + HOUR, composed_at=NOW + HOUR + 2 * MINUTE)
    assert told_titles(scene, NOW + HOUR, NOW + 2 * HOUR) == []
    changed(scene, entry_id, 3, "third", NOW + HOUR + 3 * MINUTE)
    assert told_titles(scene, NOW + HOUR, NOW + 2 * HOUR) == [("second", "third")]
