"""Void rounds: what an answer says of our own network, and what a whole round says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchErrorClass
from aggregator.feeds import rounds
from aggregator.feeds.rounds import Round, Sign, Streak
from aggregator.model import Feed, FeedSpec, FetchFailure, FetchRequest, FetchResponse, HostHold, PollState, Redirect

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
WELL, LOST, MUTE = Sign("well"), Sign("lost"), Sign("mute")
MINUTE = timedelta(minutes=1)


def failure(error_class: FetchErrorClass, url: str = "https://a.example/rss", *to: str) -> FetchFailure:
    hops = tuple(Redirect(302, t) for t in to)
    return FetchFailure(FetchRequest("a", url), error_class, "no", NOW, redirects=hops)


def response(status: int = 200, url: str = "https://a.example/rss", *to: str, body: bytes = b"x") -> FetchResponse:
    hops = tuple(Redirect(302, t) for t in to)
    return FetchResponse(FetchRequest("a", url), status, to[-1] if to else url, {}, body, hops, NOW, 0.1)


def feed(feed_id: str = "a", url: str = "", **poll: object) -> Feed:
    usual: dict[str, object] = {"next_poll_at": NOW, "state": "ok"}
    return Feed(FeedSpec(feed_id, url or f"https://{feed_id}.example/rss"), PollState(**(usual | poll)))  # type: ignore[arg-type]


def heard(signs: dict[str, Sign], asked: int = 0, *, down: bool = False) -> Round:
    """A round in which these hosts answered, and more were asked."""
    found = Round(down=down)
    for name in [*signs, *(f"silent{i}" for i in range(asked - len(signs)))]:
        found.ask(name)
    for name, sign in signs.items():
        found.hear(name, sign)
    return found


def signs(well: int, lost: int, mute: int = 0, sign: Sign = LOST) -> dict[str, Sign]:
    told = {f"w{i}": WELL for i in range(well)} | {f"l{i}": sign for i in range(lost)}
    return told | {f"m{i}": MUTE for i in range(mute)}


# -- signs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error_class", ["dns", "connect", "timeout", "reset", "tls"])
def test_a_host_that_cannot_be_reached_is_lost(error_class: FetchErrorClass) -> None:
    assert rounds.sign(failure(error_class), error_class) == LOST


@pytest.mark.parametrize("error_class", ["truncated", "too_large", "bomb", "header_too_large", "bad_http"])
def test_a_host_that_misbehaves_is_there(error_class: FetchErrorClass) -> None:
    assert rounds.sign(failure(error_class), error_class) == WELL


@pytest.mark.parametrize("error_class", ["bad_scheme", "internal", "redirect_loop"])
def test_a_failure_of_ours_says_nothing(error_class: FetchErrorClass) -> None:
    assert rounds.sign(failure(error_class), error_class) == MUTE


@pytest.mark.parametrize(
    ("status", "error_class"), [(200, ""), (304, ""), (404, "http_4xx"), (503, "http_5xx"), (200, "parse_error")]
)
def test_any_answer_of_the_host_itself_says_that_the_network_works(status: int, error_class: str) -> None:
    assert rounds.sign(response(status), error_class) == WELL


def test_a_feed_that_was_sent_on_and_read_is_well() -> None:
    assert rounds.sign(response(200, "https://a.example/rss", "https://b.example/rss"), "") == WELL


def test_what_is_no_feed_and_lies_elsewhere_may_be_a_portals_page() -> None:
    portal = "http://login.hotel.example/?to="
    found = {rounds.sign(response(200, f"https://{n}.example/rss", portal + n), "not_a_feed") for n in ("a", "b")} | {
        rounds.sign(response(403, "https://c.example/rss", portal), "http_4xx"),
        rounds.sign(failure("timeout", "https://d.example/", portal), "timeout"),
        rounds.sign(failure("blocked_address", "https://e.example/", portal), "blocked_address"),
    }
    assert found == {Sign("page", "http://login.hotel.example:80")}
    at_home = response(404, "http://a.example/rss", "https://www.a.example/", "http://a.example:8080/x")
    assert rounds.sign(at_home, "http_4xx") == WELL, "its own host, on another port"


def test_the_same_page_in_many_names_without_a_redirect_is_one_page() -> None:
    one, two = (rounds.sign(response(url=f"http://{n}.example/", body=b"<html>"), "not_a_feed") for n in ("a", "b"))
    assert one == two
    assert one.doubtful
    assert one != rounds.sign(response(body=b"<html>mine"), "not_a_feed")


def test_a_portal_that_says_so_is_believed() -> None:
    assert rounds.sign(response(511), "http_5xx") == LOST


@pytest.mark.parametrize(
    ("url", "sign"), [("https://a.example/", LOST), ("http://10.0.0.1/", MUTE), ("http://[fd00::1]:8080/", MUTE)]
)
def test_a_name_that_suddenly_leads_inside_is_a_portals_doing_and_an_address_the_operators(
    url: str, sign: Sign
) -> None:
    assert rounds.sign(failure("blocked_address", url), "blocked_address") == sign


# -- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("well", "lost", "verdict"),
    [
        (0, 0, "good"), (0, 1, "good"), (0, 4, "good"), (0, 5, "void"), (1, 4, "void"), (1, 3, "good"), (2, 4, "good"),
        (2, 8, "void"), (3, 8, "good"), (20, 80, "void"), (21, 80, "good"), (0, 1000, "void"), (1000, 1, "good"),
    ],
)  # fmt: skip
def test_a_round_is_void_when_four_of_five_hosts_are_lost_and_there_are_five(
    well: int, lost: int, verdict: str
) -> None:
    assert heard(signs(well, lost)).verdict(final=True) == verdict


def test_before_the_end_it_is_good_as_soon_as_more_than_a_fifth_has_spoken() -> None:
    assert heard(signs(0, 50), 100).verdict(final=False) == "open"
    assert heard(signs(1, 0), 1).verdict(final=False) == "open", "one may stand beside us"
    assert heard(signs(20, 50), 100).verdict(final=False) == "open"
    assert heard(signs(21, 50), 100).verdict(final=False) == "good"


def test_what_says_nothing_counts_on_neither_side() -> None:
    assert heard(signs(0, 5, mute=20)).verdict(final=True) == "void"
    assert heard(signs(2, 5, mute=20)).verdict(final=False) == "good"
    assert heard(signs(0, 4, mute=20)).verdict(final=True) == "good"


def test_hosts_that_were_failing_before_prove_nothing() -> None:
    """Else an installation with many dead feeds would take itself for cut off."""
    found = heard(signs(1, 0))
    for i in range(20):
        found.hear(f"dead{i}", LOST, failing=True)
    assert found.verdict(final=True) == "good"


def test_a_host_with_one_good_answer_is_there() -> None:
    found = heard(signs(0, 5))
    for i in range(5):
        found.hear(f"l{i}", WELL)
    assert found.verdict(final=True) == "good"


def test_one_page_in_the_name_of_many_hosts_is_a_portal_and_many_pages_are_not() -> None:
    assert heard(signs(0, 6, sign=Sign("page", "p"))).verdict(final=True) == "void"
    pages = {f"h{i}": Sign("page", f"page {i}") for i in range(6)}
    assert heard(pages).verdict(final=True) == "good"
    mixed = signs(1, 4, sign=Sign("page", "p")) | {"dns": LOST}
    assert heard(mixed).verdict(final=True) == "void"


def test_in_an_outage_it_takes_good_answers_to_believe_that_it_is_over() -> None:
    assert heard(signs(0, 0), down=True).verdict(final=True) == "void"
    assert heard(signs(0, 1), down=True).verdict(final=True) == "void"
    assert heard(signs(1, 4), down=True).verdict(final=True) == "void", "one may stand beside us"
    assert heard(signs(1, 0), down=True).verdict(final=True) == "good"
    assert heard(signs(2, 3), 5, down=True).verdict(final=False) == "good"


def test_hosts_lost_in_sweeps_before_count_until_somebody_is_heard() -> None:
    found = Round(["a", "b", "c", "d"])
    found.hear("e", LOST)
    assert found.verdict(final=True) == "void"
    found.hear("f", WELL)
    assert found.verdict(final=True) == "good"


KINDS = st.dictionaries(
    st.integers(0, 40).map("h{}".format),
    st.sampled_from([WELL, LOST, MUTE, Sign("page", "p"), Sign("page", "q")]),
    max_size=40,
)


@given(KINDS, st.booleans())
def test_a_verdict_before_the_end_is_never_taken_back_by_the_end(told: dict[str, Sign], down: bool) -> None:
    found = heard(told, down=down)
    if found.verdict(final=False) == "good":
        assert found.verdict(final=True) == "good"


@given(KINDS, st.booleans())
def test_four_failing_hosts_never_make_a_void_round(told: dict[str, Sign], order: bool) -> None:
    lost = [name for name, sign in told.items() if sign.doubtful]
    verdict = heard(dict(sorted(told.items(), reverse=order))).verdict(final=True)
    if len(lost) < 4 or sum(sign == WELL for sign in told.values()) > len(lost):
        assert verdict == "good"


@given(KINDS, st.lists(st.integers(50, 60).map("x{}".format), min_size=1, max_size=9))
def test_more_hosts_that_speak_never_make_a_good_round_void(told: dict[str, Sign], more: list[str]) -> None:
    before = heard(told).verdict(final=True)
    after = heard(told | dict.fromkeys(more, WELL)).verdict(final=True)
    assert (before, after) != ("good", "void") or sum(s.doubtful for s in told.values()) >= 4


@given(KINDS)
def test_more_hosts_that_are_lost_never_make_a_void_round_good(told: dict[str, Sign]) -> None:
    if heard(told).verdict(final=True) == "void":
        assert heard(told | {"one more": LOST}).verdict(final=True) == "void"


# -- from sweep to sweep ---------------------------------------------------------------------------------------------


def test_a_streak_remembers_the_state_before_its_first_failure() -> None:
    streak, one = Streak(), feed("a")
    first, second = replace(one.poll, failures=1), replace(one.poll, failures=2)
    streak.add(one, first)
    streak.add(replace(one, poll=first), second)
    streak.add(feed("b"), first)
    assert streak.hosts == {"a.example", "b.example"}
    counted = {c.feed_id: c for c in streak.end()}
    assert (counted["a"].before, counted["a"].after) == (one.poll, second)
    assert streak.hosts == frozenset()
    assert streak.end() == ()


def test_the_network_is_tried_once_a_minute_whatever_the_clock_does() -> None:
    streak = Streak()
    assert streak.time_to_probe(NOW)
    streak.probed_at = NOW
    assert not streak.time_to_probe(NOW + timedelta(seconds=59))
    assert streak.time_to_probe(NOW + MINUTE)
    assert streak.time_to_probe(NOW - timedelta(days=1))


def test_probes_are_a_handful_of_due_feeds_of_different_hosts_the_longest_due_first() -> None:
    crowd = [feed(f"f{i}", next_poll_at=NOW - i * MINUTE) for i in range(9)]
    crowd.append(feed("same", "http://f8.example:81/other", next_poll_at=NOW - MINUTE))
    assert rounds.probes(crowd, NOW) == ["f8", "f7", "f6", "f5", "f4"]
    hold = HostHold("https://x", NOW + MINUTE, "x", NOW)
    nobody = [
        feed("paused", state="paused"),
        feed("later", next_poll_at=NOW + MINUTE),
        feed("held", held_until=NOW + MINUTE),
        replace(feed("host"), hold=hold),
    ]
    assert rounds.probes(nobody, NOW) == []
    assert rounds.probes([replace(feed("over"), hold=replace(hold, held_until=NOW))], NOW) == ["over"]


def test_a_void_poll_changes_nothing_but_when_the_feed_is_looked_at_again() -> None:
    poll = PollState(NOW, "failing", "e", "m", "h", 3, NOW, "http_5xx", "x", 500, NOW - MINUTE, NOW - 9 * MINUTE)
    after = rounds.postponed(poll, NOW)
    assert after == replace(poll, last_poll_at=NOW, next_poll_at=NOW + rounds.AGAIN)
    asked_early = replace(poll, next_poll_at=NOW + timedelta(hours=1))
    assert rounds.postponed(asked_early, NOW).next_poll_at == NOW + timedelta(hours=1)
