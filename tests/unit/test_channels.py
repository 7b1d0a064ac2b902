"""Channels in config/digests.yaml: what may stand there, and that their secrets are shown by nothing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aggregator import settings
from aggregator.channel import SCHEMES
from aggregator.errors import ConfigError

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
HOOK = {"id": "newsdesk", "webhook": "https://hooks.example.org/in", "secret_file": "secrets/newsdesk"}
WATCHLISTS = {"watchlists": [{"id": "csto", "query": "CSTO"}]}


def home(folder: Path, channels: Any, to: Any = ("desk@example.org",), secret: str = SECRET) -> Path:
    """A home whose digests.yaml has each channel and each reader on a line of its own; JSON is YAML."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/newsdesk").write_text(secret)
    (folder / "secrets/phone").write_text("ntfys://ntfy.example/T0PIC\n")
    (folder / "feeds.yaml").write_text("")
    (folder / "config/watchlists.yaml").write_text(json.dumps(WATCHLISTS))
    lines = ["channels:", *(f"  - {json.dumps(one)}" for one in channels)] if channels else []
    lines += ["digests:", "  - id: now", "    watchlists: [csto]", "    every: instant", "    to:"]
    lines += [f"      - {json.dumps(one)}" for one in to]
    (folder / "config/digests.yaml").write_text("\n".join(lines) + "\n")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        settings.load(folder, {})
    [problem] = caught.value.problems
    return problem.removeprefix(f"{folder}/")


def test_a_reader_may_be_a_channel_with_a_threshold_of_its_own(tmp_path: Path) -> None:
    to = ["desk@example.org", {"channel": "newsdesk"}, {"channel": "folder", "prominence": "title"}]
    c = settings.load(home(tmp_path, [HOOK, {"id": "folder", "directory": "var/folder"}], to), {})
    [digest] = c.digests
    assert digest.to == ("desk@example.org", "channel:newsdesk", "channel:folder")
    assert digest.stricter == (("channel:folder", "title"),)
    assert c.channels["newsdesk"].keys == (b"k" * 24,)
    assert c.channels["folder"].directory == str(tmp_path / "var/folder")
    assert tmp_path / "secrets/newsdesk" in c.secrets, "a new secret is taken over without a restart"


def test_several_secrets_are_used_side_by_side(tmp_path: Path) -> None:
    newer = "whsec_" + base64.b64encode(b"n" * 64).decode()
    c = settings.load(home(tmp_path, [HOOK], secret=f"{newer}\n\n  {SECRET}\r\n"), {})
    assert c.channels["newsdesk"].keys == (b"n" * 64, b"k" * 24)


def test_an_unknown_channel_is_named_with_its_line_and_the_one_that_was_meant(tmp_path: Path) -> None:
    said = refused(home(tmp_path, [HOOK], ["desk@example.org", {"channel": "newdesk"}]))
    assert said == (
        "config/digests.yaml:9: digests[0].to[1].channel: there is no channel 'newdesk'; did you mean `newsdesk`?"
    )
    said = refused(home(tmp_path, [], [{"channel": "newsdesk"}]))
    assert said.endswith("there is no channel 'newsdesk'; name one of `channels` in this file")


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ({"id": "a"}, "a channel has one of `webhook`, `notify_file` and `directory`"),
        (HOOK | {"directory": "x"}, "a channel has one of `webhook`, `notify_file` and `directory`"),
        ({"id": "a", "webhook": "https://h.example/"}, "a webhook needs `secret_file`"),
        ({"id": "a", "directory": "x", "secret": SECRET}, "a secret goes with `webhook` only"),
        (HOOK | {"secret": SECRET}, "`secret` and `secret_file` exclude each other; keep one"),
        ({"id": "a", "webhook": "ftp://h.example/", "secret": SECRET}, "is not an http:// or https:// address"),
        ({"id": "a", "webhook": "https://h.example/", "secret": "whsec_c2hvcnQ="}, "is no secret of a webhook"),
        ({"id": "a", "webhook": "https://h.example/", "secret": SECRET[6:]}, "is no secret of a webhook"),
        ({"id": "a", "webhook": "https://h.example/", "secret": "whsec_???"}, "is no secret of a webhook"),
        ({"id": "a", "webhook": "https://h.example/", "secret_file": "secrets/none"}, "cannot be read"),
        ({"id": "a", "notify": "json://h.example/T0PSECRET"}, "json:// is not among the services that may be used"),
        ({"id": "a", "notify": "mailto://me:T0PSECRET@h.example"}, "mailto:// is not among"),
        ({"id": "a", "notify": "T0PSECRET"}, "should hold one Apprise URL"),
        ({"id": "a", "notify": "ntfy://a ntfy://T0PSECRET"}, "should hold one Apprise URL"),
        ({"id": "a", "notify_file": "secrets/none"}, "cannot be read"),
        ({"id": "a", "url": "https://h.example/"}, "unknown key"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_in_one_line(tmp_path: Path, channel: dict[str, str], says: str) -> None:
    said = refused(home(tmp_path, [channel]))
    assert said.startswith("config/digests.yaml:2: channels[0]")
    assert says in said
    assert "T0PSECRET" not in said
    assert SECRET[6:] not in said


def test_two_channels_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "the same id as channels[0] in line 2" in refused(home(tmp_path, [HOOK, HOOK]))


@pytest.mark.parametrize("reader", [{}, {"address": "a@example.org", "channel": "newsdesk"}, {"prominence": "lead"}])
def test_a_reader_is_an_address_or_a_channel(tmp_path: Path, reader: dict[str, str]) -> None:
    assert "names one of `address` and `channel`" in refused(home(tmp_path, [HOOK], [reader]))


def test_secrets_show_in_no_form_of_the_configuration(tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="the extra [notify] is not installed; `make install` brings it")
    channels = [
        {"id": "newsdesk", "webhook": "https://hooks.example.org/T0PSECRET", "secret": SECRET},
        {"id": "phone", "notify_file": "secrets/phone"},
    ]
    c = settings.load(home(tmp_path, channels), {})
    assert c.channels["phone"].notify == "ntfys://ntfy.example/T0PIC"
    shown = f"{c!r} {settings.masked(c.settings)}"
    assert not [word for word in ("T0PSECRET", "T0PIC", SECRET, "kkkk") if word in shown]


MISSING = """
import sys
sys.modules["apprise"] = None
from aggregator.cli import main
sys.exit(main(["--home", sys.argv[1], "check"]))
"""


def test_without_the_extra_a_chat_channel_is_refused_with_the_command_that_brings_it(tmp_path: Path) -> None:
    home(tmp_path, [{"id": "phone", "notify_file": "secrets/phone"}])
    done = subprocess.run([sys.executable, "-c", MISSING, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert line.endswith("channels[0].notify_file: needs the extra: pip install 'aggregator[notify]'")


def test_no_scheme_is_allowed_that_writes_here_or_asks_any_server_for_anything() -> None:
    assert not SCHEMES & {
        "json",
        "jsons",
        "xml",
        "xmls",
        "form",
        "forms",
        "syslog",
        "dbus",
        "mailto",
        "apprise",
        "windows",
    }
