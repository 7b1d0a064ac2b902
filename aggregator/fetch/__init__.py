"""The only HTTP client of the house: guarded, bounded, polite within a host.

client.py    the face the lines see: `fetch_many` and `post`, back-pressure; no asyncio, light to import
limits.py    what may be taken, and who we say we are
engine.py    the event loop in its own thread, the tasks on it
traffic.py   who may send now: one request at a time and a pause per host, so many at once over all hosts
exchange.py  one GET and its redirects
posting.py   one POST: a webhook's delivery
address.py   URLs as text: what may be asked, what may be shown
guard.py     which addresses may be connected to, judged when the socket is made
decode.py    gzip, deflate, br and zstd undone in small steps below a cap
faults.py    what aiohttp and the system raise -> the stable error classes
"""

from __future__ import annotations

from aggregator.fetch.client import Client
from aggregator.fetch.limits import FetchLimits

__all__ = ["Client", "FetchLimits"]
