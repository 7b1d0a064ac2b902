"""Mail by SMTP (RFC 5321), one recipient a message, in steps: so it is always known how far a message came.

`smtplib.sendmail` raises the same exception whether the body was never sent or was accepted and the answer lost. Here DATA,
the body and the answer are separate: what fails before the body is Retry or GiveUp, what fails after it began and before
the answer came is Quarantine, "unknown". Where the server replied, the error has its `code` and `status`; its `scope` says
whether the next message would fare any better (`replies.py`).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from typing import Literal, NoReturn

from aggregator import replies
from aggregator.errors import FetchErrorClass, GiveUp, Quarantine, Retry, WorkError

Security = Literal["starttls", "tls", "none"]

DATA_TIMEOUT = 600.0
"""Seconds to wait for the answer to the final dot (RFC 5321 §4.5.3.2.6): less would make duplicates."""
PER_CONNECTION = 100
"""Messages on one connection before a fresh one is made."""


class SmtpTransport:
    """Implements ports.Transport on a mail server.

    Attributes:
        from_address: the envelope's sender, where bounces go; its domain is what EHLO says.
        timeout: seconds to wait for the connection and for every answer but the last.
        data_timeout: seconds to wait for the answer to the body.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        from_address: str,
        security: Security = "starttls",
        username: str = "",
        password: str = "",
        timeout: float = 60.0,
        data_timeout: float = DATA_TIMEOUT,
    ) -> None:
        self._host = host
        self._port = port
        self.from_address = from_address
        self._security = security
        self._username = username
        self._password = password
        self.timeout = timeout
        self.data_timeout = data_timeout
        self.name = f"mail server {host}:{port}"
        self.form: Literal["mail"] = "mail"

    def open(self) -> SmtpSession:
        """Connect, make it private, sign in. Raises Retry when unreachable or not private, GiveUp when refused."""
        return SmtpSession(self)

    def connect(self) -> smtplib.SMTP:
        """A connection that is ready for messages."""
        try:
            smtp = self._dial()
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            self._unreachable(error)
        try:
            self._sign_in(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _dial(self) -> smtplib.SMTP:
        """Connect and greet; the library's default greeting would look the machine's name up in the DNS."""
        name = self.from_address.rpartition("@")[2] or "localhost"
        if self._security == "tls":
            context = ssl.create_default_context()
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, name, timeout=self.timeout, context=context)
        else:
            smtp = smtplib.SMTP(self._host, self._port, name, timeout=self.timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            self._protect(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _protect(self, smtp: smtplib.SMTP) -> None:
        """STARTTLS (RFC 3207); a server that stops offering it gets no password and no mail."""
        if self._security != "starttls":
            return
        if not smtp.has_extn("starttls"):
            raise _relay(Retry("tls", f"{self.name} offers no STARTTLS; nothing is sent unprotected", self.name))
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        """AUTH (RFC 4954); a refused password (535) stops everything, a server that is busy (454) does not."""
        if not self._username:
            return
        try:
            smtp.login(self._username, self._password)
        except smtplib.SMTPResponseException as error:
            refuse(error.smtp_code, error.smtp_error, f"{self.name} refuses the sign-in of {self._username}", "auth")
        except smtplib.SMTPNotSupportedError as error:
            never = GiveUp("auth", f"{self.name} takes no sign-in here; remove mail.username", self.name)
            raise _relay(never) from error
        except UnicodeError as error:
            never = GiveUp("auth", f"{self.name}: mail.username and mail.password must be ASCII", self.name)
            raise _relay(never) from error
        except (OSError, smtplib.SMTPException) as error:
            self._unreachable(error)

    def _unreachable(self, error: Exception) -> NoReturn:
        """One line for everything that kept us from talking."""
        if isinstance(error, smtplib.SMTPResponseException):
            refuse(error.smtp_code, error.smtp_error, f"{self.name} does not let us in", "greeting")
        kind: FetchErrorClass = "timeout" if "timed out" in str(error) else "connect"
        if isinstance(error, ssl.SSLError):
            kind = "tls"
        elif isinstance(error, (socket.gaierror, UnicodeError)):
            kind = "dns"
        raise _relay(Retry(kind, f"{self.name} cannot be reached: {_words(error)}", self.name)) from error


class SmtpSession:
    """Implements ports.TransportSession: one connection, made anew when the server hangs up or after 100 messages."""

    def __init__(self, transport: SmtpTransport) -> None:
        self._transport = transport
        self._smtp: smtplib.SMTP | None = transport.connect()
        self._messages = 0

    def prepare(self, address: str, sender: str = "") -> None:
        """MAIL and RCPT, `sender` in place of the transport's own. Raises Retry (4xx, connection lost), GiveUp (5xx, an address that cannot be written)."""
        if not re.fullmatch(r"[!-~]+@[!-~]+", address):
            raise GiveUp("internal", f"{address!r} is not an address in ASCII; SMTPUTF8 is not supported", address)
        smtp = self._ready()
        step: replies.Step = "mail"
        try:
            code, text = smtp.mail(sender or self._transport.from_address)
            if code == 250:
                step, (code, text) = "recipient", smtp.rcpt(address)
        except (OSError, smtplib.SMTPException) as error:
            self._lost(error)
        if code not in {250, 251}:
            self._refused(code, text, step)

    def deliver(self, body: bytes, message_id: str) -> str:
        """DATA and the body; the server's answer. Quarantine when the connection is lost after the body began."""
        smtp = self._smtp
        if smtp is None:
            raise _relay(Retry("reset", f"{self._transport.name} hung up before the body of {message_id}", message_id))
        try:
            code, text = smtp.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            self._lost(error)
        if code != 354:
            self._refused(code, text, "data")
        code, text = self._hand_over(smtp, body, message_id)
        if not 200 <= code <= 299:
            self._refused(code, text, "data")
        return f"{code} {_line(text)}"

    def close(self) -> None:
        """QUIT, if the server still listens; never raises."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (OSError, smtplib.SMTPException):
            smtp.close()

    def _ready(self) -> smtplib.SMTP:
        """A connection that is clean of the message before."""
        if self._messages >= PER_CONNECTION:
            self.close()
        if self._smtp is not None and self._messages:
            try:
                clean = self._smtp.rset()[0] == 250
            except (OSError, smtplib.SMTPException):
                clean = False
            if not clean:
                self._drop()
        if self._smtp is None:
            self._smtp, self._messages = self._transport.connect(), 0
        self._messages += 1
        return self._smtp

    def _hand_over(self, smtp: smtplib.SMTP, body: bytes, message_id: str) -> tuple[int, bytes]:
        """The body (RFC 5321 §4.5.2), and the reply; no reply, or no number in it, means unknown."""
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._transport.data_timeout)
            smtp.send(stuffed(body) + b"\r\n.\r\n")
            code, text = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(self._transport.timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._unknown(message_id, error)
        if not 200 <= code <= 599:
            self._unknown(message_id, None)
        return code, text

    def _unknown(self, message_id: str, error: Exception | None) -> NoReturn:
        self._drop()
        timed_out = error is not None and "timed out" in str(error)
        why = _words(error) if error is not None else "its answer makes no sense"
        what = f"{self._transport.name} may have taken {message_id}: no answer after the body ({why})"
        raise Quarantine("timeout" if timed_out else "reset", what, message_id) from error

    def _refused(self, code: int, text: bytes, step: replies.Step) -> NoReturn:
        """A reply that says no; 421 and nonsense end the connection too (RFC 5321 §4.2.1, §3.8)."""
        if code == 421 or not 200 <= code <= 599:
            self._drop()
        what = {"mail": "sender", "recipient": "recipient"}.get(step, "message")
        refuse(code, text, f"{self._transport.name} refuses the {what}", step)

    def _lost(self, error: Exception) -> NoReturn:
        self._drop()
        kind: FetchErrorClass = "timeout" if "timed out" in str(error) else "reset"
        raise _relay(Retry(kind, f"{self._transport.name} hung up: {_words(error)}", self._transport.name)) from error

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def stuffed(body: bytes) -> bytes:
    """A body as DATA wants it: lines end with CRLF, those that begin with a dot with one more; without the last line's end."""
    whole = (
        body.count(b"\r\n") == body.count(b"\n") == body.count(b"\r")
    )  # ours are: the search costs more than all the rest
    lines = body if whole else re.sub(rb"\r\n|\r|\n", b"\r\n", body)
    return (b"\n" + lines.removesuffix(b"\r\n")).replace(b"\n.", b"\n..")[1:]


def refuse(code: int, text: bytes | str, what: str, step: replies.Step) -> NoReturn:
    """Raise a reply as the verb it means: 5xx GiveUp, everything else Retry (RFC 5321 §4.2.1).

    A greeting of 5xx is a Retry too: the server is away, and no message has met it.
    """
    said = _line(text)
    refusal = replies.refusal(code, said, step)
    verb = GiveUp if refusal.final and step != "greeting" else Retry
    error = verb(_error_class(code, step, refusal), f"{what}: {code} {said}")
    error.code, error.status, error.scope, error.fault = code, refusal.status, refusal.scope, refusal.fault
    raise error


def _error_class(code: int, step: replies.Step, refusal: replies.Refusal) -> FetchErrorClass:
    """The stable word for a refusal."""
    if code == 421 or step == "greeting":
        return "connect"
    return "auth" if refusal.signing_in else "internal"


def _relay(error: WorkError) -> WorkError:
    """The same error as one of the whole server: the next message would fare no better."""
    error.scope = "relay"
    return error


def _line(text: bytes | str) -> str:
    """A reply's text on one line, whatever bytes the server put in it."""
    return replies.one_line(text)[:300]


def _words(error: Exception) -> str:
    """What an exception says, on one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    strerror = error.strerror if isinstance(error, OSError) else ""
    return _line(strerror or str(error)) or type(error).__name__
