"""`aggregator render`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import output
from aggregator.cli.context import DAYS, Context, pass_context, talk
from aggregator.errors import AggregatorError, UsageError

if TYPE_CHECKING:
    from aggregator.delivery.folder import Folder
    from aggregator.settings import Home
    from aggregator.web.export import Export

SHOWN = 28


@click.command("render")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files; made if needed.",
)
@click.option("--days", default=SHOWN, type=DAYS, show_default=True, help="Single days that get a page.")
@pass_context
def command(context: Context, out: Path, days: int) -> None:
    """Write the reading pages as plain files, for any web server or to be opened from the disk.

    What visitors may read, without forms; what only a server can do leads to web.public_url, where that is set. A second run
    writes what has changed and removes what is gone; files that it did not write stay as they are.

    \b
    Examples:
      aggregator render --out site
      aggregator render --out /srv/www/news --days 90
    """
    from aggregator.delivery.folder import Folder
    from aggregator.web.export import Export

    with context.app(reads=True) as app:
        if app.configuration.settings.web.visitors == "closed":
            talk("web.visitors is closed, and whoever gets these files reads them")
        _apart(out, app.configuration.home)
        export = Export(app, days)
        try:
            with Folder(out) as folder:
                pages = _put(folder, export)
                report = folder.finish()
        except OSError as e:
            raise AggregatorError(f"{e.filename or out}: {e.strerror}; name another folder with --out") from e
    click.echo(
        f"{output.many(pages, 'page')} in {out}: {output.many(report.written, 'file')} written, "
        f"{report.same:,} as they were, {report.removed:,} removed"
    )
    if export.failed:
        raise AggregatorError(
            f"{output.many(len(export.failed), 'page')} could not be made, such as {export.failed[0]}"
        )


def _apart(out: Path, home: Home) -> None:
    """Nothing that is given away may lie beside what is not. Raises UsageError."""
    folder = out.resolve()
    kept = [one.resolve() for one in (home.var, home.mail, home.pages)]
    around = any(one.resolve().is_relative_to(folder) for one in (home.path, home.db))
    if around or any(map(folder.is_relative_to, kept)):
        raise UsageError(f"{out} holds the database, mail or settings, which nobody may read; name another folder")


def _put(folder: Folder, export: Export) -> int:
    """Every file into the folder; how many are pages."""
    pages: set[str] = set()
    shown = sys.stderr.isatty()
    for made in export.files():
        folder.put(made.file, made.body)
        pages |= {made.file} if made.file.endswith(".html") else set()
        if shown:
            click.echo(f"\r{len(pages):,} pages", nl=False, err=True)
    if shown:
        click.echo("\r", nl=False, err=True)
    return len(pages)
