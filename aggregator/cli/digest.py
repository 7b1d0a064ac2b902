"""`aggregator digest`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import AggregatorError, UsageError
from aggregator.publication import Digest, RenderedEdition

Format = click.Choice(["html", "text", "eml", "json"])
PREVIEW_TOKEN = "a" * 26


@click.command("digest")
@click.argument("digest_id", metavar="ID")
@click.option("--preview", is_flag=True, help="Show the next edition as it stands; nothing is stored or sent.")
@click.option("--send", is_flag=True, help="Hand its messages over at once.")
@click.option("--format", "form", type=Format, default="text", show_default=True, help="How to print it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of stdout.")
@pass_context
def command(context: Context, *, digest_id: str, preview: bool, send: bool, form: str, out: Path | None) -> int:
    """Compose an edition now, of all that waits since the last one; its messages wait for `send` or the daemon.

    Readers with a stricter threshold of prominence than the digest's get an edition of their own beside it; printed is the digest's.

    \b
    Examples:
      aggregator digest morning --preview --format html --out /tmp/morning.html
      aggregator digest morning --send
    """
    if preview and send:
        raise UsageError("--preview shows without sending; leave one of the two out")
    with context.app(reads=preview) as app:
        digest = _find(app, digest_id)
        if preview:
            rendered = app.compose.preview(digest)[1]
        else:
            made = app.compose.compose(digest, early=True)
            app.compose.publish()
            if not made:
                return _nothing(app, digest, send=send)
            rendered = made[0].edition.rendered
            for composed in made:
                stories = output.many(composed.edition.stories, "story", "stories")
                talk(f"edition {composed.edition.key}: {stories}, {output.many(composed.messages, 'message')}")
        put(formatted(app, rendered, form), out)
        return _send(app) if send else 0


def _find(app: App, digest_id: str) -> Digest:
    found = next((d for d in app.stores.editions.digests() if d.spec.id == digest_id), None)
    if found is None:
        known = ", ".join(d.id for d in app.configuration.digests) or "none yet"
        raise UsageError(f"no digest {digest_id!r}; there are: {known}")
    return found


def _nothing(app: App, digest: Digest, *, send: bool) -> int:
    talk(f"{digest.spec.id}: nothing new to tell since {digest.covered_until:%Y-%m-%d %H:%M} UTC")
    return _send(app) if send else 0


def _send(app: App) -> int:
    report = app.send.run(patient=False)
    talk(f"{report.sent} sent, {report.retry + report.unknown} wait, {report.dead} given up")
    if report.error:
        talk(report.error)
    return 1 if report.troubled else 0


def formatted(app: App, rendered: RenderedEdition, form: str) -> bytes:
    """An edition as html, text, eml or json; the mail is one to ourselves, its token ends nothing."""
    if form == "html":
        return rendered.page.encode()
    if form == "json":
        return rendered.data.encode() + b"\n"
    if form == "eml":
        mail = app.configuration.settings.mail
        message_id = f"<preview@{mail.message_domain}>"
        return app.renderer.message(rendered.mail, mail.from_address, PREVIEW_TOKEN, message_id)
    return rendered.text.encode()


def put(data: bytes, out: Path | None) -> None:
    """Write to a file, or to stdout for None."""
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        out.write_bytes(data)
    except OSError as e:
        raise AggregatorError(f"{out}: {e.strerror}; name another file with --out") from e
    talk(f"wrote {out}")
