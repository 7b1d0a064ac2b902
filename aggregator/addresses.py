"""What an address says of its owner: under which name its requests are counted, and whether a person reads it.

Two spellings of one mailbox are one here, for limits only: mail always goes to the address as it was written.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

_DOTLESS = frozenset(("gmail.com", "googlemail.com"))
"""Where dots before the @ mean nothing."""
_ROLES = frozenset(
    [
        "abuse",
        "admin",
        "administrator",
        "hostmaster",
        "mailer-daemon",
        "marketing",
        "noc",
        "no-reply",
        "noreply",
        "postmaster",
        "root",
        "sales",
        "security",
        "spam",
        "support",
        "usenet",
        "uucp",
        "webmaster",
        "www",
        "ftp",
        "news",
    ]
)
"""RFC 2142 and what is like it: nobody's own, and often the bait of those who bomb others with mail."""


def normal(address: str) -> str:
    """One name for the spellings of a mailbox: lower case, without `+tag`, and without dots where they mean nothing."""
    local, _, host = address.strip().lower().rpartition("@")
    local = local.partition("+")[0] or local
    if host in _DOTLESS:
        local, host = local.replace(".", ""), "gmail.com"
    return f"{local}@{host}"


def domain(address: str) -> str:
    """What stands behind the @, in lower case."""
    return address.strip().lower().rpartition("@")[2]


def is_role(address: str) -> bool:
    """Whether it names an office, not a person."""
    return normal(address).partition("@")[0] in _ROLES


def network(host: str) -> str:
    """The network around an IP address, coarse enough to name nobody: 203.0.113.0/24, 2001:db8:0:100::/56; "" for none."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network(f"{address}/{24 if address.version == 4 else 56}", strict=False))
