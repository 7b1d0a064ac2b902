"""What every transport promises (ports.Transport), and what only SMTP can get wrong, against servers on loopback."""

from __future__ import annotations

import email
import socket
import threading
from collections.abc import Iterator, Mapping
from email import policy
from pathlib import Path
from typing import Literal

import pytest

from aggregator.delivery.directory import DirectoryTransport, file_name
from aggregator.delivery.smtp import SmtpTransport, stuffed
from aggregator.errors import GiveUp, Quarantine, Retry, WorkError
from aggregator.ports import Transport, TransportSession
from aggregator.sample.sink import Sink

ID = "<digest.abcdefgh@news.example>"
BODY = b"From: a@news.example\r\nTo: desk@example.org\r\nSubject: Talks\r\n\r\nHello\r\n.dot\r\n..two\r\nend\r\n"


class Script:
    """An SMTP server for one test that answers each command as told: a reply, "hang up", "silence" or nonsense."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.replies = replies
        self.connections = 0
        self.bodies: list[bytes] = []
        self.commands: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            peer.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        try:
            with peer, peer.makefile("rb") as lines:
                if not self._answer(peer, "GREET", "220 sink.example"):
                    return
                for line in lines:
                    verb = (line.decode("latin-1").split() or [""])[0].upper()
                    self.commands.append(verb)
                    usual = {"DATA": "354 go on", "EHLO": "250-sink.example\r\n250 AUTH PLAIN", "QUIT": "221 bye"}
                    if not self._answer(peer, verb, usual.get(verb, "250 ok")):
                        return
                    if verb == "DATA" and self.replies.get("DATA", "354").startswith("354"):
                        self._body(lines)
                        if not self._answer(peer, "BODY", "250 kept"):
                            return
                    if verb == "QUIT":
                        return
        except OSError:
            return

    def _body(self, lines: Iterator[bytes]) -> None:
        body = b""
        for line in lines:
            if line == b".\r\n":
                break
            body += line
        self.bodies.append(body)

    def _answer(self, peer: socket.socket, verb: str, usual: str) -> bool:
        reply = self.replies.get(verb, usual)
        if reply == "hang up":
            return False
        if reply != "silence":
            peer.sendall(f"{reply}\r\n".encode())
        return True


def smtp(port: int, **options: object) -> SmtpTransport:
    settings = {"security": "none", "timeout": 5.0, "data_timeout": 5.0, **options}
    return SmtpTransport("127.0.0.1", port, from_address="watch@news.example", **settings)  # type: ignore[arg-type]


def hand_over(session: TransportSession) -> None:
    session.prepare("desk@example.org")
    session.deliver(BODY, ID)


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[Script]:
    server = Script(request.param)
    yield server
    server.close()


@pytest.fixture(params=["smtp", "directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Transport, str]]:
    """Every transport, with its kind."""
    if request.param == "directory":
        yield DirectoryTransport(tmp_path / "mail" / "out"), "directory"
        return
    with Sink() as sink:
        transport = smtp(sink.port)
        transport.sink = sink  # type: ignore[attr-defined]
        yield transport, "smtp"


def kept(place: tuple[Transport, str], tmp_path: Path) -> list[bytes]:
    transport, kind = place
    if kind == "directory":
        return [path.read_bytes() for path in sorted((tmp_path / "mail" / "out").iterdir())]
    return [received.content for received in transport.sink.messages]  # type: ignore[attr-defined]


# -- every transport -------------------------------------------------------------------------------------------------


def test_the_body_arrives_byte_for_byte_dots_and_all(place: tuple[Transport, str], tmp_path: Path) -> None:
    session = place[0].open()
    session.prepare("desk@example.org")
    answer = session.deliver(BODY, ID)
    session.close()
    assert answer
    assert kept(place, tmp_path) == [BODY]


def test_one_session_carries_several_messages(place: tuple[Transport, str], tmp_path: Path) -> None:
    session = place[0].open()
    for n in range(3):
        session.prepare(f"reader{n}@example.org")
        session.deliver(BODY.replace(b"Talks", f"Talks {n}".encode()), f"<digest.{n}@news.example>")
    session.close()
    assert [email.message_from_bytes(b, policy=policy.default)["Subject"] for b in kept(place, tmp_path)] == [
        "Talks 0",
        "Talks 1",
        "Talks 2",
    ]


def test_closing_twice_is_quiet(place: tuple[Transport, str]) -> None:
    session = place[0].open()
    session.close()
    session.close()


# -- the folder ------------------------------------------------------------------------------------------------------


def test_a_retry_leaves_one_file_with_the_name_of_its_message_id(tmp_path: Path) -> None:
    for _ in range(2):
        DirectoryTransport(tmp_path).open().deliver(BODY, ID)
    assert [p.name for p in tmp_path.iterdir()] == ["digest.abcdefgh.eml"]


@pytest.mark.parametrize("name", ["<../../etc/passwd@x>", "<.@x>", "<a/b\\c\n@x>", "<>", "<" + "a" * 999 + "@x>"])
def test_no_message_id_leaves_the_folder(name: str) -> None:
    made = file_name(name)
    assert Path(made).name == made
    assert not made.startswith(".")
    assert len(made) <= 204


def test_an_unwritable_folder_is_one_clear_line_and_a_retry(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file in the way")
    with pytest.raises(Retry, match=r"mail: mail cannot be written here"):
        DirectoryTransport(tmp_path / "mail").open()


def test_a_folder_that_goes_away_under_way_is_a_retry(tmp_path: Path) -> None:
    session = DirectoryTransport(tmp_path / "mail").open()
    (tmp_path / "mail").rmdir()
    with pytest.raises(Retry, match="cannot be written"):
        session.deliver(BODY, ID)


# -- SMTP: a refusal is a verb and a code ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "verb", "code"),
    [
        ({"MAIL": "451 4.3.0 later"}, Retry, 451),
        ({"MAIL": "553 5.7.1 not you"}, GiveUp, 553),
        ({"RCPT": "450 4.2.1 busy"}, Retry, 450),
        ({"RCPT": "550 5.1.1 no such mailbox"}, GiveUp, 550),
        ({"RCPT": "421 closing"}, Retry, 421),
        ({"RCPT": "hang up"}, Retry, 0),
        ({"MAIL": "hang up"}, Retry, 0),
        ({"RCPT": "hello there"}, Retry, -1),
    ],
    indirect=["script"],
)
def test_what_fails_before_the_body(script: Script, verb: type[WorkError], code: int) -> None:
    session = smtp(script.port).open()
    with pytest.raises(verb) as caught:
        session.prepare("desk@example.org")
    session.close()
    assert getattr(caught.value, "code", 0) == code
    assert not isinstance(caught.value, Quarantine)
    assert f"127.0.0.1:{script.port}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert script.bodies == []


@pytest.mark.parametrize(
    ("script", "verb", "code"),
    [
        ({"DATA": "452 4.3.1 full"}, Retry, 452),
        ({"DATA": "554 no"}, GiveUp, 554),
        ({"DATA": "hang up"}, Retry, 0),
        ({"BODY": "451 4.7.1 greylisted"}, Retry, 451),
        ({"BODY": "554 5.7.1 spam"}, GiveUp, 554),
        ({"BODY": "421 closing"}, Retry, 421),
        ({"BODY": "hang up"}, Quarantine, 0),
        ({"BODY": "silence"}, Quarantine, 0),
        ({"BODY": "what?"}, Quarantine, 0),
    ],
    indirect=["script"],
)
def test_what_fails_at_the_body(script: Script, verb: type[WorkError], code: int) -> None:
    session = smtp(script.port, data_timeout=0.3).open()
    session.prepare("desk@example.org")
    with pytest.raises(verb) as caught:
        session.deliver(BODY, ID)
    session.close()
    assert getattr(caught.value, "code", 0) == code
    if verb is Quarantine:
        assert script.bodies == [BODY.replace(b"\r\n.", b"\r\n..")]
        assert ID in str(caught.value)


@pytest.mark.parametrize("mode", ["450", "550", "421", "drop", "slow", "hang"])
def test_the_sink_misbehaves_and_the_session_goes_on(mode: str) -> None:
    verbs = {"450": Retry, "550": GiveUp, "421": Retry, "drop": Quarantine, "slow": Quarantine, "hang": Quarantine}
    with Sink(mode, delay=1.0) as sink:  # type: ignore[arg-type]
        session = smtp(sink.port, data_timeout=0.3).open()
        session.prepare("desk@example.org")
        with pytest.raises(verbs[mode]):
            session.deliver(BODY, ID)
        sink.mode = "ok"
        session.prepare("other@example.org")
        assert session.deliver(BODY, "<digest.other@news.example>").startswith("250")
        session.close()


@pytest.mark.parametrize("script", [{"RSET": "421 tired"}, {}], indirect=True)
def test_messages_on_one_connection_are_kept_apart_by_rset(script: Script) -> None:
    session = smtp(script.port).open()
    for _ in range(2):
        session.prepare("desk@example.org")
        session.deliver(BODY, ID)
    session.close()
    assert "RSET" in script.commands
    assert script.connections == (2 if script.replies else 1)
    assert len(script.bodies) == 2


@pytest.mark.parametrize(
    ("step", "reply", "scope", "fault"),
    [
        ("MAIL", "554 5.7.1 not from you", "relay", ""),
        ("MAIL", "451 4.3.0 later", "relay", ""),
        ("RCPT", "550 5.1.1 nobody", "recipient", "hard"),
        ("RCPT", "550 5.2.1 disabled", "recipient", "hard"),
        ("RCPT", "452 4.2.2 full", "recipient", "soft"),
        ("RCPT", "552 5.2.2 full", "recipient", "soft"),
        ("RCPT", "451 4.7.1 greylisted", "message", ""),
        ("RCPT", "530 5.7.0 sign in first", "relay", ""),
        ("DATA", "550 5.1.1 nobody after all", "recipient", "hard"),
        ("DATA", "554 5.6.0 malformed", "message", ""),
        ("DATA", "550 5.7.515 no DMARC", "relay", ""),
        ("DATA", "554 5.3.0 our disk is on fire", "relay", ""),
        ("DATA", "421 4.3.2 closing", "relay", ""),
    ],
)
def test_a_refusal_says_whom_it_concerns(
    step: Literal["MAIL", "RCPT", "DATA"], reply: str, scope: str, fault: str
) -> None:
    with Sink() as sink:
        sink.replies[step] = reply
        session = smtp(sink.port).open()
        with pytest.raises(WorkError) as caught:
            hand_over(session)
        sink.replies.clear()
        session.prepare("other@example.org")
        session.close()
    error = caught.value
    assert (error.scope, error.fault, error.code) == (scope, fault, int(reply[:3]))
    assert error.status == reply[4:].split(maxsplit=1)[0]
    assert isinstance(error, GiveUp if reply.startswith("5") else Retry)


def test_one_reader_who_is_gone_does_not_stop_the_next() -> None:
    with Sink() as sink:
        sink.mailboxes["gone@example.org"] = "550 5.1.1 nobody"
        session = smtp(sink.port).open()
        with pytest.raises(GiveUp) as caught:
            session.prepare("gone@example.org")
        session.prepare("desk@example.org")
        session.deliver(BODY, ID)
        session.close()
        assert [m.recipients for m in sink.messages] == [("desk@example.org",)]
    assert (caught.value.scope, caught.value.status) == ("recipient", "5.1.1")


def test_a_password_that_the_sink_refuses_concerns_all_mail() -> None:
    with Sink(password="right") as sink:
        smtp(sink.port, username="desk", password="right").open().close()
        with pytest.raises(GiveUp) as caught:
            smtp(sink.port, username="desk", password="wrong").open()
    assert (caught.value.scope, caught.value.code, caught.value.error_class) == ("relay", 535, "auth")


def test_a_server_that_cannot_be_talked_to_concerns_all_mail(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (tmp_path / "mail").write_text("a file in the way")
    transports: list[Transport] = [smtp(port), DirectoryTransport(tmp_path / "mail")]
    for transport in transports:
        with pytest.raises(Retry) as caught:
            transport.open()
        assert (caught.value.scope, caught.value.code) == ("relay", 0)


# -- SMTP: getting in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [{"AUTH": "535 5.7.8 wrong password"}], indirect=True)
def test_a_refused_password_is_for_good_and_is_never_shown(script: Script) -> None:
    with pytest.raises(GiveUp, match=r"refuses the sign-in of desk: 535") as caught:
        smtp(script.port, username="desk", password="hunter2").open()
    assert caught.value.error_class == "auth"
    assert getattr(caught.value, "code", 0) == 535
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("script", [{"AUTH": "454 4.7.0 busy"}], indirect=True)
def test_a_busy_sign_in_passes(script: Script) -> None:
    with pytest.raises(Retry):
        smtp(script.port, username="desk", password="x").open()


@pytest.mark.parametrize("script", [{}], indirect=True)
def test_without_starttls_nothing_is_sent_and_no_password_shown(script: Script) -> None:
    with pytest.raises(Retry, match="offers no STARTTLS"):
        smtp(script.port, security="starttls", username="desk", password="x").open()
    assert "AUTH" not in script.commands


@pytest.mark.parametrize("script", [{}, {"GREET": "554 go away"}, {"GREET": "hang up"}], indirect=True)
def test_a_server_that_does_not_speak_as_agreed_is_one_line_and_a_retry(script: Script) -> None:
    security = "none" if script.replies else "tls"
    with pytest.raises(Retry, match=rf"^mail server 127\.0\.0\.1:{script.port} [^\n]+$"):
        smtp(script.port, security=security).open()


def test_nobody_there_is_one_line_naming_host_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Retry, match=rf"^mail server 127\.0\.0\.1:{port} cannot be reached: Connection refused$"):
        smtp(port).open()


def test_a_name_that_does_not_resolve_is_a_retry() -> None:
    transport = SmtpTransport("no-such-host.invalid", 587, from_address="a@b.example", timeout=5)
    with pytest.raises(Retry, match=r"no-such-host\.invalid:587") as caught:
        transport.open()
    assert caught.value.error_class == "dns"


@pytest.mark.parametrize("address", ["меня@example.org", "a b@example.org", "a@example.org\r\nRCPT TO:<x@y>", "nobody"])
def test_an_address_that_smtp_cannot_carry_is_given_up(address: str) -> None:
    with Sink() as sink:
        session = smtp(sink.port).open()
        with pytest.raises(GiveUp):
            session.prepare(address)
        session.close()


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c"),
        (b".a\n.b\rc\r\r\n\n", b"..a\r\n..b\r\nc\r\n\r\n"),
        (b"a\n.\r.\r\n.", b"a\r\n..\r\n..\r\n.."),
        (b"", b""),
    ],
)
def test_lines_end_with_crlf_and_a_leading_dot_is_doubled(body: bytes, wire: bytes) -> None:
    assert stuffed(body) == wire
