"""`aggregator admin ...`: who may do what on the pages and the programming interface."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import click

from aggregator.cli import output
from aggregator.cli.context import ROW, Context, Group, json_option, pass_context, talk
from aggregator.errors import ConfigError, UsageError
from aggregator.reading import LINK, Credential, Scope

if TYPE_CHECKING:
    from aggregator.settings import Settings

PREFIX = "agg_"
"""By which a token is known for what it is, wherever it turns up."""


@click.group("admin", cls=Group)
def command() -> None:
    """Who may do what: links that sign in to the pages, sessions, tokens of the API. Only hashes of them are stored."""


@command.command("link")
@click.option("--next", "page", default="", metavar="NAME", help="Page to go on to, such as outbox (default: today).")
@json_option
@pass_context
def link(context: Context, page: str, as_json: bool) -> None:
    """Print an address that signs a browser in as the operator: once, within 15 minutes, for twelve hours.

    It starts with web.public_url, or else with web.host and web.port.

    Example: aggregator admin link --next outbox
    """
    from aggregator.digests import messages
    from aggregator.web import links

    if page and not links.is_page(page):
        raise UsageError(f"no page {page!r} to go on to; there are: {', '.join(filter(links.is_page, links.PATHS))}")
    with context.app(sync=False) as app:
        base = _base(app.configuration.settings)
        token, now = messages.new_token(), app.clock.now()
        app.stores.credentials.issue("link", token, "command line", now, expires_at=now + LINK)
    url = f"{base}/sign-in/{token}{'?next=' + page if page else ''}"
    if as_json:
        output.line({"url": url, "expires_at": output.when(now + LINK)})
        return
    click.echo(url)
    talk(f"open it before {output.short(now + LINK)} UTC and press the button; it works once")


def _base(settings: Settings) -> str:
    """Where the pages are reached. Raises ConfigError where that is not known."""
    web = settings.web
    if web.public_url:
        return web.public_url
    if not web.port:
        raise ConfigError("web.port: 0 takes a free port, so nobody knows the address; set web.public_url or web.port")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 - where it listens, not where we do
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port}"


# -- sessions --------------------------------------------------------------------------------------------------------


@command.group("sessions", cls=Group)
def sessions() -> None:
    """Browsers that are signed in."""


@sessions.command("list")
@json_option
@pass_context
def list_sessions(context: Context, as_json: bool) -> None:
    """Every session: its number, the network it was begun from, until when.

    Example: aggregator admin sessions list
    """
    with context.app(sync=False) as app:
        found = app.stores.credentials.list(app.clock.now(), "session")
    rows = [["session", "from", "since", "until"]]
    for one in found:
        if as_json:
            output.line(_shown(one, "id", "name", "created_at", "expires_at"))
        rows.append([str(one.id), one.name or "-", output.short(one.created_at), output.short(one.expires_at)])
    if not as_json:
        output.table(rows, limits=[9, 44, 16, 16])


@sessions.command("end")
@click.argument("session_id", metavar="[SESSION]", type=ROW, required=False)
@click.option("--all", "everything", is_flag=True, help="End every session, and links that are not used yet.")
@pass_context
def end_sessions(context: Context, session_id: int | None, everything: bool) -> None:
    """End a session: its browser is a visitor's again, at once.

    Example: aggregator admin sessions end --all
    """
    if everything == (session_id is not None):
        raise UsageError("name one session, or say --all; `aggregator admin sessions list` names them")
    with context.app(sync=False) as app:
        now, credentials = app.clock.now(), app.stores.credentials
        every = [*credentials.list(now, "session"), *(credentials.list(now, "link") if everything else ())]
        ended = [one for one in every if (everything or one.id == session_id) and credentials.end(one.id, now)]
    if not (ended or everything):
        raise UsageError(f"there is no session {session_id}; `aggregator admin sessions list` names them")
    talk(f"{output.many(sum(one.right == 'session' for one in ended), 'session')} ended")


# -- tokens of the API -----------------------------------------------------------------------------------------------


@command.group("token", cls=Group)
def tokens() -> None:
    """Tokens for programs that use the API."""


@tokens.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(get_args(Scope)),
    multiple=True,
    required=True,
    help="What it may do: read what the pages show, operate the outbox and feeds, or health alone; several times.",
)
@click.option("--expires", default="", metavar="TIME", help="How long it works, such as 90d (default: until revoked).")
@json_option
@pass_context
def add_token(context: Context, name: str, scopes: tuple[Scope, ...], expires: str, as_json: bool) -> None:
    """Print a new token, this once; a program sends it as `Authorization: Bearer TOKEN`.

    Example: aggregator admin token add dashboard --scope read --expires 90d
    """
    from aggregator.digests import messages

    if not name.strip() or len(name) > 80 or not name.isprintable():
        raise UsageError("a token's name says whose it is: one line, 80 characters at most")
    span = _span(expires)
    with context.app(sync=False) as app:
        now, token = app.clock.now(), PREFIX + messages.new_token()
        until = _later(now, span)
        wanted = [scope for scope in get_args(Scope) if scope in scopes]
        number = app.stores.credentials.issue("api", token, name, now, scopes=wanted, expires_at=until)
    if as_json:
        output.line({"id": number, "token": token, "name": name, "scopes": wanted, "expires_at": output.when(until)})
        return
    click.echo(token)
    talk(f"token {number}, for {', '.join(wanted)}, until {output.short(until) + ' UTC' if until else 'it is revoked'}")
    talk("it is shown this once: only its hash is stored")


def _span(text: str) -> timedelta | None:
    """`90d`; None for nothing. Raises UsageError."""
    from aggregator.settings import fields

    try:
        span = fields.duration(text) if text else None
    except (ValueError, OverflowError) as e:
        raise UsageError(f"--expires: {e}") from None
    if span is not None and not span:
        raise UsageError("--expires: must be longer than zero")
    return span


def _later(now: datetime, span: timedelta | None) -> datetime | None:
    try:
        return None if span is None else now + span
    except OverflowError:
        raise UsageError("--expires: beyond the calendar; leave it out") from None


@tokens.command("list")
@json_option
@pass_context
def list_tokens(context: Context, as_json: bool) -> None:
    """Every token: its number, name and scopes, until when, and when it was last used.

    Example: aggregator admin token list
    """
    with context.app(sync=False) as app:
        found = app.stores.credentials.list(app.clock.now(), "api")
    rows = [["token", "name", "for", "since", "until", "last used"]]
    for one in found:
        if as_json:
            output.line(_shown(one, "id", "name", "scopes", "created_at", "expires_at", "used_at"))
        times = map(output.short, (one.created_at, one.expires_at, one.used_at))
        rows.append([str(one.id), one.name, ", ".join(one.scopes), *times])
    if not as_json:
        output.table(rows, limits=[9, 40, 24, 16, 16, 16])


@tokens.command("revoke")
@click.argument("token_id", metavar="TOKEN", type=ROW)
@pass_context
def revoke_token(context: Context, token_id: int) -> None:
    """Take a token back, by its number; whoever sends it is refused from then on.

    Example: aggregator admin token revoke 3
    """
    with context.app(sync=False) as app:
        now, credentials = app.clock.now(), app.stores.credentials
        known = {one.id for one in credentials.list(now, "api")}
        if token_id not in known or not credentials.end(token_id, now):
            raise UsageError(f"there is no token {token_id}; `aggregator admin token list` names them")
    talk(f"token {token_id} revoked")


def _shown(one: Credential, *names: str) -> dict[str, Any]:
    """Some of a credential's fields as JSON."""
    values = {name: getattr(one, name) for name in names}
    return {
        n: output.when(v) if isinstance(v, datetime) else list(v) if isinstance(v, tuple) else v
        for n, v in values.items()
    }
