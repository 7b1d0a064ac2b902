"""Chat and push services through Apprise (the extra [notify]): a note of a few lines, one URL a channel.

The library is loaded at the first delivery: it takes a second and 45 MB. It brings an HTTP client of its own, which our guard
does not watch: so only the operator names URLs, only of services on a list (`channel.SCHEMES`), and redirects are not
followed. A URL carries its secrets, so nothing that the library says or raises is repeated.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from aggregator.channel import scheme
from aggregator.errors import Quarantine, Retry

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT = 30.0
"""Seconds for one delivery, as long as the service's own timeouts allow."""


class NotifyTransport:
    """Implements ports.Transport on one Apprise URL; it is its own session."""

    def __init__(self, channel_id: str, url: str, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._apprise: Apprise | None = None
        self.name = f"channel {channel_id} ({scheme(url)})"
        self.form: Literal["note"] = "note"

    def open(self) -> NotifyTransport:
        """Load the library and let it read the URL. Raises Retry when it cannot: both are the operator's to mend."""
        if self._apprise is None:
            self._apprise = self._loaded()
        return self

    def prepare(self, address: str, sender: str = "") -> None:
        """The channel is the address, and nothing comes back."""

    def deliver(self, body: bytes, message_id: str) -> str:
        """Send the note, its first line as the title. Raises Retry when the service did not take it, Quarantine when that is unknown."""
        title, _, text = body.decode("utf-8").partition("\n")
        if self._apprise is None:
            raise Retry("internal", f"{self.name} is not open", message_id)
        title, text = (title, text.strip()) if text.strip() else ("", title)
        try:
            result = self._apprise.notify(body=text, title=title, timeout=self._timeout)
        except Exception as error:  # noqa: BLE001 - one service's surprise must not stop the line, nor show its URL
            what = f"{self.name} may have taken it: Apprise failed ({type(error).__name__})"
            raise Quarantine("internal", what, message_id) from None
        status = result.status.name
        if status == "SUCCESS":
            return "taken"
        if status == "TIMEOUT":
            raise Quarantine("timeout", f"{self.name} may have taken it: no answer in time", message_id)
        raise Retry("bad_http", f"{self.name} did not take it ({status.lower()})", message_id)

    def close(self) -> None:
        """Nothing is held."""

    def _loaded(self) -> Apprise:
        try:
            from apprise import Apprise, AppriseAsset, PersistentStoreMode
        except ImportError as error:
            raise Retry("internal", f"{self.name} needs the extra: pip install 'aggregator[notify]'") from error
        # Both write addresses into their logs, and with them tokens and topics.
        for name in ("apprise", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        asset = AppriseAsset(
            app_id="aggregator", app_desc="", app_url="", secure_logging=True, storage_mode=PersistentStoreMode.MEMORY
        )
        asset.http_redirects = False
        found = Apprise(asset=asset)
        if not found.add(self._url) or len(found) != 1:
            raise Retry("bad_scheme", f"{self.name}: Apprise does not understand the URL; see its page of the service")
        return found
