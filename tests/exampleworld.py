"""The world of the examples, on loopback: what the addresses that the papers name have to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.conformance.feedserver import Call, FeedServer

ITEMS = (
    ("CSTO leaders meet in Minsk", "The leaders of six countries speak of their common budget."),
    ("Harbour of Riga opens a new terminal", "Ships of any size can now be loaded."),
    ("Саммит ОДКБ пройдёт в Минске", "Главы государств обсудят бюджет организации."),
)


def rss(call: Call) -> None:
    """A small newspaper, printed an hour ago."""
    at = datetime.now(UTC) - timedelta(hours=1)  # noqa: TID251 - the publisher's own clock
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><title>{title}</title><link>https://example.org/news/{n}</link>"
        f"<pubDate>{format_datetime(at, usegmt=True)}</pubDate><description>{text}</description></item>"
        for n, (title, text) in enumerate(ITEMS, 1)
    )
    body = f"<rss version='2.0'><channel><title>The Example</title>{items}</channel></rss>"
    call.respond(200, body.encode(), [("Content-Type", "application/rss+xml; charset=utf-8"), ("ETag", '"1"')])


def serve(server: FeedServer) -> dict[str, str]:
    """Put it there: the world's addresses and ours."""
    return {"https://example.org/rss": server.add("/rss", rss), "example-org": "127-0-0-1"}
