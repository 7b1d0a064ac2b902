"""What may stand in config/aggregator.yaml: every setting with its type, its default and one line of help."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from aggregator.settings import fields as f
from aggregator.settings.operations import BackupSettings, DaemonSettings, OperatorSettings, RetentionSettings
from aggregator.settings.section import Section
from aggregator.settings.storage import StorageSettings


class NetworkSettings(Section):
    """How other people's servers are asked."""

    total_timeout: f.PositiveDuration = Field(
        default=f.duration("30s"), description="Longest time for one request, redirects and body included."
    )
    connect_timeout: f.PositiveDuration = Field(
        default=f.duration("5s"), description="Longest time for one connection to be made."
    )
    host_connections: int = Field(default=1, ge=1, le=8, description="Requests at a time to one host.")
    host_spacing: f.Duration = Field(default=f.duration("1s"), description="Pause between two requests to one host.")
    article_spacing: f.Duration = Field(
        default=f.duration("5s"),
        description="Pause between two article pages of one host; its robots.txt may ask for up to a minute.",
    )
    concurrency: int = Field(
        default=64,
        ge=1,
        le=1024,
        description="Requests at a time over all hosts; as many again that have waited longer than a second.",
    )
    allow_private: tuple[f.Network, ...] = Field(
        default=(), description="Private networks that may be asked all the same, for example 127.0.0.0/8."
    )
    proxy: f.ProxyUrl | None = Field(
        default=None, repr=False, description="URL of an HTTP proxy; the address guard then checks names only."
    )
    user_agent_contact: f.Contact = Field(
        default="", description="URL, mail address or both, that server owners can find in the User-Agent header."
    )

    @property
    def longest_spacing(self) -> timedelta:
        """The pause that is enough whatever a host was asked for."""
        return max(self.host_spacing, self.article_spacing)


class LimitSettings(Section):
    """How much is taken from a document before it is refused."""

    body: f.Size = Field(default=f.size("16MB"), description="Largest body after decoding.")
    headers: f.Size = Field(default=f.size("64kB"), description="Largest set of response headers.")
    redirects: int = Field(default=10, ge=0, le=20, description="Redirects followed for one request.")
    parse_time: f.PositiveDuration = Field(
        default=f.duration("10s"), description="Longest time for reading one document."
    )
    parse_memory: f.Size = Field(default=f.size("512MB"), description="Memory of one worker process.")
    articles_page: f.Size = Field(default=f.size("5MB"), description="Largest article page.")


class PollingSettings(Section):
    """When feeds are polled (how often one feed is: `interval` in feeds.yaml)."""

    floor: f.PositiveDuration = Field(
        default=f.duration("5m"), description="No feed is polled more often, whatever its `interval` says."
    )
    tick: f.PositiveDuration = Field(
        default=f.duration("2s"), description="How often the daemon asks the database what is due."
    )
    initial: f.Duration = Field(
        default=f.duration("1d"),
        description="Entries this young may enter the next digest at a feed's first poll or for a new watchlist.",
    )
    batch: int = Field(
        default=250, ge=1, le=1_000, description="Feeds written in one transaction; fewer where they bring much."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="Processes that read documents; default: one for each processor.",
    )


class MailSettings(Section):
    """Who writes, and through which server; without a host, mail is written to `mail.directory`."""

    host: f.Text = Field(default="", description="Name of the mail server; empty: mail is written to files.")
    port: int = Field(default=587, ge=1, le=65_535, description="Its port.")
    security: Annotated[Literal["starttls", "tls", "none"], BeforeValidator(f.lower)] = Field(
        default="starttls", description="How the connection is protected: starttls, tls or none."
    )
    username: f.Text = Field(default="", description="Name to sign in with; empty: no sign-in.")
    password: SecretStr = Field(
        default=SecretStr(""),
        description="Password to sign in with; better given as AGGREGATOR__MAIL__PASSWORD_FILE.",
    )
    timeout: f.PositiveDuration = Field(default=f.duration("60s"), description="Longest wait for an answer.")
    from_address: f.Address = Field(default="aggregator@localhost", description="Address that mail comes from.")
    from_name: f.Text = Field(default="aggregator", description="Name that mail comes from.")
    domain: f.DomainName = Field(default="", description="Domain of Message-IDs; default: that of `from_address`.")
    return_path: f.ReturnPath = Field(
        default="", description="Address that mail comes back to which cannot be delivered; default: `from_address`."
    )
    verp: bool = Field(
        default=True,
        description="Whether each reader's mail has a return path of its own, `name+tag@domain`, so that a bounce says whose it is.",
    )
    thread: Annotated[Literal["story", "watchlist", "none"], BeforeValidator(f.lower)] = Field(
        default="story",
        description="Which alerts a mail program shows as one conversation: of a story, of a watchlist, or none.",
    )
    directory: f.Text = Field(default="var/mail", description="Folder for .eml files while no mail server is named.")
    templates: f.Text = Field(
        default="config/templates", description="Folder with templates of your own, where it exists."
    )
    owner: f.AddressOrNone = Field(
        default="", description="Address of the person behind the lists (List-Owner); default: `from_address`."
    )
    feedback_id: f.FeedbackId = Field(
        default="", description="Feedback-ID of every mail, for large mail services; empty: none."
    )
    footer: f.Text = Field(default="", description="A line at the end of every mail, such as a postal address.")

    @property
    def message_domain(self) -> str:
        """The domain that stands in Message-IDs."""
        return self.domain or self.from_address.rpartition("@")[2]

    @property
    def bounces(self) -> str:
        """The address that mail comes back to, without a tag."""
        return self.return_path or self.from_address

    @property
    def tagged(self) -> bool:
        """Whether a tag is put into it: where that is wanted, and a long `from_address` leaves room for it."""
        return self.verp and len(self.bounces.rpartition("@")[0]) <= f.TAGGED_LENGTH


class WebSettings(Section):
    """The web pages."""

    enabled: bool = Field(default=True, description="Whether `run` serves the web pages too.")
    host: f.Text = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    public_url: f.BaseUrl = Field(
        default="", description="Where readers reach the pages; needed for links and one-click unsubscribe in mail."
    )
    visitors: Annotated[Literal["open", "closed"], BeforeValidator(f.lower)] = Field(
        default="open",
        description="open: whoever reaches the pages may read them; closed: only who signs in (`aggregator admin link`).",
    )
    search_time: f.Duration = Field(
        default=f.duration("1s"),
        description="Longest time for one search or trial of a query that is asked for on the pages or through the API.",
    )
    timezone: f.Zone = Field(
        default="UTC", description="Zone of the days and times on the pages, such as Europe/Minsk."
    )
    metrics: Annotated[Literal["auto", "open", "closed"], BeforeValidator(f.lower)] = Field(
        default="auto",
        description="Who may read /metrics. open: whoever reaches the pages; closed: who holds a token with the scope `read`; auto: closed once web.public_url is set or web.host is no loopback address.",
    )
    trusted_proxies: tuple[f.Network, ...] = Field(
        default=(),
        description="Networks of proxies in front of the pages whose X-Forwarded-For and -Proto are believed, such as 127.0.0.1/32.",
    )

    @property
    def shows_metrics(self) -> bool:
        """Whether /metrics asks for no token: by itself only while nothing but this machine is meant to reach the pages."""
        alone = not self.public_url and (self.host in ("localhost", "::1") or self.host.startswith("127."))
        return self.metrics == "open" or (self.metrics == "auto" and alone)


class SignupSettings(Section):
    """Whether visitors of the pages may subscribe."""

    mode: Annotated[Literal["open", "closed"], BeforeValidator(f.lower)] = Field(
        default="closed", description="open: visitors subscribe by themselves; closed: the operator adds them."
    )
    queries: bool = Field(default=False, description="Whether visitors may watch for queries of their own.")
    contact: f.Text = Field(
        default="", description="Who runs this and how to reach them, for letters and pages; default: the mail address."
    )


class LogSettings(Section):
    """What is told to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(f.lower)] = Field(
        default="info", description="Least important messages shown: debug, info, warning or error."
    )
    format: Annotated[Literal["text", "json"], BeforeValidator(f.lower)] = Field(
        default="text", description="text for people, json for machines."
    )


class Settings(Section):
    """config/aggregator.yaml."""

    network: NetworkSettings = Field(
        default_factory=NetworkSettings, description="How other people's servers are asked."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="How much is taken from a document before it is refused."
    )
    polling: PollingSettings = Field(default_factory=PollingSettings, description="When feeds are polled.")
    mail: MailSettings = Field(default_factory=MailSettings, description="Who writes, and through what.")
    web: WebSettings = Field(default_factory=WebSettings, description="The web pages.")
    signup: SignupSettings = Field(
        default_factory=SignupSettings, description="Whether visitors of the pages may subscribe."
    )
    retention: RetentionSettings = Field(default_factory=RetentionSettings, description="How long things are kept.")
    backup: BackupSettings = Field(default_factory=BackupSettings, description="Backups that the daemon makes.")
    operator: OperatorSettings = Field(
        default_factory=OperatorSettings, description="How whoever runs this learns of trouble."
    )
    daemon: DaemonSettings = Field(default_factory=DaemonSettings, description="How the daemon looks after itself.")
    storage: StorageSettings = Field(default_factory=StorageSettings, description="Where everything is stored.")
    log: LogSettings = Field(default_factory=LogSettings, description="What is told to standard error.")


def masked(settings: Settings) -> dict[str, Any]:
    """Every setting as it is written in the file, with secrets hidden."""
    return settings.model_dump(mode="json")


def known_settings(
    model: type[BaseModel] = Settings, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every setting's way (`("mail", "host")`) and its line of help, in the order of the file."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            yield from known_settings(info.annotation, (*above, name))
        else:
            yield (*above, name), info.description or ""
