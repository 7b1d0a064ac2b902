"""The sections of config/aggregator.yaml for years unattended: what is kept, backups, and how trouble is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from aggregator.settings import fields as f
from aggregator.settings.ages import Kept
from aggregator.settings.section import Section


def _secret_url(value: SecretStr) -> SecretStr:
    """An http or https URL that is a secret as a whole, or nothing; never shown."""
    try:
        f.http_url(value.get_secret_value() or "https://none.example")
    except ValueError:
        raise ValueError("is not a complete http:// or https:// address without a name and password in it") from None
    return value


SecretUrlOrNone = Annotated[SecretStr, AfterValidator(_secret_url)]


class RetentionSettings(Section):
    """How long things are kept."""

    entries: Kept = Field(
        default=f.duration("400d"),
        description="Age after which entries that no match and no edition needs are removed, or forever.",
    )
    tags: dict[f.Text, Kept] = Field(
        default_factory=dict,
        description="The same for feeds with a tag, such as {agency: 90d}; of several the longest. A feed's own `keep` comes first.",
    )
    messages: Kept = Field(
        default=f.duration("400d"),
        description="Age after which settled messages are removed with their addresses, attempts and letters, or forever.",
    )
    editions: Kept = Field(
        default=None,
        description="Age after which the texts of editions are removed from the database, or forever; what they told stays known.",
    )


class BackupSettings(Section):
    """Backups that the daemon makes."""

    every: f.Duration = Field(default=f.duration("1d"), description="How often; 0s: never.")
    directory: f.Text = Field(
        default="var/backups",
        description="Folder for them; better one on another disk. A relative path starts in the home folder.",
    )
    daily: int = Field(default=7, ge=1, le=400, description="Days of which the last backup is kept.")
    weekly: int = Field(default=4, ge=0, le=400, description="Weeks of which the last backup is kept besides.")


class OperatorSettings(Section):
    """How whoever runs this learns of trouble."""

    address: f.AddressOrNone = Field(
        default="", description="Where notices go, collected in one mail a day; empty: they stand in `doctor` alone."
    )
    at: f.WallTime = Field(
        default=f.wall_time("08:00"), description="When that mail comes; where nothing changed, none does."
    )
    timezone: f.Zone = Field(default="UTC", description="In which zone, such as Europe/Minsk.")
    heartbeat: SecretUrlOrNone = Field(
        default=SecretStr(""),
        description="URL that is asked while every line makes progress, such as that of a dead man's switch; empty: none.",
    )
    heartbeat_every: f.PositiveDuration = Field(default=f.duration("5m"), description="How often it is asked.")
    canary: f.AddressOrNone = Field(
        default="",
        description="A mailbox of yours that gets a copy of each digest, and whose mail is piped to `aggregator bounce`: it shows that mail arrives; empty: none.",
    )
    canary_within: f.PositiveDuration = Field(
        default=f.duration("1h"), description="How long a copy may be under way before it is missed."
    )


class DaemonSettings(Section):
    """How the daemon looks after itself."""

    hang: f.Duration = Field(
        default=f.duration("0s"),
        description="Time after which a daemon that hangs ends itself, for Docker's restart policy or the like to start it anew; 0s: never.",
    )
