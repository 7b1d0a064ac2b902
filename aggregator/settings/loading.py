"""The whole configuration: four files and the environment in, one frozen value or every problem out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from aggregator.access import Access
from aggregator.channel import Channel
from aggregator.errors import ConfigError
from aggregator.model import FeedSpec, KnownItem, Watchlist
from aggregator.publication import DigestSpec
from aggregator.settings import channels, checks, environment, yamlfile
from aggregator.settings.environment import Overrides
from aggregator.settings.fields import password
from aggregator.settings.files import DigestsFile, FeedsFile, WatchlistsFile
from aggregator.settings.home import Home, is_folder
from aggregator.settings.models import MailSettings, Settings
from aggregator.settings.problems import Finding, dotted, findings, tell
from aggregator.settings.section import Section
from aggregator.settings.yamlfile import YamlFile

M = TypeVar("M", bound=Section)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything the operator says, checked; feeds, watchlists and digests in the order of their files.

    Attributes:
        known_items: example texts of the watchlists; whether they hold is for `aggregator.known` to say.
        access: by feed id, how those feeds are asked that want a password, a header or a proxy; kept in no database.
        homepages: by feed id, the publisher's page where the file names it.
        secrets: the files that passwords were read from.
        muted: the watchlists whose bursts and silences nobody wants to hear of.
        kept: by feed id, how long those feeds' entries are kept that say so themselves; None for ever.
        channels: by id, the places other than mailboxes; their secrets are kept in no database.
    """

    home: Home
    settings: Settings
    feeds: tuple[FeedSpec, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watchlists: tuple[Watchlist, ...] = ()
    digests: tuple[DigestSpec, ...] = ()
    known_items: tuple[KnownItem, ...] = ()
    access: Mapping[str, Access] = field(default_factory=dict)
    homepages: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Path, ...] = ()
    channels: Mapping[str, Channel] = field(default_factory=dict)
    muted: frozenset[str] = frozenset()
    kept: Mapping[str, timedelta | None] = field(default_factory=dict)

    @property
    def initial(self) -> timedelta:
        """How far back a new feed or watchlist looks (`polling.initial`)."""
        return self.settings.polling.initial


def load(home: Path, environ: Mapping[str, str], replaced: Mapping[Path, bytes] | None = None) -> Configuration:
    """Read the configuration of a home folder. Raises ConfigError with every problem of every file.

    `replaced` gives files other contents than they have: what would be if they were written.
    """
    if not is_folder(home):
        raise ConfigError(f"{home}: there is no such folder; `aggregator --home {home} init` makes it")
    return _Loading(Home.at(home), environ, replaced or {}).configuration()


class _Loading:
    """One reading of all files, and the problems met on the way."""

    def __init__(self, home: Home, environ: Mapping[str, str], replaced: Mapping[Path, bytes]) -> None:
        self._home = home
        self._environ = environ
        self._replaced = replaced
        self._problems: list[str] = []

    def configuration(self) -> Configuration:
        """Everything, or ConfigError."""
        settings = self._settings()
        feeds_file = self._read(self._home.feeds_file)
        feeds = self._model(feeds_file, FeedsFile, checks.feeds(feeds_file) if feeds_file else [])
        passwords = self._passwords(feeds_file, feeds)
        lists_file = self._read(self._home.watchlists_file)
        lists = self._model(lists_file, WatchlistsFile, checks.watchlists(lists_file) if lists_file else [])
        known = checks.names(lists_file.data, "watchlists") if lists_file else None
        digests_file = self._read(self._home.digests_file)
        digests = self._model(digests_file, DigestsFile, checks.digests(digests_file, known) if digests_file else [])
        told = self._channels(digests_file, digests)
        if self._problems or not (settings and feeds and lists and digests):
            raise ConfigError(self._problems)
        home = Home.at(self._home.path, settings.storage.url, settings.mail.directory)
        specs = feeds.specs()
        access = {
            spec.id: item.access(passwords.get(at, ""))
            for at, (spec, item) in enumerate(zip(specs, feeds.feeds, strict=True))
        }
        return Configuration(
            home,
            settings,
            specs,
            lists.aliases,
            lists.specs(),
            tuple(_copied(spec, settings.operator.canary) for spec in digests.specs()),
            lists.known_items(lists_file) if lists_file else (),
            {name: one for name, one in access.items() if one is not None},
            {spec.id: item.homepage for spec, item in zip(specs, feeds.feeds, strict=True) if item.homepage},
            (
                *(home.path / feeds.feeds[place].password_file for place in passwords),
                *channels.files(digests.channels, home.path),
            ),
            {one.id: one for one in told},
            frozenset(one.id for one in lists.watchlists if not one.signals),
            {
                spec.id: item.keep
                for spec, item in zip(specs, feeds.feeds, strict=True)
                if "keep" in item.model_fields_set
            },
        )

    def _read(self, path: Path) -> YamlFile | None:
        """A file, or None and a problem."""
        try:
            return yamlfile.read(path, self._replaced.get(path))
        except ConfigError as error:
            self._problems += error.problems
            return None

    def _model(self, file: YamlFile | None, model: type[M], found: list[Finding]) -> M | None:
        """A file's model, or None and the problems; `found` was found before."""
        if file is None:
            return None
        value, more = _validated(model, file.data)
        if found or more or file.problems:
            self._problems += tell(file, [*more, *found])
        return value

    def _channels(self, file: YamlFile | None, digests: DigestsFile | None) -> tuple[Channel, ...]:
        """The channels, with the secrets that stand in files of their own."""
        found, problems = channels.read(digests.channels if digests else (), self._home.path)
        if problems and file is not None:
            self._problems += tell(file, problems)
        return found

    def _passwords(self, file: YamlFile | None, feeds: FeedsFile | None) -> dict[int, str]:
        """The passwords that stand in files of their own, by the feed's place in the list."""
        found: dict[int, str] = {}
        problems: list[Finding] = []
        for place, item in enumerate(feeds.feeds if feeds else ()):
            if item.password_file:
                try:
                    found[place] = self._password(item.password_file)
                except ValueError as error:
                    loc = ("feeds", place, "password_file")
                    problems.append((loc, f"{dotted(loc)}: {error}"))
        if problems and file is not None:
            self._problems += tell(file, problems)
        return found

    def _password(self, path: str) -> str:
        """The password in a file; ValueError when there is none."""
        value = environment.contents(str(self._home.path / path))
        if not value:
            raise ValueError(f"{path!r} is empty; it should hold the password")
        return password(SecretStr(value)).get_secret_value()

    def _settings(self) -> Settings | None:
        """The settings of file and environment; a problem names the one that said it."""
        overrides = environment.read(self._environ)
        self._problems += overrides.problems
        file = self._read(self._home.settings_file)
        if file is None:
            return None
        value, found = _validated(Settings, environment.merge(file.data, overrides))
        found += [*self._templates(value), *_signup(value)]
        self._problems += [_by_variable(loc, text, overrides) for loc, text in found if overrides.name(loc)]
        of_file = [(loc, text) for loc, text in found if not overrides.name(loc)]
        if of_file or file.problems:
            self._problems += tell(file, of_file)
        return value

    def _templates(self, settings: Settings | None) -> list[Finding]:
        """Templates of one's own must be there when they are named; the usual folder need not."""
        named = settings.mail.templates if settings else ""
        usual = MailSettings.model_fields["templates"].default
        if named in ("", usual) or is_folder(self._home.path / named):
            return []
        text = f"mail.templates: {self._home.path / named} is no folder; leave it empty for the built-in templates"
        return [(("mail", "templates"), text)]


def _signup(settings: Settings | None) -> list[Finding]:
    """Letters hold links, so whoever lets visitors subscribe must say where the pages are."""
    if settings is None or settings.signup.mode == "closed" or settings.web.public_url:
        return []
    text = "signup.mode: open needs `web.public_url`: the letters that ask to confirm hold links to the pages"
    return [(("signup", "mode"), text)]


def _validated(model: type[M], data: Mapping[str, Any]) -> tuple[M | None, list[Finding]]:
    """The model of the data, or what is wrong with it."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, findings(error, model)


def _by_variable(loc: yamlfile.Loc, text: str, overrides: Overrides) -> str:
    """A problem with a value that the environment gave; the way in the file is of no use here."""
    return f"{overrides.name(loc)}: {text.partition(': ')[2] or text}"


def _copied(spec: DigestSpec, canary: str) -> DigestSpec:
    """The digest with the canary as a reader; alerts have none, and who reads it anyway reads it once."""
    if not canary or spec.schedule.every == "instant" or canary.lower() in (one.lower() for one in spec.to):
        return spec
    return replace(spec, to=(*spec.to, canary))
