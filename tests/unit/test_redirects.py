"""redirects and history: where a feed lives, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import history, politeness, redirects
from aggregator.feeds.pace import Brought
from aggregator.model import Feed, FeedSpec, FetchFailure, FetchRequest, FetchResponse, PollState, Redirect

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OLD, NEW, OTHER = "https://old.example/feed", "https://new.example/feed", "https://other.example/feed"


def feed(url: str = OLD, **poll: Any) -> Feed:
    return Feed(FeedSpec("a", url), PollState(NOW, **({"state": "ok", "etag": '"1"'} | poll)))


def chain(*hops: tuple[int, str], status: int = 200, url: str = OLD) -> FetchResponse:
    path = tuple(Redirect(code, to) for code, to in hops)
    end = path[-1].url if path else url
    return FetchResponse(FetchRequest("a", url, '"1"'), status, end, {"etag": '"t"'}, b"<rss/>", path, NOW, 0.1)


def poll(known: Feed, answer: FetchResponse) -> Feed:
    """One poll that ended well."""
    if answer.status == 304:
        after = politeness.not_modified(known, answer, NOW)
    else:
        after = politeness.succeeded(
            known, answer, NOW, body_hash="h", malformed="", title="", language="", brought=Brought()
        )
    return replace(known, poll=after)


def settle(known: Feed, holder: str = "", taken: dict[str, str] | None = None) -> tuple[Feed, list[str]]:
    after, events = history.settle(
        replace(known, poll=PollState(NOW)), known.poll, lambda _: holder, {} if taken is None else taken
    )
    return replace(known, poll=after), [e.kind for e in events]


PERMANENT = chain((301, NEW))


def agreed(times: int = 3, known: Feed | None = None, *answers: FetchResponse) -> Feed:
    known = known or feed()
    for answer in answers or [PERMANENT] * times:
        known = poll(known, answer)
    return known


# -- votes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        PERMANENT,
        chain((308, NEW)),
        chain((301, "https://mid.example/"), (308, NEW)),
        chain((301, f"{NEW}#top")),
        chain((301, NEW), status=304),
    ],
)
def test_three_polls_in_a_row_that_agree_move_a_feed(answer: FetchResponse) -> None:
    assert redirects.wanted(feed(), agreed(2, feed(), answer, answer).poll) == ""
    voted = agreed(3, feed(), answer, answer, answer)
    assert redirects.wanted(feed(), voted.poll) == NEW
    moved = redirects.moved(voted, voted.poll)
    assert (moved.moved_url, moved.move_target, moved.move_polls) == (NEW, "", 0)
    assert (moved.etag, moved.last_modified) == ("", ""), "validators belong to a URL"


@pytest.mark.parametrize(
    "other",
    [
        chain((302, NEW)),
        chain((303, NEW)),
        chain((307, NEW)),
        chain((301, "https://mid.example/"), (302, NEW)),
        chain((302, "https://mid.example/"), (301, NEW)),
        chain((301, OTHER)),
        chain(),
        chain(status=304),
        chain((301, OTHER), (301, OLD)),
    ],
)
def test_any_other_answer_begins_the_count_anew(other: FetchResponse) -> None:
    assert redirects.wanted(feed(), agreed(0, feed(), PERMANENT, PERMANENT, other, PERMANENT, PERMANENT).poll) == ""
    assert redirects.wanted(feed(), agreed(0, feed(), other, other, other, other).poll) in ("", OTHER)


def test_a_temporary_hop_makes_the_whole_chain_temporary() -> None:
    assert redirects.counted(feed(), chain((301, "https://mid.example/"), (302, NEW))) == ("", 0)


def test_a_poll_that_fails_begins_the_count_anew_so_a_portal_never_owns_a_feed() -> None:
    known = agreed(2)
    portal = chain((301, "https://portal.example/login"))
    after = politeness.failed(known, portal, "not_a_feed", "an HTML page", NOW)
    assert (after.move_target, after.move_polls) == ("", 0)
    down = FetchFailure(FetchRequest("a", OLD), "timeout", "late", NOW)
    assert politeness.failed(known, down, "timeout", "late", NOW).move_polls == 0


def test_a_target_that_a_person_took_back_is_not_moved_to_again() -> None:
    refused = agreed(5, feed(move_refused=NEW))
    assert redirects.wanted(refused, refused.poll) == ""
    other = agreed(0, feed(move_refused=NEW), *[chain((301, OTHER))] * 3)
    assert redirects.wanted(other, other.poll) == OTHER


def test_an_address_with_a_password_is_not_left() -> None:
    secret = feed("https://me:secret@old.example/feed")
    voted = agreed(3, secret)
    assert redirects.wanted(secret, voted.poll) == ""
    assert redirects.settled(voted.poll) == NEW, "but the operator is told"


def test_secrets_bind_a_feed_to_its_server() -> None:
    near = "https://old.example:443/elsewhere"
    for target, bound, expected in ((NEW, True, ""), (NEW, False, NEW), (near, True, near)):
        voted = agreed(0, feed(), *[chain((301, target))] * 3)
        assert redirects.wanted(feed(), voted.poll, bound=bound) == expected
        after, _ = history.settle(feed(), voted.poll, lambda _: "", {}, bound=bound)
        assert after.moved_url == expected
        assert redirects.settled(voted.poll) == target, "the operator is told either way"


def test_a_feed_moves_on_and_home_again() -> None:
    away = feed(moved_url=NEW)
    assert away.url == NEW
    on = agreed(0, away, *[chain((301, OTHER), url=NEW)] * 3)
    assert redirects.moved(on, on.poll).moved_url == OTHER
    home = agreed(0, away, *[chain((301, OLD), url=NEW)] * 3)
    back, _ = settle(home)
    assert (back.url, back.poll.moved_url) == (OLD, "")


# -- what is told ------------------------------------------------------------------------------------------------------


def told(before: Feed, after: PollState, holder: str = "") -> list[tuple[str, str]]:
    return [(e.kind, e.detail) for e in history.events(before, after, holder)]


def test_a_move_is_told_with_both_addresses() -> None:
    before = agreed(2, feed("https://old.example/feed?token=secret"))
    after, events = history.settle(before, poll(before, PERMANENT).poll, lambda _: "", {})
    assert after.moved_url == NEW
    assert [(e.kind, e.detail) for e in events] == [("moved", f"from https://old.example/feed?token=*** to {NEW}")]


def test_an_address_where_another_feed_lives_is_not_moved_to_and_that_is_told_once() -> None:
    known, kinds = feed(), []
    for _ in range(5):
        before, voted = known, poll(known, PERMANENT)
        after, events = history.settle(before, voted.poll, lambda _: "b", {})
        known = replace(known, poll=after)
        kinds.append([e.kind for e in events])
    assert kinds == [[], [], ["moved_onto"], [], []]
    assert (known.poll.moved_url, known.poll.move_polls) == ("", 5)
    after, _ = history.settle(known, poll(known, PERMANENT).poll, lambda _: "", {})
    assert after.moved_url == NEW, "the other feed is gone"


def test_two_feeds_of_one_batch_do_not_move_to_the_same_address() -> None:
    taken: dict[str, str] = {}
    first, _ = settle(agreed(3), taken=taken)
    second, kinds = settle(replace(agreed(3), spec=FeedSpec("b", OTHER)), taken=taken)
    assert (first.url, second.url, taken) == (NEW, OTHER, {NEW: "a"})
    assert kinds == ["moved_onto"]


def test_gone_and_back_are_told_once_each() -> None:
    well = feed()
    gone = politeness.failed(well, chain(status=410), "gone", "the server answered 410 Gone", NOW)
    assert told(well, gone) == [("gone", "the server answered 410 Gone; it is looked at once a week")]
    still = replace(well, poll=gone)
    again = politeness.failed(still, chain(status=410), "gone", "the server answered 410 Gone", NOW)
    assert told(still, again) == []
    assert gone.next_poll_reason == again.next_poll_reason == "gone (410): one look in 7 days"
    assert again.next_poll_at - NOW == timedelta(days=7)
    assert told(still, poll(still, chain()).poll) == [("back", "the server gives the feed again")]


def test_frozen_validators_are_told_once() -> None:
    text = "stayed the same although the document had changed"
    assert told(feed(), replace(feed().poll, frozen_at=NOW)) == [("frozen_validators", f"the ETag {text}")]
    dated = feed(etag="", last_modified="then")
    assert told(dated, replace(dated.poll, frozen_at=NOW)) == [("frozen_validators", f"the Last-Modified date {text}")]
    caught = feed(frozen_at=NOW)
    assert told(caught, replace(caught.poll, quiet_polls=3)) == []


ANSWERS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from([301, 302, 303, 307, 308]), st.sampled_from([OLD, NEW, OTHER])), max_size=3),
        st.sampled_from([200, 304, 500]),
    ),
    max_size=12,
)


@given(ANSWERS)
def test_whatever_servers_say_a_feed_moves_only_after_three_like_answers(
    answers: list[tuple[list[tuple[int, str]], int]],
) -> None:
    known = feed()
    votes: list[str] = []
    for hops, status in answers:
        answer = chain(*hops, status=status, url=known.url)
        good = status != 500 and hops and all(code in (301, 308) for code, _ in hops) and answer.url != known.url
        votes.append(answer.url if good else "")
        failed = politeness.failed(known, answer, "http_5xx", "no", NOW)
        after = failed if status == 500 else poll(known, answer).poll
        settled, _ = history.settle(known, after, lambda _: "", {})
        moves = settled.moved_url != known.poll.moved_url
        assert moves == (len(votes) >= 3 and votes[-1] != "" and len(set(votes[-3:])) == 1)
        if moves:
            votes.clear()
        known = replace(known, poll=settled)
