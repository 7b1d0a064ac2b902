"""Ten real feeds as their publishers served them, over loopback HTTP. They are too large for this tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.search import search
from tests.conformance.feedserver import FeedServer, document

FEEDS = Path(__file__).parents[3] / "shared/feeds"
ENTRIES = {
    "davidbau": 15,
    "foolcontrol": 10,
    "gamersnexus": 10,
    "kagi": 35,
    "osm": 20,
    "osm-pl": 8,
    "postgis": 10,
    "pypy": 10,
    "stackoverflow": 2,
    "vintagehomeplans": 20,
}
"""As many `<item>` and `<entry>` elements as each document holds."""


@pytest.mark.skipif(not FEEDS.is_dir(), reason=f"the ten real feeds are not at {FEEDS}")
def test_ten_real_feeds_are_read_once_and_found_again(tmp_path: Path) -> None:
    with FeedServer() as server:
        listed = [
            {"id": path.stem, "url": server.add(f"/{path.name}", document(path.read_bytes()))}
            for path in sorted(FEEDS.glob("*.xml"))
        ]
        (tmp_path / "feeds.yaml").write_text(json.dumps({"feeds": listed}))
        environ = {"AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]', "AGGREGATOR__NETWORK__HOST_SPACING": "0s"}
        with build(tmp_path, environ) as app:
            app.sync()
            first = {r.feed_id: r for r in app.poll.sweep()}
            stored = {f.id: f.entries for f in app.stores.feeds.list()}
            second = list(app.poll.sweep(everything=True))
            assert {r.outcome for r in first.values()} == {"new"}
            assert stored == ENTRIES
            assert all(r.entries_new == 0 and r.entries_revised == 0 for r in second)
            assert {f.id: f.entries for f in app.stores.feeds.list()} == ENTRIES
            found = list(search(app.stores, app.query("mapping OR JIT OR kitchen")))
            assert {"pypy", "vintagehomeplans"} <= {r.entry.feed_id for r in found}
            assert not app.stores.upkeep.check(deep=True)
