"""The files of the demo's home folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

WATCHLISTS = """\
aliases:
  csto:
    - '=CSTO'
    - '"Collective Security Treaty Organization"'
    - '"Collective Security Treaty Organisation"'
    - '=ОДКБ'
    - '"организаци* договора о коллективной безопасности"'
    - '=АДКБ'
    - '"арганізацы* дагавор* аб калектыўнай бяспецы"'
    - '=ҰҚШҰ'
    - '=ՀԱՊԿ'
    - '=OUBZ'
    - '集体安全条约组织'
watchlists:
  - {id: csto, title: CSTO, query: '@csto'}
  - {id: energy, title: Energy, query: 'electricity OR "power grid" OR электроэнерги* OR электраэнергі*'}
"""
"""config/watchlists.yaml of the demo: one alias in many languages, and a small second list."""


def digests_yaml(at: str = "16:00", timezone: str = "Europe/Minsk", to: str = "desk@news.example") -> str:
    """config/digests.yaml of the demo: a regular digest at `at`, and alerts at once."""
    address = json.dumps([to])
    return (
        "digests:\n"
        f"  - {{id: afternoon, title: Afternoon briefing, watchlists: [csto, energy], "
        f'at: "{at}", timezone: {timezone}, to: {address}}}\n'
        f"  - {{id: csto-now, title: CSTO at once, watchlists: [csto], every: instant, to: {address}}}\n"
    )


def feeds_yaml(feeds: Iterable[Mapping[str, object]], interval: str = "30m") -> str:
    """feeds.yaml for the feeds of a running newsroom; every JSON object is a YAML mapping."""
    lines = [f"  - {json.dumps(dict(feed), ensure_ascii=False)}" for feed in feeds]
    return "\n".join([f"defaults: {{interval: {interval}}}", "feeds:", *lines, ""])
