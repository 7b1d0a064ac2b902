"""The channels of config/digests.yaml, and the secrets of theirs that stand in files of their own."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, SecretStr, model_validator

from aggregator.channel import SCHEMES, Channel, scheme
from aggregator.settings import fields as f
from aggregator.settings.environment import contents
from aggregator.settings.problems import Finding, dotted
from aggregator.settings.section import Section
from aggregator.settings.yamlfile import Loc

T = TypeVar("T")
MARK = "whsec_"
KEY_BYTES = range(24, 65)


class ChannelItem(Section):
    """One channel: a webhook, an Apprise URL (chat, push), or a folder."""

    id: f.Slug = Field(description="Stable name; `to: [{channel: ID}]` names it.")
    webhook: f.HttpUrl | None = Field(
        default=None, repr=False, description="URL that editions are posted to as signed JSON (Standard Webhooks)."
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="What signs its deliveries: whsec_ and base64 of 24 to 64 bytes; better a file.",
    )
    secret_file: f.Text = Field(
        default="", description="File with the secret; several, one a line, while receivers change to a new one."
    )
    notify: SecretStr = Field(
        default=SecretStr(""), description="Apprise URL of a chat or push service; better a file."
    )
    notify_file: f.Text = Field(default="", description="File with the Apprise URL.")
    directory: f.Text = Field(default="", description="Folder that gets a mail file (.eml) for each edition.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """One kind, each secret in one place, and no webhook without one."""
        kinds = [bool(self.webhook), bool(self.notify.get_secret_value() or self.notify_file), bool(self.directory)]
        if sum(kinds) != 1:
            raise ValueError("a channel has one of `webhook`, `notify_file` and `directory`")
        for key in ("secret", "notify"):
            if getattr(self, key).get_secret_value() and getattr(self, f"{key}_file"):
                raise ValueError(f"`{key}` and `{key}_file` exclude each other; keep one")
        signed = bool(self.secret.get_secret_value() or self.secret_file)
        if signed != bool(self.webhook):
            raise ValueError("a secret goes with `webhook` only" if signed else "a webhook needs `secret_file`")
        return self


def read(items: Sequence[ChannelItem], home: Path) -> tuple[tuple[Channel, ...], list[Finding]]:
    """The channels with their secrets, and what is wrong with those; no sentence repeats a secret."""
    found: list[Channel] = []
    problems: list[Finding] = []
    for place, item in enumerate(items):
        try:
            found.append(_channel(item, home, ("channels", place)))
        except _Refused as error:
            problems.append((error.loc, f"{dotted(error.loc)}: {error}"))
    return tuple(found), problems


def files(items: Sequence[ChannelItem], home: Path) -> tuple[Path, ...]:
    """The files that hold their secrets."""
    return tuple(home / name for item in items for name in (item.secret_file, item.notify_file) if name)


class _Refused(ValueError):  # noqa: N818 - what happened, told as a fact
    """A secret that cannot be used, and where it is named."""

    def __init__(self, loc: Loc, text: str) -> None:
        super().__init__(text)
        self.loc = loc


def _channel(item: ChannelItem, home: Path, loc: Loc) -> Channel:
    if item.webhook:
        keys = _secret(item.secret, item.secret_file, home, (*loc, "secret"), _keys)
        return Channel(item.id, webhook=item.webhook, keys=keys)
    if item.directory:
        return Channel(item.id, directory=str((home / item.directory).absolute()))
    return Channel(item.id, notify=_secret(item.notify, item.notify_file, home, (*loc, "notify"), _apprise))


def _secret(given: SecretStr, file: str, home: Path, loc: Loc, read_as: Callable[[str], T]) -> T:
    """A secret from digests.yaml or from a file of its own, read by `read_as`."""
    where = (*loc[:-1], f"{loc[-1]}_file") if file else loc
    try:
        return read_as(contents(str(home / file)) if file else given.get_secret_value())
    except ValueError as error:
        raise _Refused(where, str(error)) from None


def _keys(text: str) -> tuple[bytes, ...]:
    """The keys of a webhook: one a line, all of them used."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("holds no secret; it should hold whsec_ and base64 of 24 to 64 bytes")
    return tuple(_key(line) for line in lines)


def _key(line: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(MARK), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not line.startswith(MARK) or len(key) not in KEY_BYTES:
        raise ValueError(
            "is no secret of a webhook: whsec_ and base64 of 24 to 64 bytes, for example from "
            "`echo whsec_$(openssl rand -base64 32)`"
        )
    return key


def _apprise(text: str) -> str:
    """One Apprise URL of a service on the list, and the library that understands it."""
    url = text.strip()
    if re.search(r"\s", url) or not scheme(url):
        raise ValueError("should hold one Apprise URL, for example ntfys://ntfy.sh/TOPIC")
    if scheme(url) not in SCHEMES:
        raise ValueError(f"{scheme(url)}:// is not among the services that may be used: {', '.join(sorted(SCHEMES))}")
    if find_spec("apprise") is None:
        raise ValueError("needs the extra: pip install 'aggregator[notify]'")
    return url
