"""`aggregator backup`."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import click

from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import AggregatorError


@click.command("backup")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: var/backups/aggregator-<time>.tar.gz"
)
@pass_context
def command(context: Context, out: Path | None) -> None:
    """Back up the database and the secret while everything goes on; the copy is verified before it gets its name.

    Example: aggregator backup --out /backups/aggregator.tar.gz
    """
    with context.app(sync=False) as app:
        home = app.configuration.home
        name = f"aggregator-{app.clock.now():%Y%m%d-%H%M%S}.tar.gz"
        target = out or home.var / "backups" / name
        _ = app.secret
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
                copy = Path(folder) / "aggregator.db"
                app.stores.upkeep.backup(copy)
                part = Path(folder) / "part"
                with tarfile.open(part, "w:gz") as tar:
                    tar.add(copy, "aggregator.db")
                    tar.add(home.secret, "secret")
                part.chmod(0o600)
                part.replace(target)
        except OSError as e:
            raise AggregatorError(f"{target}: {e.strerror}; name another file with --out") from e
    click.echo(target)
    talk(f"{target.stat().st_size:,} bytes, verified; `aggregator restore {target}` puts it in place")
