"""A real mail server between us and the reader: what it may change, what comes back through it, what it puts off."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from pathlib import Path

import pytest

import aggregator as package
from aggregator.app import build
from aggregator.sample.sink import Sink
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.postfix import Postfix, unusable
from tests.e2e.program import Wire, aggregator, done, smtp, until, write_home

pytestmark = pytest.mark.skipif(bool(unusable()), reason=unusable() or "postfix is here")

ROOT = Path(__file__).parents[2]
PUBLIC = {"web": {"public_url": "https://news.example"}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that postfix's daemons can enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="aggregator-postfix-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Where the readers' mailboxes are."""
    with Sink() as started:
        yield started


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def home_with_mail(home: Path, server: FeedServer, relay: Postfix, address: str = "desk@example.org") -> Path:
    """A home whose morning edition waits for one reader."""
    digest = {"id": "morning", "title": "Morning", "watchlists": ["csto"], "at": "07:30", "to": [address]}
    settings = smtp(relay.host, relay.port) | PUBLIC
    settings["mail"] |= {"from_address": "watch@news.example", "return_path": "bounce@news.example"}
    title = "Саміт CSTO in Minsk: " + "a long headline that must not be folded in the wrong place " * 4
    write_home(
        home, {"wire": server.add("/wire", Wire("wire", title))}, settings=settings, digests={"digests": [digest]}
    )
    done(home, "poll")
    done(home, "digest", "morning")
    return home


def routes(sink: Sink, back: str) -> dict[str, str]:
    return {"example.org": f"smtp:[{sink.host}]:{sink.port}", "news.example": back}


def body(home: Path) -> bytes:
    """The bytes that the waiting message will have."""
    with build(home) as app:
        (message,) = app.stores.outbox.list()
        content = app.stores.outbox.content(message)
        assert content is not None
        return app.renderer.message(content.mail, message.address, message.token, message.message_id)


def state(home: Path) -> str:
    (found,) = done(home, "subscriptions", "list", "--json").lines
    return str(found["state"])


def test_a_mail_server_on_the_way_changes_no_byte_of_ours(folder: Path, sink: Sink, server: FeedServer) -> None:
    (folder / "relay").mkdir()
    with Postfix(folder / "relay", routes(sink, "discard:")) as relay:
        home = home_with_mail(folder / "home", server, relay)
        ours = body(home)
        done(home, "send")
        (received,) = sink.wait_for(1, 10)
    added, _, rest = received.content.partition(ours[:40])
    assert ours[:40] + rest == ours
    assert added.startswith(b"Received: from ")
    assert added.count(b"\n") == added.count(b"\n\t") + 1, "one header of its own, and nothing else"
    assert b"\r\nList-Unsubscribe: <https://news.example/unsubscribe/" in received.content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in received.content
    mail = message_from_bytes(received.content, policy=policy.default)
    assert mail["From"].addresses[0].addr_spec == "watch@news.example"
    assert received.sender.startswith("bounce+")
    assert received.sender.endswith("@news.example")


def test_a_reader_who_is_gone_comes_back_to_the_return_path_and_is_suspended(
    folder: Path, sink: Sink, server: FeedServer
) -> None:
    sink.mailboxes["desk@example.org"] = "550 5.1.1 <desk@example.org> nobody of that name"
    (folder / "relay").mkdir()
    with Sink() as back, Postfix(folder / "relay", routes(sink, f"smtp:[{back.host}]:{back.port}")) as relay:
        home = home_with_mail(folder / "home", server, relay)
        assert done(home, "send").err.startswith("1 sent"), "the relay took it"
        (report,) = back.wait_for(1, 10)
    assert state(home) == "active"
    assert report.sender in ("", "<>"), "nobody answers a report"
    assert report.recipients[0].startswith("bounce+")
    said = done(home, "bounce", stdin=report.content.decode("utf-8"))
    assert said.out == (
        "subscription 1: hard bounce: 550 5.1.1 (address) nobody of that name; 1 subscription of its address suspended\n"
    )
    assert state(home) == "paused"
    done(home, "digest", "morning")
    assert [m["state"] for m in done(home, "outbox", "list", "--json").lines] == ["sent"], "no mail is made for it"


def interpreter() -> tuple[str, Mapping[str, str]] | None:
    """A Python of this version that `nobody` may run, with our packages on its path."""
    root = Path(package.__file__).parents[1]
    paths = os.pathsep.join([str(root), sysconfig.get_path("purelib"), *site.getsitepackages()])
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [program, "-c", "import aggregator.app, aggregator.store.sqlite, aggregator.settings"]
        environ = {"PYTHONPATH": paths, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            tried = subprocess.run(
                command, env=environ, user="nobody", cwd="/", capture_output=True, check=False, timeout=60
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return program, environ
    return None


def as_documented(script: Path, onwards: str) -> tuple[dict[str, str], str]:
    """The lines for main.cf and master.cf that docs/mail.md shows for a pipe, with another program and user."""
    block = (
        (ROOT / "docs/mail.md")
        .read_text("utf-8")
        .partition("For postfix:\n\n    # /etc/postfix/main.cf\n    recipient")[2]
    )
    assert block, "docs/mail.md says no more how to pipe"
    main, _, rest = f"recipient{block}".partition("\n\n")
    settings = dict(line.strip().split(" = ", 1) for line in main.splitlines())
    routes = settings["transport_maps"].removeprefix("inline:{")
    settings["transport_maps"] = f"inline:{{ {{ example.org = {onwards} }}, {routes}"
    (service,) = [line.strip() for line in rest.splitlines() if line.strip().startswith("back unix")]
    return settings, service.replace("user=aggregator", "user=nobody").replace(
        "/usr/local/bin/aggregator-back", str(script)
    )


@stored.file_only
def test_a_report_that_the_mail_server_pipes_in_suspends_by_itself(
    folder: Path, sink: Sink, server: FeedServer
) -> None:
    """As docs/mail.md sets it up, word for word but for the names."""
    found = interpreter()
    if found is None:
        pytest.skip("no Python here that the user nobody may run")
    program, environ = found
    script, home = folder / "back", folder / "home"
    exports = "\n".join(f"export {name}='{value}'" for name, value in environ.items())
    script.write_text(f"#!/bin/sh\n{exports}\n'{program}' -m aggregator --home '{home}' bounce || exit 75\n")
    script.chmod(0o755)
    sink.mailboxes["desk@example.org"] = "550 5.1.1 nobody of that name"
    (folder / "relay").mkdir()
    settings, service = as_documented(script, routes(sink, "")["example.org"])
    with Postfix(folder / "relay", {}, services=service, settings=settings) as relay:
        home_with_mail(home, server, relay)
        for path in (home, *home.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        done(home, "send")
        until(lambda: state(home) == "paused", "the subscription is suspended")
        until(lambda: relay.waiting() == 0, "the report has left the queue")
    assert "status=sent (delivered via back service (subscription 1: hard bounce" in relay.log


def test_what_a_server_behind_the_relay_puts_off_is_delivered_later_and_once(
    folder: Path, sink: Sink, server: FeedServer
) -> None:
    sink.replies = {"RCPT": "451 4.7.1 greylisted, come again"}
    (folder / "relay").mkdir()
    with Postfix(folder / "relay", routes(sink, "discard:")) as relay:
        home = home_with_mail(folder / "home", server, relay)
        done(home, "send")
        until(lambda: "status=deferred" in relay.log, "the relay was put off")
        assert sink.messages == []
        sink.replies = {}
        sink.wait_for(1, 10)
        until(lambda: relay.waiting() == 0, "nothing is left")
        assert len(sink.messages) == 1
    assert done(home, "send").err.startswith("0 sent")


def test_what_the_mail_server_itself_puts_off_is_tried_again_by_us_and_arrives_once(
    folder: Path, sink: Sink, server: FeedServer
) -> None:
    grey = folder / "grey"
    grey.write_text("desk@example.org 451 4.7.1 greylisted, come again\n")
    settings = {"smtpd_recipient_restrictions": f"check_recipient_access texthash:{grey}", "max_use": "1"}
    (folder / "relay").mkdir()
    with Postfix(folder / "relay", routes(sink, "discard:"), settings=settings) as relay:
        home = home_with_mail(folder / "home", server, relay)
        put_off = aggregator(home, "send")
        assert (put_off.code, put_off.err.split(",")[1]) == (1, " 1 to be tried again")
        assert "451 4.7.1" in put_off.err
        (waiting,) = done(home, "outbox", "list", "--json").lines
        assert waiting["state"] == "waiting"
        assert state(home) == "active"
        grey.write_text("")
        os.utime(grey, (1, 1))
        done(home, "outbox", "retry", str(waiting["id"]))
        done(home, "send")
        (received,) = sink.wait_for(1, 10)
        assert received.recipients == ("desk@example.org",)
        until(lambda: relay.waiting() == 0, "nothing is left")
        assert len(sink.messages) == 1
