"""How hosts of article pages are treated: robots.txt once a day, turns, rests, and clocks that jump."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.feeds.robots import Rules
from aggregator.manners import Manners
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

NOON = datetime(2023, 2, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
SPACING = 5 * SECOND
A, B = "https://a.example:443", "https://b.example:443"


class Hosts:
    """A Fetcher: what each host has in its robots.txt, None for one that is down; it remembers what it was asked."""

    def __init__(self, **files: str | None) -> None:
        self.files = {f"https://{name}.example:443/robots.txt": text for name, text in files.items()}
        self.asked: list[str] = []

    def fetch_many(
        self,
        requests: Iterable[FetchRequest],
        *,
        wanted: Callable[[FetchRequest], bool] | None = None,  # noqa: ARG002 - the shape of the port
    ) -> Generator[FetchResponse | FetchFailure, None, None]:
        for request in requests:
            self.asked.append(request.url)
            text = self.files[request.url]
            if text is None:
                yield FetchFailure(request, "connect", "refused", NOON)
            else:
                yield FetchResponse(request, 200, request.url, {}, text.encode(), (), NOON, 0.1)

    def close(self) -> None:
        """Nothing is open."""


def test_a_robots_txt_is_kept_for_a_day_and_a_failure_for_an_hour() -> None:
    hosts, manners = Hosts(a="User-agent: *\nDisallow: /x", b=None), Manners()
    known = Rules((("/x", False),))
    for hours in (0, 0.5, 0.9):
        assert manners.rules({A, B}, hosts, NOON + HOUR * hours) == {A: known, B: None}
    assert len(hosts.asked) == 2
    assert manners.rules({A, B}, hosts, NOON + HOUR) == {A: known, B: None}
    assert hosts.asked[2:] == [f"{B}/robots.txt"]
    manners.rules({A}, hosts, NOON + 24 * HOUR)
    assert hosts.asked[3:] == [f"{A}/robots.txt"]


@pytest.mark.parametrize(("delay", "pause"), [("", 5), ("Crawl-delay: 20", 20), ("Crawl-delay: 1", 5)])
def test_the_next_page_waits_for_our_pause_or_the_hosts(delay: str, pause: int) -> None:
    manners = Manners()
    manners.rules({A}, Hosts(a=f"User-agent: *\n{delay}"), NOON)
    assert manners.turn([A], NOON) == timedelta(0)
    manners.asked(A, NOON, SPACING)
    assert manners.waiting(NOON) == {A}
    assert manners.turn([A], NOON + SECOND) == (pause - 1) * SECOND
    assert manners.turn([A, B], NOON + SECOND) == timedelta(0)
    assert manners.waiting(NOON + pause * SECOND) == set()


def test_a_host_at_rest_is_not_waited_for() -> None:
    manners = Manners()
    manners.rest(A, NOON, NOON + HOUR)
    assert manners.resting(NOON) == {A}
    assert manners.turn([A], NOON) is None
    assert manners.turn([], NOON) is None
    assert manners.turn([A], NOON + HOUR) == timedelta(0)


def test_a_clock_that_jumps_back_silences_nobody() -> None:
    manners, hosts = Manners(), Hosts(a="")
    manners.rules({A}, hosts, NOON)
    manners.asked(A, NOON, SPACING)
    manners.rest(A, NOON, NOON + HOUR)
    before = NOON - timedelta(days=365)
    assert manners.turn([A], before) == timedelta(0)
    manners.rules({A}, hosts, before)
    assert len(hosts.asked) == 2


def test_what_has_passed_is_forgotten() -> None:
    manners = Manners()
    for number in range(50):
        hosts = Hosts(**{f"h{number}": ""})
        manners.rules({f"https://h{number}.example:443"}, hosts, NOON + number * HOUR)
        manners.asked(f"https://h{number}.example:443", NOON + number * HOUR, SPACING)
    assert len(manners._rules) == 24
    assert len(manners._turns) == 1
