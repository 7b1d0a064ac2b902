"""`aggregator web`."""

from __future__ import annotations

import click

from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import ConfigError


@click.command("web")
@click.option("--host", default=None, help="Address to listen on (default: web.host).")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="Port; 0 takes a free one (default: web.port)."
)
@pass_context
def command(context: Context, host: str | None, port: int | None) -> None:
    """Serve the web pages alone, without polling.

    It reads the configuration once: start it again when a file was changed, such as to close the pages. `run` does so by itself.

    Example: aggregator web --port 9000
    """
    from aggregator.web.server import WebThread

    with context.app() as app:
        web = app.configuration.settings.web
        address, number = host or web.host, web.port if port is None else port
        try:
            thread = WebThread(app, address, number)
        except OSError as e:
            raise ConfigError(f"{address}:{number}: {e.strerror}; name another with --port or web.port") from e
        try:
            thread.start()
            talk(f"pages on {thread.url}; Ctrl-C ends")
            thread.wait()
        finally:
            thread.stop()
