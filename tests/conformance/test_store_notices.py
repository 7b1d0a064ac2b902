"""NoticeStore: a problem begins once, lasts, is told once, and goes when its end was told."""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.model import Problem
from aggregator.notice import LASTS, NoticeLetter
from aggregator.readership import RenderedLetter
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt

DAY = timedelta(days=1)
DISK = Problem("the disk is nearly full", "make room", "error", "disk")
FEED = Problem("a fails", "look at it", about="feed:a:failing")
RENDERED = RenderedLetter("2 problems", b"Subject: 2 problems\r\n\r\nbody \xff\x00")


def letter(number: int = 1) -> NoticeLetter:
    return NoticeLetter(
        RENDERED, "boss@example.org", f"token{number}".ljust(22, "x"), f"<notice.{number}@news.example>"
    )


def told(scene: Scene, due: datetime, now: datetime, *about: str, over: tuple[str, ...] = (), number: int = 1) -> bool:
    return scene.stores.notices.tell(about, over, letter(number), due, now)


def test_what_is_new_begins_and_what_is_not_found_any_more_ends(scene: Scene) -> None:
    notices = scene.stores.notices
    assert [one.about for one in notices.see([FEED, DISK], NOW).begun] == ["feed:a:failing", "disk"]
    assert [(n.about, n.level, n.what, n.do, n.began_at, n.told_at, n.ended_at) for n in notices.list()] == [
        ("disk", "error", "the disk is nearly full", "make room", NOW, None, None),
        ("feed:a:failing", "warning", "a fails", "look at it", NOW, None, None),
    ]
    changed = notices.see([DISK], NOW + MINUTE)
    assert (changed.begun, [one.about for one in changed.ended]) == ((), ["feed:a:failing"])
    assert notices.see([DISK], NOW + HOUR) == type(changed)()
    assert [n.ended_at for n in notices.list()] == [None, NOW + MINUTE]


def test_a_problem_is_known_by_its_name_whatever_it_says(scene: Scene) -> None:
    notices = scene.stores.notices
    notices.see([DISK], NOW)
    worse = Problem("the disk is full", "make room now", "error", "disk")
    assert notices.see([worse], NOW + HOUR).begun == ()
    assert [(n.what, n.do, n.began_at) for n in notices.list()] == [("the disk is full", "make room now", NOW)]


def test_what_comes_back_has_never_ended_unless_nobody_was_told_and_it_was_over_for_a_while(scene: Scene) -> None:
    notices = scene.stores.notices
    notices.see([FEED, DISK], NOW)
    assert told(scene, NOW, NOW, "disk")
    notices.see([], NOW + MINUTE)
    notices.see([FEED, DISK], NOW + LASTS)
    assert [(n.began_at, n.ended_at) for n in notices.list()] == [(NOW, None), (NOW, None)]
    notices.see([], NOW + 2 * LASTS)
    notices.see([FEED, DISK], NOW + 3 * LASTS)
    began = {n.about: n.began_at for n in notices.list()}
    assert began == {"disk": NOW, "feed:a:failing": NOW + 3 * LASTS}


def test_a_mail_is_told_once_however_many_look(scene: Scene) -> None:
    notices = scene.stores.notices
    notices.see([FEED, DISK], NOW)
    assert notices.told_at() is None
    assert told(scene, NOW, NOW + MINUTE, "disk", "feed:a:failing")
    assert notices.told_at() == NOW
    assert {n.told_at for n in notices.list()} == {NOW + MINUTE}
    assert not told(scene, NOW, NOW + 2 * MINUTE, "disk", number=2)
    notices.see([DISK], NOW + 2 * HOUR)
    assert told(scene, NOW + DAY, NOW + DAY, "disk", over=("feed:a:failing",), number=3)
    assert [n.about for n in notices.list()] == ["disk"]
    first, second = sorted(scene.stores.outbox.list(), key=lambda one: one.id)
    assert [(m.kind, m.address, m.state) for m in (first, second)] == [("notice", "boss@example.org", "waiting")] * 2
    content = scene.stores.outbox.content(first)
    assert content is not None
    assert content.mail == RENDERED.mail


def test_a_mail_without_news_is_seen_to_and_makes_no_letter(scene: Scene) -> None:
    assert scene.stores.notices.tell([], [], None, NOW, NOW)
    assert scene.stores.notices.told_at() == NOW
    assert scene.stores.outbox.list() == []


def test_a_moment_that_a_wrong_clock_noted_keeps_nothing_back(scene: Scene) -> None:
    assert told(scene, NOW + 365 * DAY, NOW + 365 * DAY)
    assert told(scene, NOW, NOW, number=2)
    assert scene.stores.notices.told_at() == NOW


def test_old_mails_of_notices_go_with_the_next_one(scene: Scene) -> None:
    box = scene.stores.outbox
    told(scene, NOW, NOW)
    (message,) = box.claim_due(ME, 9, NOW)
    box.settle([attempt(message, "sent")], ME)
    told(scene, NOW + 29 * DAY, NOW + 29 * DAY, number=2)
    assert len(box.list()) == 2
    told(scene, NOW + 31 * DAY, NOW + 31 * DAY, number=3)
    # The second was never sent: it stays until it is settled.
    assert message.id not in [one.id for one in box.list()]
    assert len(box.list()) == 2
    assert scene.stores.upkeep.check(deep=True) == []
