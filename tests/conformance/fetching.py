"""A client with small limits and a few short words for tests that fetch."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from aggregator.clock import SetClock
from aggregator.fetch import Client, FetchLimits
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver


NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SMALL = FetchLimits(
    total_timeout=5.0,
    connect_timeout=1.0,
    max_body=100_000,
    max_headers=16_000,
    host_spacing=0.0,
    concurrency=8,
    allow_private=(ip_network("127.0.0.1/32"),),
    contact="desk@example.org",
)


@contextmanager
def opened(limits: FetchLimits, resolver: Callable[[], AbstractResolver] | None = None) -> Iterator[Client]:
    client = Client(limits, SetClock(NOW), resolver=resolver)
    try:
        yield client
    finally:
        client.close()


def get(client: Client, url: str, **fields: Any) -> FetchResponse | FetchFailure:
    (answer,) = client.fetch_many([FetchRequest("ref", url, **fields)])
    return answer


def good(client: Client, url: str, **fields: Any) -> FetchResponse:
    answer = get(client, url, **fields)
    assert isinstance(answer, FetchResponse), answer
    return answer


def bad(client: Client, url: str, **fields: Any) -> FetchFailure:
    answer = get(client, url, **fields)
    assert isinstance(answer, FetchFailure), answer
    assert "\n" not in answer.message
    return answer


def names(table: dict[str, list[str]]) -> AbstractResolver:
    """A resolver whose answers for a name come one after the other, the last for ever."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Table(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            if host not in table:
                raise OSError(None, "no such name")
            answers = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
            return [
                ResolveResult(hostname=host, host=a, port=port, family=family, proto=0, flags=0)
                for a in answers.split()
            ]

        async def close(self) -> None:
            pass

    return Table()
