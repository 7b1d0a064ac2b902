from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.stories import language

TEXTS = {
    "en": "The secretary general of the organisation said on Thursday that the council would meet in Minsk.",
    "ru": "Генеральный секретарь организации сообщил, что заседание Совета пройдет в Минске, это будет в четверг.",
    "be": "Генеральны сакратар арганізацыі паведаміў, што пасяджэнне Савета пройдзе ў Мінску, гэта будзе ў чацвер.",
    "uk": "Генеральний секретар організації повідомив, що засідання Ради відбудеться у Києві, це буде її рішення.",
}
HEADLINES = {
    "be": "Прыярытэты старшынства Беларусі ў АДКБ",
    "ru": "Лукашенко назвал приоритеты председательства в ОДКБ, это объявлено в Минске",
    "uk": "Україна і її союзники обговорили безпеку",
}


@pytest.mark.parametrize("code", TEXTS)
@pytest.mark.parametrize("declared", ["", "en", "ru-RU", "be_BY", "uk"])
def test_a_sentence_tells_its_language_whatever_is_declared(code: str, declared: str) -> None:
    assert language.detect(TEXTS[code], declared) == code


@pytest.mark.parametrize("code", HEADLINES)
def test_a_headline_is_enough_with_or_without_a_hint(code: str) -> None:
    assert language.detect(HEADLINES[code], "") == code
    assert language.detect(HEADLINES[code], code) == code


@pytest.mark.parametrize(
    ("text", "declared", "wanted"),
    [
        ("CSTO", "be", "be"),
        ("", "en-US", "en"),
        ("12 : 5", "", ""),
        ("Der Rat der Organisation ist in Minsk zu einer Sitzung zusammengekommen.", "de", "de"),
        ("Rada organizacji zebrała się w Mińsku, aby omówić priorytety.", "pl", "pl"),
        ("Rada organizacji zebrała się w Mińsku, aby omówić priorytety.", "", ""),
        ("ҰҚШҰ кеңесі Минскіде өтті, басымдықтар аталды", "kk", "kk"),
        ("Съветът на организацията се събра в Минск и обсъди приоритетите си", "bg", "bg"),
        ("Minsk and CSTO", "be", "be"),
        ("https://the.of/and/to/in/that the", "ru", "ru"),
    ],
)
def test_otherwise_the_declared_language_stands(text: str, declared: str, wanted: str) -> None:
    assert language.detect(text, declared) == wanted


@given(st.text(), st.text())
def test_nothing_raises(text: str, declared: str) -> None:
    assert isinstance(language.detect(text, declared), str)
