"""The seams: what the lines ask of the adapters. A Protocol's docstring is the contract its conformance suite tests.

Rules for every method: synchronous; datetimes are aware UTC and the present is passed in, never read; values in and
values out. What is asked of the store stands in stores.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from aggregator.model import (
    FetchFailure,
    FetchRequest,
    FetchResponse,
)
from aggregator.notice import Told
from aggregator.publication import (
    Edition,
    RenderedEdition,
    StoredEdition,
)
from aggregator.readership import (
    Letter,
    RenderedLetter,
)

T = TypeVar("T")


class Clock(Protocol):
    """The only source of the present and the only way to wait."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def uptime(self) -> float:
        """Seconds that never jump, those included in which the machine was asleep."""
        ...

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait, or less when `wake` is set."""
        ...


class Fetcher(Protocol):
    """The only HTTP client: guarded, bounded, polite within a host."""

    def fetch_many(
        self, requests: Iterable[FetchRequest], *, wanted: Callable[[FetchRequest], bool] | None = None
    ) -> Generator[FetchResponse | FetchFailure, None, None]:
        """GET each request; answers come as they arrive, exactly one for each request, and it never raises for one.

        `wanted` is asked, from another thread, when a request's turn has come: one that is not wanted any more is not sent,
        and answered with class `withdrawn`.

        Closing the iterator early cancels what is under way. One request at a time per host, hosts side by side; redirects followed by hand, every hop checked by the guard.
        """
        ...

    def close(self) -> None:
        """Let go of connections and threads; safe to call twice."""
        ...


class Poster(Protocol):
    """Hands documents to servers that asked for them; guarded as a Fetcher is."""

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """POST the body: the answer's status, headers by lower-case name, and first bytes. No redirect is followed, no cookie kept.

        Raises Retry when nothing of the body was sent (DNS, connection, TLS, an address that is refused), and Quarantine when
        the connection broke, or `timeout` seconds were over, with the body on its way.
        """
        ...


class Workers(Protocol):
    """Killable processes for work on untrusted documents."""

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Run `work(*args)` (an importable function, picklable values) in a worker.

        The future raises Quarantine with class parse_timeout when the time or memory limit killed the worker.
        """
        ...

    def submit_all(self, work: Callable[..., T], each: Sequence[tuple[Any, ...]]) -> list[Future[T]]:
        """The same for several sets of arguments; small ones share the way, and still end alone."""
        ...

    def close(self) -> None:
        """Stop the workers; safe to call twice."""
        ...


class Renderer(Protocol):
    """Turns an edition into its final bytes."""

    def render(self, edition: Edition) -> RenderedEdition:
        """Render page, text, mail and data; the same edition gives the same bytes."""
        ...

    def letter(self, letter: Letter) -> RenderedLetter:
        """Render a letter. Raises ConfigError when there is no public address for its links."""
        ...

    def notices(self, told: Told) -> RenderedLetter:
        """Render the mail of a day's notices to the operator."""
        ...

    def message(self, mail: bytes, address: str, token: str, message_id: str) -> bytes:
        """One recipient's bytes from an edition's mail; depends on the arguments alone."""
        ...

    def payload(self, data: str, message_id: str) -> bytes:
        """The JSON that a webhook gets, from an edition's data; depends on the arguments alone.

        Raises GiveUp when there is no such data.
        """
        ...

    def note(self, data: str) -> bytes:
        """A few lines of plain text for chat and push, the first its title; at most 4 kB. Raises as `payload` does."""
        ...

    def problems(self) -> Sequence[str]:
        """What is wrong with templates of one's own, as `file:line: message`; built-in ones take their place."""
        ...


class Transport(Protocol):
    """Carries a message to where it is read."""

    @property
    def name(self) -> str:
        """What is at the other end, for people and for pauses: `mail server mail.example.org:587`. Never a secret."""
        ...

    @property
    def form(self) -> Literal["mail", "data", "note"]:
        """What it carries: a whole mail (RFC 5322), the edition as JSON, or a few lines of plain text."""
        ...

    def open(self) -> TransportSession:
        """Connect and sign in. Raises Retry when it may work later, GiveUp when the configuration is refused."""
        ...


class TransportSession(Protocol):
    """One connection, several messages, one recipient each."""

    def prepare(self, address: str, sender: str = "") -> None:
        """Everything before the body (MAIL, RCPT). Raises Retry (4xx), GiveUp (5xx).

        `sender` is where a mail comes back that cannot be delivered, "" for the transport's own.
        """
        ...

    def deliver(self, body: bytes, message_id: str) -> str:
        """Hand the body over; the answer's text when accepted.

        Raises Retry or GiveUp when the other side said no, and Quarantine when it is unknown whether it took the body.
        """
        ...

    def close(self) -> None:
        """End the conversation; never raises."""
        ...


class Runner(Protocol):
    """The lines of one process, as an engine sees them; any thread may call it."""

    def begin(self, name: str) -> bool:
        """Take a line in hand; False when it is at work here already, or rests. `run` or `rests` must follow."""
        ...

    def run(self, name: str) -> None:
        """Run a line that was taken in hand, to its end; never raises."""
        ...

    def rests(self, name: str) -> None:
        """It is not run after all."""
        ...


class Dispatcher(Protocol):
    """What stands between a line that is wanted and its run: threads of this process, or a queue that several share.

    It may lose what it was asked for, bring it twice or late: what is due is asked for again, and whoever runs a line
    claims from the store what it works on, so nothing is lost or doubled.
    """

    def begin(self, runner: Runner) -> None:
        """From here on lines that are asked for are run by `runner`, in other threads. Raises AggregatorError: it cannot begin."""
        ...

    def leads(self) -> bool:
        """Whether this process looks at the clock for all; asked at each tick. Never two at a time, never none for long."""
        ...

    def ask(self, line: str) -> bool:
        """Have a line run by whoever is free; False when that is known to be of no use just now."""
        ...

    def stop(self) -> None:
        """Begin no further run; what is under way goes on. Safe to call twice."""
        ...


class Archive(Protocol):
    """Where past editions lie as plain files that any browser opens."""

    def publish(self, edition: StoredEdition, recent: Sequence[StoredEdition]) -> Path:
        """Write the edition's page and the list of recent editions; writing twice gives the same files."""
        ...

    def missing(self, editions: Sequence[StoredEdition]) -> Sequence[StoredEdition]:
        """Those whose page is not there: a crash came between the commit and the file."""
        ...
