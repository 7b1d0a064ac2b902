"""Encodings that are told wrongly or not at all: whether «ОДКБ» is found hangs on them (polling-and-identity §1b)."""

from __future__ import annotations

from tests.faultserver.manifest import Fault, Seen, told, well

RUSSIAN = "Саммит ОДКБ пройдёт в Минске"
BELARUSIAN = "У Мінску пройдзе саміт АДКБ"
FRENCH = "L'été à Besançon"
TEXT = (
    "Министры обороны стран, входящих в организацию, обсудят совместные учения и положение на южных границах, "
    "сообщила пресс-служба. Заседание продлится два дня, после чего его участники сделают заявление для печати."
)


def document(encoding: str, declared: str | None, title: str = RUSSIAN, mark: bytes = b"") -> bytes:
    """A feed in one encoding, declared as another or not at all."""
    declaration = (
        ""
        if declared is None
        else f"<?xml version='1.0' encoding='{declared}'?>"
        if declared
        else "<?xml version='1.0'?>"
    )
    text = (
        f"{declaration}<rss version='2.0'><channel><title>Новости</title><item><guid>1</guid><title>{title}</title>"
        f"<description>{TEXT}</description></item></channel></rss>"
    )
    return mark + text.encode(encoding)


def row(name: str, does: str, body: bytes, http: str = "application/rss+xml", title: str = RUSSIAN) -> Fault:
    """A document whose title must come out right."""
    return well(name, does, "§1b", told(("Content-Type", http), body=body), titles=(title,))


def _says_utf7(seen: Seen) -> None:
    assert "<script" not in seen.one().title + seen.one().summary


TORN = document("utf-8", "utf-8").replace("положение".encode(), "положение".encode()[:-1])
UTF7 = (
    b"<?xml version='1.0' encoding='utf-7'?><rss version='2.0'><channel><item><guid>1</guid>"
    b"<title>A +ADw-script+AD4-</title></item></channel></rss>"
)
LATIN = (
    "<?xml version='1.0' encoding='iso-8859-1'?><rss version='2.0'><channel><item><guid>1</guid>"
    f"<title>{FRENCH}</title></item></channel></rss>"
).encode("latin-1")

FAULTS: tuple[Fault, ...] = (
    row("cs-utf8", "Is UTF-8 and says so.", document("utf-8", "utf-8")),
    row("cs-utf8-http-1251", "Is UTF-8 while its server says windows-1251.", document("utf-8", "utf-8"), "text/xml; charset=windows-1251"),
    row("cs-utf8-http-latin", "Is UTF-8 while its server says Latin-1.", document("utf-8", None), "text/xml; charset=ISO-8859-1"),
    row("cs-utf8-decl-1251", "Is UTF-8 and declares windows-1251.", document("utf-8", "windows-1251")),
    row("cs-bom-decl-1251", "Is UTF-8 with a mark and declares windows-1251.", document("utf-8", "windows-1251", mark=b"\xef\xbb\xbf")),
    row("cs-1251-decl-utf8", "Is windows-1251 and declares UTF-8.", document("cp1251", "utf-8")),
    row("cs-1251-bare", "Is windows-1251 and says nothing.", document("cp1251", "")),
    row("cs-1251-http-utf8", "Is windows-1251, says so, and its server says UTF-8.", document("cp1251", "windows-1251"), "text/xml; charset=utf-8"),
    row("cs-1251-text-xml", "Is windows-1251, says so, and its server says text/xml alone.", document("cp1251", "windows-1251"), "text/xml"),
    row("cs-1251-belarusian", "Is windows-1251 in Belarusian.", document("cp1251", "windows-1251", BELARUSIAN), title=BELARUSIAN),
    row("cs-koi8r-bare", "Is KOI8-R and says nothing.", document("koi8-r", "")),
    row("cs-koi8r-decl-1251", "Is KOI8-R and declares windows-1251.", document("koi8-r", "windows-1251")),
    row("cs-cp866-bare", "Is the encoding of DOS and says nothing.", document("cp866", "")),
    row("cs-iso5-decl", "Is ISO 8859-5 and says so.", document("iso8859-5", "iso-8859-5")),
    row("cs-utf16-mark", "Is UTF-16 with a mark.", document("utf-16", "utf-16")),
    row("cs-utf16-decl-utf8", "Is UTF-16 with a mark and declares UTF-8.", document("utf-16", "utf-8")),
    row("cs-utf16-bare", "Is UTF-16 without a mark.", document("utf-16-le", "utf-16")),
    row("cs-latin1", "Is Latin-1 and says so.", LATIN, title=FRENCH),
    row("cs-unknown", "Declares an encoding that does not exist.", document("utf-8", "x-martian")),
    row("cs-torn", "Is UTF-8 with one character torn in half.", TORN),
    well("cs-utf7", "Hides markup in UTF-7: it is not read as such.", "reliability XXE", told(body=UTF7), check=_says_utf7),
)  # fmt: skip
