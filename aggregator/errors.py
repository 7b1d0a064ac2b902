"""The errors of the project, drawn as a tree; each knows whom it concerns and what the caller should do.

AggregatorError                 one clear line for a person; `exit_code` is what the command line returns
├── UsageError          exit 2  a command was given something it cannot take
│   └── QueryError      exit 2  a query that does not parse: position, message, hint
├── ConfigError         exit 3  feeds.yaml or config/: file:line and what to do
├── InstanceError       exit 4  another instance runs
├── StoreError          exit 5  the database, or the disk it is on, cannot be used
└── WorkError           exit 1  a piece of work failed; its subclass is the verb for the caller
    ├── Retry                   try again later: the fault may pass by itself
    ├── GiveUp                  stop trying: the other side said no for good
    └── Quarantine              keep it for a person: trying again would fail the same way
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Literal

FetchErrorClass = Literal[
    "dns",
    "connect",
    "tls",
    "timeout",
    "reset",
    "truncated",
    "too_large",
    "bomb",
    "header_too_large",
    "bad_http",
    "redirect_loop",
    "blocked_address",
    "bad_scheme",
    "auth",
    "http_4xx",
    "gone",
    "rate_limited",
    "http_5xx",
    "not_a_feed",
    "parse_error",
    "parse_timeout",
    "empty",
    "local_network",
    "withdrawn",
    "internal",
]
"""The stable words for why a feed failed; used in tables, JSON, pages and metrics."""

StoreFault = Literal["full", "locked", "corrupt", "read_only", "missing", "io", "away", "other"]
"""The stable words for why the database cannot be used; `doctor`, the health file and the pages say `storage_full` and so on."""
BROKEN: frozenset[StoreFault] = frozenset({"full", "corrupt", "read_only", "missing", "io"})
"""Those after which a connection is not used again: what it believes of the file may be wrong."""

Scope = Literal["message", "recipient", "relay"]
"""Whom a failed delivery concerns: this message, its address, or all that goes the same way."""
Fault = Literal["hard", "soft", ""]
"""What a mail server's no says of an address: there is no such mailbox; it takes nothing just now; nothing."""


def _columns(char: str) -> int:
    """How wide a terminal shows a character: 2 for wide ones (UAX #11), 0 for combining ones."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class AggregatorError(Exception):
    """Base of every error we raise on purpose; `str()` is one line for a person."""

    exit_code = 1


class UsageError(AggregatorError):
    """A command was given something it cannot take."""

    exit_code = 2


class QueryError(UsageError):
    """A query that does not parse or may not run.

    Attributes:
        query: the text as given.
        pos: 0-based character of the fault.
        message: what is wrong.
        hint: what to write instead, or "".
    """

    def __init__(self, query: str, pos: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.query = query
        self.pos = pos
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """One line: position, message and hint."""
        tail = f" ({self.hint})" if self.hint else ""
        return f"character {self.pos + 1}: {self.message}{tail}"

    def caret(self) -> str:
        """The query with a caret under the fault, two lines."""
        # Whatever breaks a line, turns it round or cannot be printed is a blank.
        shown = "".join(c if c.isprintable() else " " for c in self.query)
        columns = sum(_columns(c) for c in shown[: self.pos])
        return f"{shown}\n{' ' * columns}^"


class ConfigError(AggregatorError):
    """The configuration is invalid; every problem is one `file:line: message`."""

    exit_code = 3

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else problems
        super().__init__("\n".join(self.problems))


class InstanceError(AggregatorError):
    """Another instance already runs on this home."""

    exit_code = 4


class StoreError(AggregatorError):
    """The database, or the disk it is on, cannot be read or written.

    Attributes:
        fault: what is wrong with it, as a stable word.
    """

    exit_code = 5

    def __init__(self, message: str, fault: StoreFault = "other") -> None:
        super().__init__(message)
        self.fault: StoreFault = fault

    @property
    def state(self) -> str:
        """The word that health and `doctor` use: `storage_full`."""
        return f"storage_{self.fault}"


class WorkError(AggregatorError):
    """A piece of work failed.

    Attributes:
        error_class: one of the stable words.
        subject: the feed URL, entry key or message it concerns.
        scope: of a delivery, whom it concerns; after "relay" the next message would fare no better, and this one is kept.
        code: the number of the other side's answer, 0 when there was none.
        status: what stood behind a mail server's number (RFC 3463), `5.1.1`, or "".
        fault: what that no says of the address.
        retry_after: how long the other side asked us to wait.
    """

    scope: Scope = "message"
    code: int = 0
    status: str = ""
    fault: Fault = ""
    retry_after: timedelta | None = None

    def __init__(self, error_class: FetchErrorClass, message: str, subject: str = "") -> None:
        super().__init__(message)
        self.error_class: FetchErrorClass = error_class
        self.message = message
        self.subject = subject

    def __reduce__(self) -> tuple[type[WorkError], tuple[str, str, str]]:
        """Survive the way back from a worker process."""
        return (type(self), (self.error_class, self.message, self.subject))


class Retry(WorkError):  # noqa: N818 - the name is the verb for the caller
    """Try again later: the fault may pass by itself."""


class GiveUp(WorkError):  # noqa: N818 - the name is the verb for the caller
    """Stop trying: the other side said no for good."""


class Quarantine(WorkError):  # noqa: N818 - the name is the verb for the caller
    """Keep it for a person: trying again would fail the same way."""
