"""No input breaks a promise: some of each kind in `make test`, ten minutes of the first four and one of the others in `make storm`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests import counts
from tests.fuzz.dice import Dice
from tests.fuzz.hunt import attempt, hunt
from tests.fuzz.targets import TARGETS

FOUND = sorted((Path(__file__).parents[1] / "data" / "fuzz").glob("*/*"))
LONG = ("parse", "slice", "query", "settings")
TRIES = {"parse": 60, "slice": 100, "query": 100, "settings": 25, "page": 20}
USUAL = 150
"""Inputs of a kind in `make test`."""


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_promise(name: str) -> None:
    tries = counts.count(TRIES.get(name, USUAL), 0)
    seconds = counts.fuzz_seconds() / (1 if name in LONG else 10)
    bag = hunt(TARGETS[name], counts.seed(), tries=tries, seconds=seconds)
    counts.report(f"inputs made for {name}", bag.tried, len(bag.findings), f"slowest {bag.slowest[0]:.1f} s")
    assert not bag.findings, "\n\n".join(f"{found.kind}: {found.data!r}\n{found.trace}" for found in bag.findings)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_once_is_found_no_more(path: Path) -> None:
    found = attempt(TARGETS[path.parent.name].run, path.read_bytes())
    assert found is None, found.trace


def test_the_same_seed_makes_the_same_inputs() -> None:
    target = TARGETS["opml"]
    one, other = (Dice(7, target.samples(), target.words) for _ in range(2))
    made = [one.throw() for _ in range(50)]
    assert made == [other.throw() for _ in range(50)]
    assert len(set(made)) > 30


def test_a_broken_promise_is_found_and_made_small() -> None:
    def never_two_outlines(data: bytes) -> None:
        assert data.count(b"<outline") < 2

    target = TARGETS["opml"]
    bag = hunt(type(target)("x", never_two_outlines, target.samples, target.words), 1, tries=20)
    assert [found.data for found in bag.findings] == [b"<outline<outline"]


def test_what_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(data: bytes) -> None:
        until = time.process_time() + 5
        while data and time.process_time() < until:
            pass

    monkeypatch.setattr("tests.fuzz.hunt.LIMIT", 0.01)
    found = attempt(slow, b"x")
    assert found is not None
    assert found.kind == "TooSlow"
    assert attempt(slow, b"") is None
