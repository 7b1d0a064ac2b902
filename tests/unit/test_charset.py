from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import charset

WORDS = "Совет коллективной безопасности ОДКБ собрался в Минске: приоритеты председательства Беларуси названы"
BELARUSIAN = "Рада калектыўнай бяспекі АДКБ сабралася ў Мінску, прыярытэты старшынства Беларусі названыя"


def xml(text: str = WORDS, declared: str = "") -> str:
    label = f' encoding="{declared}"' if declared else ""
    return f'<?xml version="1.0"{label}?><rss><channel><title>{text}</title></channel></rss>'


@pytest.mark.parametrize("declared", ["", "utf-8", "windows-1251", "koi8-r"])
@pytest.mark.parametrize("header", ["", "text/xml", "text/xml; charset=windows-1251", 'text/xml; charset="utf-8"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "koi8-r", "cp866", "iso8859-5"])
def test_whatever_the_labels_say_the_words_come_out(encoding: str, header: str, declared: str) -> None:
    document = xml(declared=declared)
    assert charset.decide(document.encode(encoding), header).text == document


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_belarusian_letters_come_out(encoding: str) -> None:
    assert BELARUSIAN in charset.decide(xml(BELARUSIAN, "utf-8").encode(encoding)).text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_with_and_without_mark(encoding: str) -> None:
    assert WORDS in charset.decide(xml(declared="utf-8").encode(encoding)).text


def test_western_text_is_not_taken_for_cyrillic() -> None:
    text = "Le président a déclaré à Minsk que la réunion était déjà terminée, Übermut tut selten gut"
    assert charset.decide(xml(text).encode("latin-1")).text == xml(text)
    assert charset.decide(xml(text, "iso-8859-1").encode("latin-1"), "text/xml").encoding == "cp1252"


def test_cyrillic_labelled_as_latin_is_seen_through() -> None:
    assert WORDS in charset.decide(xml(declared="iso-8859-1").encode("cp1251")).text


@pytest.mark.parametrize("declared", ["", "utf-8", "windows-1251"])
@pytest.mark.parametrize("text", ["ОДКБ", "АДКБ", "БЕЛТА", "МЧС", "Минск", "США", "The CSTO (ОДКБ) met"])
def test_a_short_word_is_read_by_its_label(text: str, declared: str) -> None:
    assert text in charset.decide(xml(text, declared).encode("cp1251")).text


@pytest.mark.parametrize("text", ["Минск", "ОДКБ в Минске", "НОВОСТИ", "Лукашенко"])
@pytest.mark.parametrize("declared", ["", "windows-1251"])
def test_a_word_that_cannot_be_of_its_label_is_seen_through(text: str, declared: str) -> None:
    assert text in charset.decide(xml(text, declared).encode("koi8-r")).text


def test_other_labels_are_believed() -> None:
    text = "ČSTK: Příliš žluťoučký kůň"
    assert charset.decide(xml(text, "windows-1250").encode("cp1250")).text == xml(text, "windows-1250")
    japanese = xml("集団安全保障条約機構", "iso-2022-jp")
    assert charset.decide(japanese.encode("iso-2022-jp")).text == japanese


def test_a_torn_character_does_not_spoil_the_rest() -> None:
    body = xml().encode()
    cut = body[: body.index("названы".encode()) + 1]
    found = charset.decide(cut, "text/xml; charset=windows-1251")
    assert found.encoding == "utf-8"
    assert "приоритеты председательства" in found.text


@pytest.mark.parametrize("label", ["utf-7", "rot13", "base64", "no-such-thing", "idna", "unicode_escape", "hex"])
def test_dangerous_and_unknown_labels_are_ignored(label: str) -> None:
    body = b"+ADw-script+AD4- \xe9t\xe9 \\u0041"
    assert charset.decide(body, f"text/xml; charset={label}").text == "+ADw-script+AD4- été \\u0041"


@given(st.binary(), st.text(max_size=40))
def test_nothing_raises(body: bytes, header: str) -> None:
    assert isinstance(charset.decide(body, header).text, str)
    assert isinstance(charset.decide(body, f"a/b; charset={header}").text, str)
