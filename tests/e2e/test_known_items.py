"""Known items: `check` and every reload try them, a start only tells of them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from aggregator import known
from aggregator.model import KnownItem, Watchlist
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, done, write_home

FILE = "config/watchlists.yaml"
HOLDING = """aliases: {csto: ['=CSTO', '=ОДКБ']}
watchlists:
  - id: csto
    query: '@csto'
    must:
      - CSTO leaders meet in Minsk
      - {title: Учения, body: 'Войска ОДКБ провели учения.'}
    must_not:
      - Cstore opens a shop
      - {title: CSТO with a Cyrillic Т, lang: en}
  - {id: drill, query: 'учения~ lang:ru', must: ['В Бресте завершились совместные учениями войск года']}
"""
LOST = "correct the query or take the example out"
BAD = "narrow the query or take the example out"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_home(tmp_path, {})


def item(query: str, **more: object) -> KnownItem:
    return KnownItem(Watchlist("w", "W", query), where="f:1: w.must[0]", **more)  # type: ignore[arg-type]


def test_items_that_hold_are_no_news(home: Path) -> None:
    (home / FILE).write_text(HOLDING, "utf-8")
    assert "2 watchlists" in done(home, "check").out


def test_items_that_do_not_hold_are_named_with_their_lines(home: Path) -> None:
    text = HOLDING.replace("Cstore opens a shop", "The CSTO opens a shop").replace("CSTO leaders", "ODKB leaders")
    (home / FILE).write_text(text, "utf-8")
    refused = aggregator(home, "check")
    assert refused.code == 3
    assert refused.err.replace("aggregator: ", "").splitlines() == [
        f"{home / FILE}:6: watchlists[0].must[0]: watchlist csto does not find «ODKB leaders meet in Minsk»; {LOST}",
        f"{home / FILE}:9: watchlists[0].must_not[0]: watchlist csto finds «The CSTO opens a shop» by =CSTO in the title; {BAD}",
    ]
    assert "watchlist csto finds" in aggregator(home, "doctor").out


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("watchlists:\n  - {id: a, query: x, must: x}\n", 2, "expected a list"),
        ("watchlists:\n  - {id: a, query: x, must: [{titel: x}]}\n", 2, "did you mean `title`"),
        ("watchlists:\n  - id: a\n    query: x\n    must_not: [[x]]\n", 4, "must_not[0]"),
    ],
)
def test_an_example_that_is_none_is_named(home: Path, text: str, line: int, words: str) -> None:
    (home / FILE).write_text(text)
    refused = aggregator(home, "check")
    assert refused.code == 3
    assert f"{home / FILE}:{line}: " in refused.err
    assert words in refused.err


def test_a_daemon_does_not_take_over_what_breaks_a_known_item_but_starts_with_it(tmp_path: Path) -> None:
    with FeedServer() as server:
        home = write_home(tmp_path, {"first": server.add("/first", Wire("first", "One"))})
        file = home / FILE
        with Daemon(home) as daemon:
            daemon.ready().wait_for("feed first: 1 new")
            file.write_text("watchlists: [{id: csto, query: '=CSTO', must: [ОДКБ]}]\n", "utf-8")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("does not find .ОДКБ.*")
            daemon.wait_for("old one stays in force")
            file.write_text("watchlists: [{id: csto, query: '=CSTO', must: [CSTO]}]\n", "utf-8")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("configuration taken over: 1 feed, 1 watchlist")
            assert daemon.end()[0] == 0
        file.write_text("watchlists: [{id: csto, query: '=CSTO', must: [ОДКБ]}]\n", "utf-8")
        with Daemon(home) as daemon:
            daemon.ready().wait_for("does not find .ОДКБ.*")
            assert daemon.end()[0] == 0


def test_a_long_text_is_shown_in_part_and_a_match_without_words_counts() -> None:
    (told,) = known.failing([item("=CSTO", must=True, body="word " * 40)], {})
    assert f"«{('word ' * 12)[:59]}…»" in told
    assert (
        known.failing([item("CSTO NOT NATO", must=True, title="CSTO"), item("NATO", must=False, title="x")], {}) == []
    )
