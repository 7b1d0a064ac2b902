"""What DNS and the settings must hold for mail to arrive, in words: values in, lines out; nothing is looked up."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from aggregator.errors import Quarantine, WorkError
from aggregator.model import Problem

SIGNED = "from:to:subject:date:message-id:list-id:list-unsubscribe:list-unsubscribe-post:auto-submitted"
"""What the signature must cover; RFC 8058 §4 asks for the two of unsubscribing."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends mail, and how, as the settings say."""

    from_address: str
    bounces: str
    host: str
    port: int
    security: str
    public_url: str
    wants_tags: bool
    tagged: bool

    @property
    def domain(self) -> str:
        """The domain that readers see."""
        return self.from_address.rpartition("@")[2]

    @property
    def bounce_domain(self) -> str:
        """The domain of the return path."""
        return self.bounces.rpartition("@")[2]

    @property
    def is_near(self) -> bool:
        """Whether the relay is on this machine."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def relay(self) -> str:
        """The name of the relay as the world knows it."""
        return "RELAY" if self.is_near or not self.host else self.host


@dataclass(frozen=True, slots=True)
class Record:
    """Something that DNS must hold: what for, the record, and how to look."""

    what: str
    record: str
    why: str
    look: str


def records(sender: Sender) -> Iterator[Record]:
    """Every record, exact but for what only the relay's keeper knows: its name (RELAY), addresses and keys."""
    domain, back = sender.domain, sender.bounce_domain
    yield Record(
        "SPF",
        f'{back}. IN TXT "v=spf1 a:{sender.relay} -all"',
        "who may send for the return path's domain; a provider names an `include:` to write instead of `a:`",
        f"dig +short TXT {back}",
    )
    yield Record(
        "DKIM",
        f'SELECTOR._domainkey.{domain}. IN TXT "v=DKIM1; k=rsa; p=KEY"',
        f"the relay signs as d={domain}, with h={SIGNED}; it names selector and key",
        f"dig +short TXT SELECTOR._domainkey.{domain}",
    )
    yield Record(
        "DMARC",
        f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"',
        "what becomes of mail that only claims to be yours; p=quarantine once the reports are clean",
        f"dig +short TXT _dmarc.{domain}",
    )
    yield Record(
        "MX",
        f"{back}. IN MX 10 {sender.relay}.",
        "where mail comes back to; it goes into `aggregator bounce`",
        f"dig +short MX {back}",
    )
    yield Record(
        "PTR",
        f"ADDRESS IN PTR {sender.relay}.",
        f"every address that {sender.relay} sends from leads to a name, and that name back to the address",
        "dig +short -x ADDRESS",
    )


def problems(sender: Sender) -> Iterator[Problem]:
    """What in the settings keeps mail from arriving, or from being stopped."""
    if "." not in sender.domain:
        yield Problem(
            f"mail.from_address is {sender.from_address}: no server takes mail from there",
            "set it to an address of a domain that is yours",
            "error",
        )
    if not sender.host:
        yield Problem("mail.host is not set: mail is written to files", "name a mail server")
    elif sender.security == "none" and not sender.is_near:
        yield Problem(
            f"mail.security is none: mail and password go to {sender.host} unprotected", "set starttls or tls", "error"
        )
    if not sender.public_url.startswith("https:"):
        yield Problem(
            "web.public_url is not https: mail has no one-click unsubscribe, which Gmail and Yahoo ask for",
            "set it to where readers reach the pages",
        )
    if not _aligned(sender.domain, sender.bounce_domain):
        yield Problem(
            f"mail comes from {sender.domain} and goes back to {sender.bounce_domain}: SPF does not count for DMARC",
            "see that the relay's DKIM signature does, or set mail.return_path to an address there",
        )
    if not sender.tagged:
        yield Problem(
            "mail.verp is off: a report counts only where it returns the message's headers"
            if not sender.wants_tags
            else f"{sender.bounces} leaves no room for a tag: a report counts only where it returns the message's headers",
            "set mail.return_path to a short address"
            if sender.wants_tags
            else "turn it on where the server knows name+tag",
        )


def _aligned(one: str, other: str) -> bool:
    """Whether two domains belong together as DMARC sees it by default (RFC 7489 §3.1), as far as names tell."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def advice(error: WorkError) -> str:
    """What to do when a mail could not be handed over."""
    if isinstance(error, Quarantine):
        return "look into the mailbox: it may have arrived; a server that needs longer needs a longer patience"
    if error.error_class in _ADVICE:
        return _ADVICE[error.error_class]
    if error.scope == "relay":
        return "the server takes nothing from us: `aggregator mail check` says what it may miss"
    if error.scope == "recipient":
        return "the address takes no mail: try another, and end its subscriptions"
    return "try again in some minutes" if 400 <= error.code <= 499 else "its words say what it does not like"


_ADVICE = {
    "dns": "correct mail.host",
    "connect": "correct mail.host and mail.port, or see that the server runs and lets this machine in",
    "timeout": "see that the server runs and a firewall lets this machine through to it",
    "tls": "correct mail.security, or have the server show a certificate for the name in mail.host",
    "auth": "correct mail.username and mail.password",
}
