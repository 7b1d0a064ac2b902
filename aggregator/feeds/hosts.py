"""Whose word a hold is: a server that asks to be left alone speaks for its URL first, and for its host when it says so twice."""

from __future__ import annotations

from aggregator import urls
from aggregator.model import FetchFailure, FetchResponse, PollState

OVERLOADED = frozenset({429, 503})


def held_by(answer: FetchResponse | FetchFailure, poll: PollState) -> str:
    """The host that asked to wait with 429 or 503 and Retry-After (polling-and-identity.md P16); "" for any other hold.

    After redirects it is the host where the chain ended. 410 and other refusals concern their URL alone.
    """
    if not isinstance(answer, FetchResponse) or answer.status not in OVERLOADED or poll.held_until is None:
        return ""
    return urls.host_key(answer.url)
