"""Adapters made from the configuration: what the wiring puts behind the ports. Each imports its library when it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator import fallback, instance, settings
from aggregator.errors import ConfigError, StoreError
from aggregator.ports import Archive, Clock, Renderer, Transport
from aggregator.settings import Configuration
from aggregator.stores import Stores

if TYPE_CHECKING:
    from aggregator.fetch import Client
    from aggregator.store.sqlite import SqliteStores

OWN_SECONDS = 8.0


def stores(configuration: Configuration, secret: bytes, now: datetime, *, reading: bool = False) -> Stores:
    """The database, migrated and `recover`ed; with `reading` as it is, where it cannot be written."""
    server = configuration.home.server
    made = _on_server(configuration, secret) if server else in_file(configuration, secret, reading=reading)
    if not reading:
        recover(made, now)
    return made


def _on_server(configuration: Configuration, secret: bytes) -> Stores:
    try:
        from aggregator.store.postgres import PostgresStores
    except ImportError as e:
        raise ConfigError(
            f"storage.url names PostgreSQL, and {e.name or 'its library'} is not installed; "
            "pip install 'aggregator[postgres]'"
        ) from None
    return PostgresStores(
        configuration.home.server,
        secret=secret,
        kept_in=str(configuration.home.secret),
        initial=configuration.initial,
        sent=configuration.home.sent,
        connections=configuration.settings.storage.connections,
    )


def in_file(
    configuration: Configuration, secret: bytes, *, reading: bool = False, moving: bool = False
) -> SqliteStores:
    """The database file, migrated; with `moving` also where its data is elsewhere. Raises StoreError."""
    from aggregator.store.sqlite import SqliteStores

    return SqliteStores(
        configuration.home.db,
        secret=secret,
        initial=configuration.initial,
        synchronous=configuration.settings.storage.durability.upper(),
        reading=reading,
        spare=lambda: fallback.newest(configuration.home.path / configuration.settings.backup.directory),
        backups=configuration.home.db.parent / "backups",
        sent=configuration.home.sent,
        moving=moving,
    )


def stores_to_read(configuration: Configuration, secret: Callable[[], bytes], now: datetime) -> Stores:
    """The database for those who only read it: where nothing can be written, as it was last written."""
    try:
        settings.prepare(configuration.home)
        return stores(configuration, secret(), now)
    except (ConfigError, StoreError) as e:
        if (
            configuration.home.server
            or (isinstance(e, StoreError) and e.fault not in ("read_only", "full"))
            or not settings.is_file(configuration.home.db)
        ):
            raise
    return stores(configuration, b"", now, reading=True)


def recover(stores: Stores, now: datetime) -> None:
    """Free the claims of dead processes, and let nothing wait for a moment that a wrong clock gave."""
    for name in stores.feeds.owners():
        if instance.is_gone(name):
            stores.feeds.release(name, fallen=True)
    stores.moments.set_right(now)


def fetcher(configuration: Configuration, clock: Clock, turn: threading.Lock) -> Client:
    """The only HTTP client; it computes while it holds `turn`."""
    from aggregator.fetch import Client, FetchLimits

    network, limits = configuration.settings.network, configuration.settings.limits
    return Client(
        FetchLimits(
            total_timeout=network.total_timeout.total_seconds(),
            connect_timeout=network.connect_timeout.total_seconds(),
            max_body=limits.body,
            max_headers=limits.headers,
            max_redirects=limits.redirects,
            host_connections=network.host_connections,
            host_spacing=network.host_spacing.total_seconds(),
            concurrency=network.concurrency,
            allow_private=tuple(network.allow_private),
            proxy=network.proxy,
            contact=network.user_agent_contact,
        ),
        clock,
        turn=turn,
    )


def own_url(configuration: Configuration, path: str) -> str:
    """An address of our own pages, as they are reached from this machine."""
    web = configuration.settings.web
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 - what others listen on
    return f"http://{'[' + host + ']' if ':' in host else host}:{web.port}/{path}"


def own_client(clock: Clock) -> Client:
    """A client for our own pages, wherever the operator has put them; it asks no proxy, and does not wait for long."""
    from aggregator.fetch import Client, FetchLimits

    everywhere = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    limits = FetchLimits(
        total_timeout=OWN_SECONDS,
        connect_timeout=OWN_SECONDS,
        max_redirects=0,
        host_spacing=0.0,
        allow_private=everywhere,
    )
    return Client(limits, clock)


def renderer(configuration: Configuration, seal: Callable[[str, str], str]) -> Renderer:
    """Editions to bytes; `seal` opens an edition's page where the pages are closed."""
    from aggregator.render import Renderer as Jinja
    from aggregator.render import RenderOptions

    mail = configuration.settings.mail
    return Jinja(
        RenderOptions(
            from_address=mail.from_address,
            from_name=mail.from_name,
            domain=mail.message_domain,
            public_url=configuration.settings.web.public_url,
            templates_dir=_templates(configuration),
            version=version("aggregator"),
            owner=mail.owner,
            feedback_id=mail.feedback_id,
            postal=mail.footer,
            contact=configuration.settings.signup.contact or mail.from_address,
            seal=seal if configuration.settings.web.visitors == "closed" else None,
        )
    )


def transport(configuration: Configuration) -> Transport:
    """SMTP where a server is named, else files."""
    mail = configuration.settings.mail
    if not mail.host:
        from aggregator.delivery.directory import DirectoryTransport

        return DirectoryTransport(configuration.home.mail)
    from aggregator.delivery.smtp import SmtpTransport

    return SmtpTransport(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        username=mail.username,
        password=mail.password.get_secret_value(),
        from_address=mail.from_address,
        timeout=mail.timeout.total_seconds(),
    )


def archive(configuration: Configuration) -> Archive:
    """Editions as files; those that readers chose for themselves are in no public list."""
    from aggregator.delivery.pages import Pages
    from aggregator.readers import rhythm
    from aggregator.render.index import index_page

    return Pages(
        configuration.home.pages,
        lambda found: index_page([pair for pair in found if not rhythm.is_readers(pair[0].digest_id)]),
    )


def _templates(configuration: Configuration) -> Path | None:
    """The folder of own templates; None where none is named, or the usual one is not there."""
    mail = configuration.settings.mail
    path = configuration.home.path / mail.templates
    if not mail.templates or path.is_dir():
        return path if mail.templates else None
    if mail.templates == type(mail).model_fields["templates"].default:
        return None
    raise ConfigError(f"{path}: no such folder; make it or remove mail.templates from config/aggregator.yaml")
