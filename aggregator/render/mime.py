"""From rendered parts to a MIME message, and from an edition's message to one recipient's: bytes in our own hand.

The standard library's serialiser is not used. It encodes a long `List-Unsubscribe` as RFC 2047 words, which breaks one-click
unsubscribing (RFC 8058; CPython issue 85725), it draws a random boundary, and it decodes an encoded word in a title into a
header of its own (CVE-2024-6923). Here every header is a line of ASCII that was checked, the boundary follows from the
content, and the result is parsed again and compared.

Placeholders. What differs between recipients is written as a placeholder whose name follows from the content too, so a feed
cannot write one: the address and the Message-ID stand alone on their header lines, where any length is good; the token
stands in the body as well, as long as a token and never broken over two lines. Both parts are always quoted-printable
(RFC 2045 §6.7): inside base64 nothing could be put in later.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.charset import SHORTEST, Charset
from email.header import Header

from aggregator.errors import GiveUp
from aggregator.render.columns import plain

_QP_COLUMNS = 76
_ADDRESS = re.compile(r"[!-~]+@[!-~]+|[a-z0-9-]+:;")
_ID = re.compile(r"<[!-;=?-~]+>")
_MAIL_LINE = 998
_TOKEN = re.compile(r"[a-z2-7]{26}")
_PLAIN = frozenset(range(0x20, 0x7F)) - {ord("=")}
_TABLE = tuple(bytes([b]) if b in _PLAIN else f"={b:02X}".encode() for b in range(256))


@dataclass(frozen=True, slots=True)
class Marks:
    """The placeholders of one edition and its boundary; all follow from `seed`."""

    seed: str

    @property
    def boundary(self) -> str:
        """Never in a quoted-printable part, because of its `=_` (RFC 2045 §6.7)."""
        return f"=_{self.seed}"

    @property
    def token(self) -> str:
        """Stands for the token, and is as long."""
        return self._mark("token")

    @property
    def address(self) -> str:
        """Stands for the recipient's address."""
        return self._mark("address")

    @property
    def message_id(self) -> str:
        """Stands for the Message-ID, angle brackets and all."""
        return self._mark("message-id")

    def _mark(self, name: str) -> str:
        digest = hashlib.sha256(f"{name} {self.seed}".encode()).digest()
        return b32encode(digest)[:26].decode("ascii").lower()


def marks_for(content: str) -> Marks:
    """Placeholders that cannot stand in `content`: they are made from its hash."""
    return Marks(b32encode(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest())[:32].decode().lower())


def marks_of(mail: bytes) -> Marks:
    """The placeholders of a mail that `assemble` made."""
    found = re.search(rb'^Content-Type: multipart/alternative;\r\n boundary="=_([a-z2-7]{32})"\r\n', mail, re.MULTILINE)
    if found is None:
        raise GiveUp("internal", "the stored mail of this edition is damaged: it has no boundary of ours")
    return Marks(found[1].decode("ascii"))


def assemble(headers: Sequence[tuple[str, str]], text: str, html: str, marks: Marks) -> bytes:
    """The whole message with placeholders: multipart/alternative, text first (RFC 2046 §5.1.4)."""
    lines = [f"{name}: {value}" for name, value in headers]
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative;\r\n boundary="{marks.boundary}"', ""]
    for kind, body in (("plain", text), ("html", html)):
        lines += ["", f"--{marks.boundary}", f"Content-Type: text/{kind}; charset=utf-8"]
        lines += ["Content-Transfer-Encoding: quoted-printable", "", quoted_printable(body, marks.token)]
    lines += [f"--{marks.boundary}--", ""]
    mail = "\r\n".join(lines).encode("ascii")
    _verify(mail, [name for name, _ in headers], marks, tokens=(text + html).count(marks.token))
    return mail


def fill(mail: bytes, address: str, token: str, message_id: str) -> bytes:
    """One recipient's message; it depends on the arguments alone."""
    if not (_ADDRESS.fullmatch(address) and _ID.fullmatch(message_id) and _TOKEN.fullmatch(token)):
        raise GiveUp("internal", f"{address!r}, {message_id!r} or its token cannot stand in a mail header")
    marks = marks_of(mail)
    mail = mail.replace(marks.address.encode(), address.encode(), 1)
    mail = mail.replace(marks.message_id.encode(), message_id.encode(), 1)
    return mail.replace(marks.token.encode(), token.encode())


def _shortest(name: str) -> Charset:
    """As the library has it, whatever others in this process have registered (Apprise registers UTF-8 anew)."""
    charset = Charset(name)
    charset.header_encoding = SHORTEST if name == "utf-8" else None  # type: ignore[assignment] # None: as it is
    return charset


_ASCII, _UTF8 = _shortest("us-ascii"), _shortest("utf-8")


def unstructured(name: str, text: str) -> str:
    """The value of a header that holds free text: ASCII as it is, the rest as encoded words (RFC 2047 §2).

    Controls, line breaks and bidi marks become spaces, and `=?` is split, so that no title can write a header of its own.
    """
    line = plain(re.sub(r"=(?=\?)", "= ", text))
    charset = _ASCII if line.isascii() else _UTF8
    header = Header(line.encode(str(charset), "replace"), charset, maxlinelen=75, header_name=name)
    return header.encode(splitchars=" ", linesep="\r\n")


def mailbox(name: str, address: str) -> str:
    """A display name and an address (RFC 5322 §3.4), the name quoted or encoded where it must be."""
    return _named("From", name, f"<{address}>") if plain(name) else address


def list_id(name: str, label: str) -> str:
    """A list's name for people and its label (RFC 2919 §3), the name quoted or encoded where it must be."""
    return _named("List-Id", name, f"<{label}>") if plain(name) else f"<{label}>"


def _named(header: str, name: str, bracketed: str) -> str:
    """A phrase (RFC 5322 §3.2.5) and what it names."""
    line = plain(re.sub(r"=(?=\?)", "= ", name))
    if line.isascii():
        quoted = re.sub(r'(["\\])', r"\\\1", line)
        phrase = f'"{quoted}"' if re.search(r"[^\w !#$%&'*+/=?^`{|}~-]", line) else line
        return (
            f"{phrase} {bracketed}" if len(header) + len(phrase) + len(bracketed) < 75 else f"{phrase}\r\n {bracketed}"
        )
    return f"{unstructured(header, line)}\r\n {bracketed}"


def quoted_printable(text: str, unbroken: str) -> str:
    """A text in quoted-printable, lines of at most 76 characters, `unbroken` never split (RFC 2045 §6.7)."""
    raw = text.encode("utf-8", "replace").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    mark = unbroken.encode("ascii")
    return b"\r\n".join(_encode_line(line, mark) for line in raw.split(b"\n")).decode("ascii")


def _encode_line(line: bytes, mark: bytes) -> bytes:
    encoded = b"".join([_TABLE[byte] for byte in line])
    if encoded.endswith(b" "):
        encoded = encoded[:-1] + b"=20"
    if encoded.startswith((b".", b"From ")):  # what SMTP and mbox would touch
        encoded = f"={encoded[0]:02X}".encode() + encoded[1:]
    return encoded if len(encoded) <= _QP_COLUMNS else _fold(encoded, mark)


def _fold(encoded: bytes, mark: bytes) -> bytes:
    """An encoded line with soft breaks, at no place inside an escape or the mark."""
    lines, line = [], b""
    for atom in re.findall(re.escape(mark) + rb"|=..|.", encoded):
        if len(line) + len(atom) >= _QP_COLUMNS:
            lines.append(line + b"=")
            line = b""
        line += atom
    return b"\r\n".join([*lines, line])


def _verify(mail: bytes, names: Sequence[str], marks: Marks, tokens: int) -> None:
    """Parse the mail as a reader would: its headers must be ours and no others, and every placeholder whole."""
    parsed = message_from_bytes(mail, policy=policy.default)
    expected = [*names, "MIME-Version", "Content-Type"]
    head = mail.partition(b"\r\n\r\n")[0]
    counts = [mail.count(mark.encode()) for mark in (marks.address, marks.message_id)]
    in_head = head.count(marks.token.encode())
    whole = counts == [1, 1] and mail.count(marks.token.encode()) == tokens + in_head
    if parsed.keys() != expected or parsed.defects or not whole or max(map(len, mail.split(b"\r\n"))) > _MAIL_LINE:
        raise GiveUp("internal", "the mail does not read back as it was written; the edition is kept in the archive")
