from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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


ROOT = Path(__file__).parents[2]
LABELLED = [json.loads(line) for line in (ROOT / "tests/data/languages.jsonl").read_text("utf-8").splitlines()]
"""Headlines and texts with what their feed declares: the right language, a wrong one, or nothing."""
OURS = {"en", "ru", "be", "uk"}
GERMAN = "Der Generalsekretär der Organisation teilte mit, dass der Rat im Frühjahr wieder zusammentreten werde."


def nobody(text: str) -> tuple[str, float]:
    """No other opinion, as without the extra."""
    assert text
    return "", 0.0


class Opinion:
    """Always the same opinion, and what it was asked about."""

    def __init__(self, code: str, sureness: float) -> None:
        self.code, self.sureness = code, sureness
        self.asked: list[str] = []

    def __call__(self, text: str) -> tuple[str, float]:
        self.asked.append(text)
        return self.code, self.sureness


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
    assert language.detect(text, declared, nobody) == wanted


@given(st.text(), st.text())
def test_nothing_raises(text: str, declared: str) -> None:
    assert isinstance(language.detect(text, declared, nobody), str)
    assert isinstance(language.detect(text, declared, Opinion("de", 1.0)), str)


@pytest.mark.parametrize(
    "text",
    [
        "Фото недели | Коммерсантъ",
        "Объём съёмок и подъезд к объекту согласован",
        "Совет обсудит безопасность на границе",
        "Lukashenko, Putin, Tokayev: Minsk summit",
    ],
)
def test_a_text_without_signs_of_another_language_is_what_it_is_declared_to_be(text: str) -> None:
    declared = "en" if text.isascii() else "ru"
    opinion = Opinion("bg", 1.0)
    assert (language.detect(text, declared, opinion), opinion.asked) == (declared, [])


# -- another opinion -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "declared", "sureness", "wanted"),
    [
        (GERMAN, "", 0.91, "de"),
        (GERMAN, "", 0.89, ""),
        (GERMAN, "en", 0.91, "de"),  # English has no ä and ü: the declaration cannot be right
        (GERMAN, "ru", 0.91, "de"),
        (GERMAN, "nl", 0.96, "de"),
        (GERMAN, "nl", 0.94, "nl"),
        (GERMAN[:35], "nl", 1.0, "nl"),
        (GERMAN[:35], "", 1.0, "de"),
        (GERMAN[:20], "", 1.0, ""),
        ("https://de.example/" + "lang" * 20, "nl", 1.0, "nl"),
    ],
)
def test_another_opinion_counts_when_it_is_sure_and_has_enough_to_read(
    text: str, declared: str, sureness: float, wanted: str
) -> None:
    assert language.detect(text, declared, Opinion("de", sureness)) == wanted


def test_between_languages_that_are_nearly_the_same_the_declaration_is_believed() -> None:
    text = "Rådet for organisasjonen skal møtes igjen til våren, sier generalsekretæren i en melding på torsdag."
    assert language.detect(text, "nb", Opinion("no", 1.0)) == "nb"
    assert language.detect(text, "de", Opinion("no", 1.0)) == "no"


@pytest.mark.parametrize("row", [row for row in LABELLED if row["language"] in OURS], ids=lambda row: row["text"][:30])
def test_nobody_is_asked_about_a_text_that_agrees_with_its_feed(row: dict[str, str]) -> None:
    opinion = Opinion("xx", 1.0)
    assert language.detect(row["text"], row["language"], opinion) == row["language"]
    assert opinion.asked == []


def test_no_more_is_shown_than_is_needed_and_no_addresses() -> None:
    opinion = Opinion("de", 1.0)
    language.detect(f"{GERMAN} https://x.example/y {GERMAN * 20}", "", opinion)
    (asked,) = opinion.asked
    assert len(asked) <= language.ASKED
    assert "x.example" not in asked


def test_our_own_four_are_told_whatever_is_declared_and_without_the_extra() -> None:
    ours = [row for row in LABELLED if row["language"] in OURS]
    assert len(ours) >= 40
    wrong = [row for row in ours if language.detect(row["text"], row["declared"], nobody) != row["language"]]
    assert wrong == []


def test_without_the_extra_the_word_of_all_other_feeds_stands() -> None:
    theirs = [row for row in LABELLED if row["language"] not in OURS and row["declared"] == row["language"]]
    assert len(theirs) >= 25
    assert [row for row in theirs if language.detect(row["text"], row["declared"], nobody) != row["language"]] == []


def test_with_the_extra_all_are_told_and_no_right_declaration_is_spoilt() -> None:
    pytest.importorskip("py3langid", reason="the extra [lang] is not installed; `make install` brings it")
    told = [(row, language.detect(row["text"], row["declared"])) for row in LABELLED]
    wrong = [row for row, code in told if code != row["language"]]
    assert len(wrong) <= 0.05 * len(LABELLED), wrong
    assert [row for row in wrong if row["language"] in OURS or row["declared"] == row["language"]] == []
    assert [row for row in wrong if row["kind"] == "text" and row["language"] != "bg"] == []


CHILD = f"""
import json, sys
if sys.argv[1] == "blocked":
    sys.modules["py3langid"] = None
from aggregator.cli import main
from aggregator.stories import language
if sys.argv[1] == "unasked":
    assert main(["--version"]) == 0
    for line in open({str(ROOT / "tests/data/languages.jsonl")!r}, encoding="utf-8"):
        row = json.loads(line)
        if row["language"] in ("en", "ru", "be", "uk"):
            assert language.detect(row["text"], row["language"]) == row["language"]
    assert not {{"py3langid", "numpy"}} & set(sys.modules)
else:
    print(language.detect({GERMAN!r}, "en") + "/" + language.detect({GERMAN!r}, "de"))
"""


@pytest.mark.parametrize("how", ["blocked", "unasked"])
def test_the_extra_may_be_missing_and_is_loaded_at_the_first_doubt_only(how: str) -> None:
    command = [sys.executable, "-c", CHILD, how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert how == "unasked" or done.stdout.strip() == "en/de"
