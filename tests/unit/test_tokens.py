"""The normative rules of the tokeniser, one sentence a test, and the properties every text must have."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.tokens import FTS5_TOKENIZE, document, fold, index_text, primary_subtag, tokenize

QUICK = settings(derandomize=True, deadline=None, max_examples=150)

PIECES = [
    "CSTO",
    "ОДКБ",
    "cs\u00adto",
    "и\u0306",
    "О\u0301ДКБ",
    "ＣＳＴＯ",
    "ﬁ",
    "№",
    "…",
    " ",
    "-",
    ".",
    ",",
    "'",
    "’",
    "s",
    "&",
    "C++",
    "C#",
    "1,000",
]
PIECES += [
    "3.5",
    "U.S.",
    "集体",
    "ガ",
    "ｶﾞ",
    "น้ำ",
    "हिन्दी",
    "ŉ",
    "ﷺ",
    "ゟ",
    "ß",
    "İ",
    "ё",
    "_",
    "²",
    "\u200b",
    "\n",
    "ʼ",
    "А.Г.Лукашенко",
    "\ufeff",
]
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


def exact(text: str) -> list[str]:
    return list(tokenize(text).exact)


def folded(text: str) -> list[str]:
    return list(tokenize(text).folded)


@pytest.mark.parametrize(
    "text", ["CS\u00adTO", "CS\u200bTO", "\ufeffCSTO", "C\u2060S\u200eT\ufe0fO", "ＣＳＴＯ", "𝐂𝐒𝐓𝐎"]
)
def test_invisible_characters_and_wide_letters_do_not_hide_a_name(text: str) -> None:
    assert exact(text) == ["CSTO"]


def test_a_ligature_is_its_letters() -> None:
    assert exact("ﬁre") == ["fire"]


def test_the_number_sign_and_three_dots_stay_signs() -> None:
    assert exact("№ОДКБ… ещё") == ["ОДКБ", "ещё"]


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert exact("ё и\u0306 у\u0306 і\u0308") == exact("е\u0308 й ў ї")


def test_folding_takes_case_accents_and_yo_but_no_letters() -> None:
    assert folded("Élysée Ελλάδα Ёлка Йод Ўкраіна Їжак straße İstanbul") == [
        "elysee",
        "ελλαδα",
        "елка",
        "йод",
        "ўкраіна",
        "їжак",
        "strasse",
        "istanbul",
    ]


def test_exact_keeps_case_and_accents() -> None:
    assert exact("Élysée Ёлка") == ["Élysée", "Ёлка"]


def test_the_russian_stress_mark_is_dropped() -> None:
    assert exact("О́ДКБ догово\u0301р") == ["ОДКБ", "договор"]
    assert folded("стое\u0300т") == ["стоет"]


def test_marks_that_are_part_of_the_spelling_stay() -> None:
    assert exact("हिन्दी") == ["हिन्दी"]


@pytest.mark.parametrize("text", ["сям'я", "сям’я", "сямʼя", "сям`я", "сям‘я"])
def test_apostrophes_inside_a_cyrillic_word_are_dropped(text: str) -> None:
    assert exact(text) == ["сямя"]


@pytest.mark.parametrize(
    "text", ["CSTO's", "CSTO’s", "CSTO'S", "CSTOʼs", "CSTO-led", "#CSTO", "@CSTO", "CSTO#", "CSTO²", "(CSTO),"]
)
def test_what_clings_to_a_name_does_not_change_it(text: str) -> None:
    assert exact(text)[0] == "CSTO"


def test_a_latin_apostrophe_splits() -> None:
    assert exact("O'Brien Oʻzbekiston O'zbekiston") == ["O", "Brien", "O", "zbekiston", "O", "zbekiston"]


@pytest.mark.parametrize(
    ("text", "tokens"), [("post-Soviet", ["post", "Soviet"]), ("ОДКБ-2023", ["ОДКБ", "2023"]), ("a/b_c@d", [*"abcd"])]
)
def test_hyphen_slash_underscore_and_at_separate(text: str, tokens: list[str]) -> None:
    assert exact(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("U.S.", ["US"]), ("U.S.A's", ["USA"]), ("А.Г.Лукашенко", ["АГ", "Лукашенко"]), ("end.Next", ["end", "Next"])],
)
def test_dotted_initials_join(text: str, tokens: list[str]) -> None:
    assert exact(text) == tokens


def test_the_dots_of_initials_belong_to_what_is_shown() -> None:
    tokens = tokenize("the U.S. said")
    assert tokens.text[tokens.starts[1] : tokens.ends[1]] == "U.S."


def test_numbers_and_names_with_signs_stay_whole() -> None:
    assert exact("3.5 1,000 31.12.2023 AT&T C++ C# 2022,2023") == [
        "3.5",
        "1,000",
        "31.12.2023",
        "AT&T",
        "C++",
        "C#",
        "2022",
        "2023",
    ]


def test_scripts_without_blanks_are_one_token_a_character() -> None:
    assert exact("集体安全CSTO年") == ["集", "体", "安", "全", "CSTO", "年"]
    assert exact("ｶﾞス") == ["ガ", "ス"]
    assert len(exact("ความมั่นคง")) > 3


def test_offsets_count_in_the_original_text() -> None:
    tokens = tokenize("«О\u0301ДК\u00adБ», é\u200b сям’я")
    assert [tokens.text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == [
        "О\u0301ДК\u00adБ",
        "é",
        "сям’я",
    ]


def test_positions_and_beginnings_are_found() -> None:
    tokens = tokenize("Minsk minute MINSK")
    assert tokens.positions["minsk"] == [0, 2]
    assert list(tokens.beginning("min")) == ["minsk", "minute"]
    assert list(tokenize("").beginning("a")) == []


def test_a_field_stands_for_its_texts() -> None:
    made = document(
        title="a", body="b", article="c", source="Feed id", categories=("World news", "", "Minsk"), author="Ann"
    )
    assert [text.field for text in made.searched("")] == ["title", "body", "article"]
    assert [text.field for text in made.searched("body")] == ["body", "article"]
    categories = made.searched("category")
    assert [made.text("category")[text.base + text.tokens.starts[0] :][:5] for text in categories] == ["World", "Minsk"]
    assert made.text("author") == "Ann"


@pytest.mark.parametrize("code", ["ru", "ru-RU", "RU_ru", " ru"])
def test_the_primary_subtag_is_the_language(code: str) -> None:
    assert primary_subtag(code).strip() == "ru"


@QUICK
@given(TEXTS)
def test_each_token_by_itself_is_the_same_token(text: str) -> None:
    tokens = tokenize(text)
    for number, as_written in enumerate(tokens.exact):
        alone = tokenize(text[tokens.starts[number] : tokens.ends[number]])
        if len(alone) == 1:  # a letter such as ŉ is one character and two marks of one token
            assert alone.exact == (as_written,)
        assert as_written in alone.exact
        assert tokenize(as_written).exact == (as_written,)
        assert tokenize(tokens.folded[number]).folded == (tokens.folded[number],)


@QUICK
@given(TEXTS)
def test_what_is_compared_is_what_is_written(text: str) -> None:
    tokens = tokenize(text)
    assert tuple(map(fold, tokens.exact)) == tokens.folded


@QUICK
@given(TEXTS)
def test_offsets_ascend_and_never_overlap(text: str) -> None:
    tokens = tokenize(text)
    edges = [edge for pair in zip(tokens.starts, tokens.ends, strict=True) for edge in pair]
    assert edges == sorted(edges)
    assert all(start < end for start, end in zip(tokens.starts, tokens.ends, strict=True))


@QUICK
@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert all(fold(token) == token for token in tokenize(text).folded)


@QUICK
@given(st.lists(TEXTS, max_size=4))
def test_the_full_text_index_reads_back_exactly_our_tokens(texts: list[str]) -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute(f'create virtual table words using fts5(body, tokenize="{FTS5_TOKENIZE}")')
        database.execute("create virtual table terms using fts5vocab(words, instance)")
        for text in texts:
            database.execute("insert into words values (?)", (index_text(tokenize(text)),))
        stored = database.execute("select doc, term from terms order by doc, offset").fetchall()
    database.close()
    assert stored == [(number, token) for number, text in enumerate(texts, 1) for token in tokenize(text).folded]
