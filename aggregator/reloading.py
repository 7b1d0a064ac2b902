"""How the files of a home are taken over while the daemon runs: noticed when saved, refused when broken, never half of one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aggregator import journal, known, settings
from aggregator.app import App
from aggregator.errors import AggregatorError, ConfigError
from aggregator.health import LineHealth

log = logging.getLogger("aggregator")

Stamps = tuple[tuple[Path, int, int], ...]
"""Of each file: when it was changed, in nanoseconds, and its bytes; zeros for one that is not there."""


class Reloading:
    """The files as they were taken over last. Used by one thread; `told` is called when `health` is another one."""

    def __init__(self, app: App, environ: Mapping[str, str], told: Callable[[], None]) -> None:
        self._app = app
        self._environ = environ
        self._told = told
        self._files = self._seen = self._stamps()
        self._held: set[Path] = set()
        self.health = LineHealth()

    def saved(self) -> bool:
        """Whether a file was changed, and nobody is still writing: it looks as it did at the last look."""
        before, self._seen = self._seen, self._stamps()
        return before == self._seen != self._files

    def take_over(self) -> bool:
        """Take over the files as they are now; whether that is to be tried again, for somebody was saving meanwhile.

        Bad ones keep the old configuration, and the log, `doctor` and the pages say so.
        """
        known_files, self._files = self._files, self._stamps()
        before = self._app.configuration.settings
        try:
            self._refuse_emptied(known_files)
            configuration = settings.load(self._app.configuration.home.path, self._environ)
            if self._stamps() != self._files:  # what was read may be half of it
                return True
            if failing := known.failing(configuration.known_items, configuration.aliases):
                raise ConfigError(failing)  # noqa: TRY301 - told as the other problems of files are
            report = self._app.reconfigure(configuration)
        except AggregatorError as e:
            self._refused(e.problems if isinstance(e, ConfigError) else [str(e)])
            return False
        except Exception as e:  # whatever a file brings about, it must not end the daemon
            log.exception("reading the configuration")
            self._refused([f"{type(e).__name__}: {e}"])
            return False
        self.health = LineHealth(last_ok_at=self._app.clock.now().isoformat())
        self._told()
        log.info("configuration taken over: %s", journal.summary(configuration))
        journal.sync(report)
        late = journal.needs_restart(before, configuration.settings)
        if late:
            log.warning("changes of %s take effect at the next start", ", ".join(late))
        return False

    def _stamps(self) -> Stamps:
        """What the configuration files look like from outside; a change is taken over without a signal."""
        home, secrets = self._app.configuration.home, self._app.configuration.secrets
        stamps = []
        for path in (home.feeds_file, home.settings_file, home.watchlists_file, home.digests_file, *secrets):
            try:
                stat = path.stat()
                stamps.append((path, stat.st_mtime_ns, stat.st_size))
            except OSError:
                stamps.append((path, 0, 0))
        return tuple(stamps)

    def _refused(self, problems: Sequence[str]) -> None:
        self.health = replace(self.health, failures=self.health.failures + 1, error="; ".join(problems))
        self._told()
        for problem in problems:
            log.error("%s", problem)
        log.error("configuration not taken over, the old one stays in force")

    def _refuse_emptied(self, known_files: Stamps) -> None:
        """A file that held something and is empty or gone is half saved, or its disk was full. Raises ConfigError."""
        sizes = {path: size for path, _, size in known_files if size}
        self._held |= sizes.keys()
        gone = [path for path, _, size in self._files if not size and path in self._held]
        if gone:
            raise ConfigError([f"{path}:1: it was not empty before; write `{{}}` if that is meant" for path in gone])
