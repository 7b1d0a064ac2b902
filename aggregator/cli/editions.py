"""`aggregator editions`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import LIMIT, ROW, Context, json_option, pass_context
from aggregator.cli.digest import Format, formatted, put
from aggregator.errors import UsageError


@click.command("editions")
@click.argument("edition_id", metavar="[EDITION]", required=False, type=ROW)
@click.option("--digest", "digest_id", default="", metavar="ID", help="Only of this digest.")
@click.option("--limit", default=50, type=LIMIT, show_default=True, help="Editions at most.")
@click.option("--format", "form", type=Format, default="text", help="Of one EDITION; eml: as a mail to ourselves.")
@json_option
@pass_context
def command(context: Context, *, edition_id: int | None, digest_id: str, limit: int, form: str, as_json: bool) -> None:
    """Past editions, newest first; or one of them, as sent.

    \b
    Examples:
      aggregator editions --digest morning
      aggregator editions 12 --format eml
    """
    with context.app(reads=True) as app:
        if edition_id is not None:
            found = app.stores.editions.edition(edition_id)
            if found is None:
                raise UsageError(f"no edition {edition_id}; `aggregator editions` lists them")
            put(formatted(app, found.rendered, form), None)
            return
        editions = app.stores.editions.editions(digest_id, limit, whole=False)
    if as_json:
        for edition in editions:
            output.line(output.edition(edition))
        return
    rows = [["edition", "digest", "key", "stories", "subject"]]
    rows += [[str(e.id), e.digest_id, e.key, str(e.stories), e.subject] for e in editions]
    output.table(rows, limits=[8, 24, 24, 7, 80])
